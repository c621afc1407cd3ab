/* SPDX-License-Identifier: MIT
 *
 * reason_test.c - reasons: what is plain, what is counted, equality, text.
 */
#include "runtime/actor/reason.h"

#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "tests/support/unit.h"

#include <pthread.h>

/* Takes the reason. */
static void expect_text(cop_reason reason, const char *want)
{
    char buf[COP_REASON_TEXT];
    ck_assert_str_eq(cop_reason_str(reason, buf, sizeof(buf)), want);
    cop_reason_release(reason);
}

/* Takes both. */
static void expect_eq(cop_reason a, cop_reason b, bool want)
{
    ck_assert(cop_reason_eq(a, b) == want);
    ck_assert(cop_reason_eq(b, a) == want);
    cop_reason_release(a);
    cop_reason_release(b);
}

static cop_reason well_known(int kind)
{
    return (cop_reason){(uintptr_t)kind};
}

START_TEST(well_known_names_give_well_known_reasons)
{
#define COP_X(code, text)                                                      \
    ck_assert_uint_eq(cop_because(text).word, COP_R_##code);                   \
    ck_assert_str_eq(cop_reason_name(well_known(COP_R_##code)), text);         \
    ck_assert_int_eq(cop_reason_kind(well_known(COP_R_##code)), COP_R_##code); \
    ck_assert(copi_reason_is_plain(well_known(COP_R_##code)));                 \
    expect_text(well_known(COP_R_##code), text);
    COP_REASONS(COP_X)
#undef COP_X
}
END_TEST

START_TEST(name_alone_is_plain_and_takes_no_memory)
{
    size_t before = copi_mem_in_use();
    char name[] = "boom";
    cop_reason r = cop_because(name);
    name[0] = 'B';
    ck_assert(copi_reason_is_plain(r));
    ck_assert_uint_eq(r.word, cop_because("boom").word);
    ck_assert_uint_ne(r.word, cop_because("Boom").word);
    ck_assert_str_eq(cop_reason_name(r), "boom");
    ck_assert_int_eq(cop_reason_kind(r), COP_R_USER);
    ck_assert_str_eq(cop_reason_term(r), "");
    size_t size = 1;
    ck_assert_ptr_null(cop_reason_payload(r, &size));
    ck_assert_uint_eq(size, 0);
    for (int i = 0; i < 3; i++)
        cop_reason_release(cop_reason_retain(r));
    cop_reason_release(r);
    ck_assert_str_eq(cop_reason_name(r), "boom");
    ck_assert_uint_eq(copi_mem_in_use(), before);
}
END_TEST

START_TEST(payload_is_copied_counted_and_freed)
{
    size_t before = copi_mem_in_use();
    double payload[2] = {1.5, 2.5};
    cop_reason r = cop_because_of("boom", payload, sizeof(payload));
    ck_assert(!copi_reason_is_plain(r));
    ck_assert_uint_gt(copi_mem_in_use(), before);
    payload[0] = 0;
    size_t size;
    const double *got = cop_reason_payload(r, &size);
    ck_assert_uint_eq(size, sizeof(payload));
    ck_assert_uint_eq((uintptr_t)got % 16, 0);
    ck_assert(got[0] == 1.5 && got[1] == 2.5);
    ck_assert_int_eq(((const char *)got)[size], 0);
    ck_assert_uint_eq(cop_reason_retain(r).word, r.word);
    cop_reason_release(r);
    ck_assert_ptr_eq(cop_reason_payload(r, NULL), got);
    cop_reason_release(r);
    ck_assert_uint_eq(copi_mem_in_use(), before);
}
END_TEST

START_TEST(formatted_text_is_the_payload)
{
    cop_reason r = cop_because_fmt("boom", "%d of %s", 7, "nine");
    size_t size;
    ck_assert_str_eq(cop_reason_payload(r, &size), "7 of nine");
    ck_assert_uint_eq(size, 9);
    expect_text(r, "{boom, \"7 of nine\"}");
    expect_text(cop_because_fmt("boom", "%s", ""), "{boom, \"\"}");
}
END_TEST

START_TEST(shutdown_may_say_more)
{
    cop_reason r = cop_shutdown_because("tired");
    ck_assert(copi_reason_is_plain(r));
    ck_assert_int_eq(cop_reason_kind(r), COP_R_SHUTDOWN_TERM);
    ck_assert_str_eq(cop_reason_name(r), "shutdown");
    ck_assert_str_eq(cop_reason_term(r), "tired");
    ck_assert_ptr_null(cop_reason_payload(r, NULL));
    expect_text(r, "{shutdown, tired}");
    expect_text(cop_shutdown_because("normal"), "{shutdown, normal}");
    r = cop_because_of("shutdown", "x", 1);
    ck_assert_int_eq(cop_reason_kind(r), COP_R_SHUTDOWN_TERM);
    ck_assert_str_eq(cop_reason_term(r), "");
    expect_text(r, "{shutdown, \"x\"}");
}
END_TEST

START_TEST(orderly_are_normal_and_shutdown)
{
    for (int kind = 0; kind < COP_R_COUNT; kind++)
        ck_assert(cop_reason_is_orderly(well_known(kind)) ==
                  (kind == COP_R_NORMAL || kind == COP_R_SHUTDOWN));
    ck_assert(cop_reason_is_orderly(cop_shutdown_because("x")));
    ck_assert(!cop_reason_is_orderly(cop_because("boom")));
    ck_assert(!cop_reason_is_orderly(copi_reason_limit("mailbox")));
    cop_reason r = cop_because_of("normal", "x", 1);
    ck_assert(!cop_reason_is_orderly(r));
    cop_reason_release(r);
}
END_TEST

START_TEST(runtime_makes_badarg_and_limit)
{
    cop_reason r = copi_reason_badarg_fmt("cop_%s: %s is %d", "send", "tag", 0);
    ck_assert_int_eq(cop_reason_kind(r), COP_R_BADARG);
    ck_assert_str_eq(cop_reason_name(r), "badarg");
    expect_text(r, "{badarg, \"cop_send: tag is 0\"}");
    r = copi_reason_limit("mailbox");
    ck_assert(copi_reason_is_plain(r));
    ck_assert_int_eq(cop_reason_kind(r), COP_R_LIMIT);
    ck_assert_str_eq(cop_reason_name(r), "limit");
    ck_assert_str_eq(cop_reason_term(r), "");
    size_t size;
    ck_assert_str_eq(cop_reason_payload(r, &size), "mailbox");
    ck_assert_uint_eq(size, 7);
    ck_assert_uint_eq(r.word, copi_reason_limit("mailbox").word);
    expect_text(r, "{limit, \"mailbox\"}");
}
END_TEST

START_TEST(equal_means_equal_content)
{
    expect_eq(cop_because("boom"), cop_because("boom"), true);
    expect_eq(cop_because("boom"), cop_because("bo"), false);
    expect_eq(cop_because("boom"), COP_NORMAL, false);
    expect_eq(COP_KILL, COP_KILLED, false);
    expect_eq(cop_because_of("a", "xy", 2), cop_because_of("a", "xy", 2), true);
    expect_eq(cop_because_of("a", "xy", 2), cop_because_of("a", "xz", 2),
              false);
    expect_eq(cop_because_of("a", "xy", 2), cop_because_of("a", "xy", 1),
              false);
    expect_eq(cop_because_of("a", "xy", 2), cop_because_of("b", "xy", 2),
              false);
    expect_eq(cop_because_of("a", "", 0), cop_because("a"), false);
    expect_eq(cop_because_of("a", NULL, 0), cop_because("a"), true);
    expect_eq(cop_shutdown_because("a"), cop_because("a"), false);
    expect_eq(cop_shutdown_because("a"), cop_shutdown_because("b"), false);
    expect_eq(cop_because_of("limit", "x", 1), copi_reason_limit("x"), false);
}
END_TEST

START_TEST(long_names_are_cut_between_characters)
{
    char name[200], want[200];
    memset(name, 'a', sizeof(name));
    name[199] = 0;
    ck_assert_uint_eq(strlen(cop_reason_name(cop_because(name))), 63);
    memcpy(name + 62, "\xc3\xa9", 2); /* ends with the 64th byte */
    memcpy(want, name, 62);
    want[62] = 0;
    ck_assert_str_eq(cop_reason_name(cop_because(name)), want);
    ck_assert_str_eq(cop_reason_term(cop_shutdown_because(name)), want);
    memset(name, '\x80', sizeof(name) - 1);
    ck_assert_uint_eq(strlen(cop_reason_name(cop_because(name))), 63);
}
END_TEST

START_TEST(large_payloads_are_cut)
{
    enum { LARGE = 100000 };
    static char text[LARGE + 1];
    memset(text, 'x', LARGE);
    size_t size;
    cop_reason r = cop_because_of("boom", text, LARGE);
    cop_reason_payload(r, &size);
    ck_assert_uint_eq(size, COPI_REASON_PAYLOAD_MAX);
    cop_reason_release(r);
    r = cop_because_fmt("boom", "%s", text);
    ck_assert_uint_eq(strlen(cop_reason_payload(r, &size)), size);
    ck_assert_uint_eq(size, COPI_REASON_PAYLOAD_MAX);
    cop_reason_release(r);
    r = copi_reason_badarg_fmt("%s", text);
    ck_assert_uint_eq(strlen(cop_reason_payload(r, &size)), size);
    ck_assert_uint_eq(size, COPI_REASON_PAYLOAD_MAX);
    cop_reason_release(r);
}
END_TEST

START_TEST(misuse_is_a_reason_that_names_it)
{
    expect_text(cop_because(NULL), "{badarg, \"cop_because: name is NULL\"}");
    expect_text(cop_because(""), "{badarg, \"cop_because: name is empty\"}");
    expect_text(cop_because_of(NULL, "x", 1),
                "{badarg, \"cop_because_of: name is NULL\"}");
    expect_text(cop_because_of("x", NULL, 1),
                "{badarg, \"cop_because_of: payload is NULL\"}");
    expect_text(cop_shutdown_because(""),
                "{badarg, \"cop_shutdown_because: name is empty\"}");
    expect_text(cop_because_fmt("", "x"),
                "{badarg, \"cop_because_fmt: name is empty\"}");
}
END_TEST

START_TEST(text_shows_what_is_printable)
{
    expect_text(cop_because_of("boom", "\x00\x01\xff", 3), "{boom, <3 bytes>}");
    expect_text(cop_because_of("boom", "ab\0", 3), "{boom, <3 bytes>}");
    expect_text(
        cop_because_of("b", "z\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\xb3", 10),
        "{b, \"z\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\xb3\"}");
    expect_text(cop_because_of("b", "say \"\\\"\n\t", 9),
                "{b, \"say \\\"\\\\\\\"\\n\\t\"}");
    static const char *const ill_formed[] = {
        "\xc3",         "\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80",
        "\xf5\x80\x80", "\xf4\x90\x80\x80", "\x80",         "\xc3x",
        "\x1b[31m",     "\xc2\x9b",         "\x7f"};
    for (size_t i = 0; i < COPI_ARRAY_LEN(ill_formed); i++) {
        char want[64];
        size_t size = strlen(ill_formed[i]);
        snprintf(want, sizeof(want), "{b, <%zu bytes>}", size);
        expect_text(cop_because_of("b", ill_formed[i], size), want);
    }
    expect_text(cop_because("a\nb\x1b\xff\xc3\xa9"), "a?b??\xc3\xa9");
}
END_TEST

START_TEST(text_fits_any_buffer)
{
    cop_reason reasons[] = {COP_NORMAL, cop_because("boom"),
                            cop_shutdown_because("tired"),
                            cop_because_fmt("boom", "t\xc3\xa9xt \"\n"),
                            cop_because_of("boom", "\0", 1)};
    for (size_t i = 0; i < COPI_ARRAY_LEN(reasons); i++) {
        char whole[64], buf[64];
        cop_reason_str(reasons[i], whole, sizeof(whole));
        for (size_t size = 0; size < sizeof(buf); size++) {
            memset(buf, '#', sizeof(buf));
            ck_assert_ptr_eq(cop_reason_str(reasons[i], buf, size), buf);
            ck_assert_int_eq(buf[size], '#');
            if (size == 0)
                continue;
            size_t length = strlen(buf);
            ck_assert_uint_lt(length, size);
            ck_assert_int_eq(strncmp(buf, whole, length), 0);
            ck_assert(length == 0 || buf[length - 1] != '\xc3');
        }
        ck_assert_str_eq(buf, whole);
        cop_reason_release(reasons[i]);
    }
}
END_TEST

START_TEST(without_memory_it_is_nomem)
{
    copi_fault_alloc_set(1, true);
    cop_reason of = cop_because_of("boom", "x", 1);
    cop_reason fmt = cop_because_fmt("boom", "x");
    cop_reason badarg = copi_reason_badarg_fmt("x");
    cop_reason name = cop_because("never seen before");
    copi_fault_alloc_set(0, false);
    ck_assert_uint_eq(of.word, COP_R_NOMEM);
    ck_assert_uint_eq(fmt.word, COP_R_NOMEM);
    ck_assert_uint_eq(badarg.word, COP_R_NOMEM);
    expect_text(name, "never seen before");
}
END_TEST

static cop_reason numbered(unsigned i)
{
    char name[32];
    snprintf(name, sizeof(name), "number %u", i);
    return cop_because(name);
}

START_TEST(names_beyond_the_table_are_counted)
{
    size_t before = copi_mem_in_use();
    unsigned i = 0;
    cop_reason a = numbered(0);
    while (copi_reason_is_plain(a) && i <= COPI_REASON_INTERNED_MAX) {
        ck_assert_uint_eq(copi_mem_in_use(), before);
        a = numbered(++i);
    }
    /* Other tests' names are in the table as well if they share a process. */
    ck_assert_uint_gt(i, COPI_REASON_INTERNED_MAX - 100);
    ck_assert_uint_le(i, COPI_REASON_INTERNED_MAX);
    cop_reason b = numbered(i);
    ck_assert(!copi_reason_is_plain(b));
    ck_assert_uint_ne(a.word, b.word);
    ck_assert_str_eq(cop_reason_name(a), cop_reason_name(b));
    expect_eq(a, b, true);
    cop_reason limit = copi_reason_limit("stack");
    ck_assert(!copi_reason_is_plain(limit));
    expect_text(limit, "{limit, \"stack\"}");
    copi_fault_alloc_set(1, true);
    ck_assert_uint_eq(numbered(5000).word, COP_R_NOMEM);
    copi_fault_alloc_set(0, false);
    ck_assert_uint_eq(copi_mem_in_use(), before);
    ck_assert(copi_reason_is_plain(numbered(17)));
    ck_assert_str_eq(cop_reason_name(numbered(17)), "number 17");
}
END_TEST

#define THREADS 4
#define NAMES 1000

struct racer {
    pthread_t thread;
    cop_reason shared;
    cop_reason name[NAMES];
};

static pthread_barrier_t gate;

static void *racer_main(void *arg)
{
    struct racer *r = arg;
    pthread_barrier_wait(&gate);
    for (unsigned i = 0; i < NAMES; i++) {
        r->name[i] = numbered(i);
        cop_reason_release(cop_reason_retain(r->shared));
    }
    cop_reason_release(r->shared);
    return NULL;
}

START_TEST(threads_intern_each_name_once)
{
    static struct racer racer[THREADS];
    size_t before = copi_mem_in_use();
    cop_reason shared = cop_because_of("shared", "x", 1);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (size_t t = 0; t < THREADS; t++) {
        racer[t].shared = cop_reason_retain(shared);
        pthread_create(&racer[t].thread, NULL, racer_main, &racer[t]);
    }
    cop_reason_release(shared);
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(racer[t].thread, NULL);
    for (size_t t = 1; t < THREADS; t++)
        for (size_t i = 0; i < NAMES; i++)
            if (racer[t].name[i].word != racer[0].name[i].word)
                ck_abort_msg("name %zu was interned twice", i);
    ck_assert_uint_eq(copi_mem_in_use(), before);
}
END_TEST

static const TTest *const cases[] = {
    well_known_names_give_well_known_reasons,
    name_alone_is_plain_and_takes_no_memory,
    payload_is_copied_counted_and_freed,
    formatted_text_is_the_payload,
    shutdown_may_say_more,
    orderly_are_normal_and_shutdown,
    runtime_makes_badarg_and_limit,
    equal_means_equal_content,
    long_names_are_cut_between_characters,
    large_payloads_are_cut,
    misuse_is_a_reason_that_names_it,
    text_shows_what_is_printable,
    text_fits_any_buffer,
    without_memory_it_is_nomem,
    names_beyond_the_table_are_counted,
    threads_intern_each_name_once,
};
UNIT_MAIN("reason", cases)
