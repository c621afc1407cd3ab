/* SPDX-License-Identifier: MIT
 *
 * plan_test.c - the language of fault plans: each production by what its rule
 * says, each error by position, code and text; and that no text at all makes
 * the parser read or write where it must not.
 */
#include "runtime/base/prng.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/libc.h"
#include "runtime/probe/plan.h"
#include "tests/support/unit.h"

static const char *const kinds[] = {
#define COPI_X(name, text, class) text,
    COPI_RULES(COPI_X)
#undef COPI_X
};

/* ---------------------------------------------------------- productions -- */

static struct copi_plan plan;
static struct copi_plan_error error;

static char shown[512];

__attribute__((format(printf, 1, 2))) static void add(const char *fmt, ...)
{
    size_t used = strlen(shown);
    va_list args;
    va_start(args, fmt);
    vsnprintf(shown + used, sizeof shown - used, fmt, args);
    va_end(args);
}

static void add_text(const char *name, const char *value)
{
    if (value[0] != '\0')
        add(" %s=%s", name, value);
}

static void add_number(const char *name, uint64_t value)
{
    if (value != 0)
        add(" %s=%" PRIu64, name, value);
}

static void add_when(const struct copi_rule *r)
{
    if (r->p != COPI_PLAN_CERTAIN)
        add(" p=%u", (unsigned)r->p);
    add_number("every", (uint64_t)r->every_ns);
    add_number("nth", r->nth);
    add_number("count", r->count);
    add_number("after", (uint64_t)r->after_ns);
    add_number("until", (uint64_t)r->until_ns);
    if (r->has_seed)
        add(" seed=%" PRIu64, r->seed);
}

/* All that a rule says beside the defaults; times in nanoseconds. */
static void show(const struct copi_rule *r)
{
    shown[0] = '\0';
    add("%s", kinds[r->kind]);
    add_text("who", r->who);
    add_text("from", r->from);
    add_text("to", r->to);
    add_text("tag", r->tag_name);
    add_number("tag", r->tag);
    if (r->class == COPI_RULE_MESSAGE && r->sends != 7)
        add(" sends=%u", r->sends);
    if (r->class == COPI_RULE_POINT)
        add(" point=%s", copi_fault_name((enum copi_fault_point)r->point));
    if (r->class == COPI_RULE_CALL)
        add(" call=%s error=%s", copi_libc_name((enum copi_libc)r->call),
            strerrorname_np(r->error));
    add_text("reason", r->reason);
    add_number("low", (uint64_t)r->low_ns);
    add_number("high", (uint64_t)r->high_ns);
    add_number("factor", r->factor);
    add_when(r);
}

static const struct {
    const char *text, *says;
} good[] = {
    /* kinds, and their places */
    {"kill worker", "kill who=worker"},
    {"exit db boom", "exit who=db reason=boom"},
    {"segv *", "segv who=*"},
    {"abort a?c", "abort who=a?c"},
#if COPI_PLAN_HAS_FPE
    {"fpe x", "fpe who=x"},
#endif
    {"overflow x", "overflow who=x"},
    {"hang x", "hang who=x"},
    {"hang x 100ms", "hang who=x high=100000000"},
    {"slow db x10", "slow who=db factor=10"},
    {"drop", "drop"},
    {"duplicate", "duplicate"},
    {"delay 5ms", "delay low=5000000 high=5000000"},
    {"delay 5ms..50ms", "delay low=5000000 high=50000000"},
    {"delay 0ms..1us", "delay high=1000"},
    {"fail alloc", "fail point=alloc"},
    {"fail map", "fail point=map"},
    {"fail thread", "fail point=thread"},
    {"fail spawn", "fail point=spawn"},
    {"errno mmap ENOMEM", "errno point=map"},
    {"errno pthread_create EAGAIN", "errno point=thread"},
#if COPI_LIBC_CAN_FAIL
    {"errno read EIO p=0.001", "errno call=read error=EIO p=1000000"},
    {"errno close EINTR", "errno call=close error=EINTR"},
    {"errno openat EMFILE actor=db.* nth=2",
     "errno who=db.* call=openat error=EMFILE nth=2 count=1"},
    {"errno actor=db clock_nanosleep EINTR every=1s",
     "errno who=db call=clock_nanosleep error=EINTR every=1000000000"},
    {"errno connect ECONNREFUSED after=1s until=2s",
     "errno call=connect error=ECONNREFUSED after=1000000000 "
     "until=2000000000"},
#endif
    /* options, in any order with the places */
    {"kill actor=worker.*", "kill who=worker.*"},
    {"slow actor=db x10", "slow who=db factor=10"},
    {"exit actor=db boom", "exit who=db reason=boom"},
    {"hang actor=db 1s", "hang who=db high=1000000000"},
    {"drop tag=7", "drop tag=7"},
    {"drop tag=0xfffff010", "drop tag=4294963216"},
    {"drop tag=PING", "drop tag=PING"},
    {"drop tag=a.b-c_9", "drop tag=a.b-c_9"},
    {"drop from=a to=b*", "drop from=a to=b*"},
    {"drop kind=plain", "drop sends=1"},
    {"drop kind=cast", "drop sends=2"},
    {"drop kind=call", "drop sends=4"},
    {"drop kind=reply", "drop sends=8"},
    {"delay from=a 5ms..50ms to=b",
     "delay from=a to=b low=5000000 high=50000000"},
    {"kill x p=0.25", "kill who=x p=250000000"},
    {"kill x p=1", "kill who=x"},
    {"kill x p=1.000", "kill who=x"},
    {"kill x p=0", "kill who=x p=0"},
    {"kill x p=0.000000001", "kill who=x p=1"},
    {"kill x every=100ms", "kill who=x every=100000000"},
    {"fail alloc nth=1000", "fail point=alloc nth=1000 count=1"},
    {"fail alloc nth=9 count=3", "fail point=alloc nth=9 count=3"},
    {"drop count=0x10", "drop count=16"},
    {"drop after=1s until=2s", "drop after=1000000000 until=2000000000"},
    {"drop seed=18446744073709551615", "drop seed=18446744073709551615"},
    {"drop seed=0", "drop seed=0"},
    /* units */
    {"hang x 7ns", "hang who=x high=7"},
    {"hang x 7us", "hang who=x high=7000"},
    {"hang x 7s", "hang who=x high=7000000000"},
    {"hang x 2min", "hang who=x high=120000000000"},
    {"hang x 8760h", "hang who=x high=31536000000000000"},
};

START_TEST(says_what_is_written)
{
    for (size_t i = 0; i < COPI_ARRAY_LEN(good); i++) {
        int rc = copi_plan_parse(&plan, good[i].text, &error);
        ck_assert_msg(rc == 0, "%s: %s", good[i].text, error.text);
        ck_assert_uint_eq(plan.count, 1);
        show(&plan.rule[0]);
        ck_assert_str_eq(shown, good[i].says);
        ck_assert_str_eq(plan.rule[0].text, good[i].text);
    }
}
END_TEST

START_TEST(rules_are_separated)
{
    const char *text = "# all of it\n"
                       "  ; seed=0x2a ;; \n"
                       "kill a\t p=0.5 ;drop# what a pity\r\n"
                       "\t delay   1ms \r\n"
                       "slow b x3;";
    ck_assert_int_eq(copi_plan_parse(&plan, text, &error), 0);
    ck_assert_uint_eq(plan.count, 4);
    ck_assert(plan.has_seed);
    ck_assert_uint_eq(plan.seed, 42);
    ck_assert_str_eq(plan.rule[0].text, "kill a  p=0.5"); /* a tab */
    ck_assert_str_eq(plan.rule[1].text, "drop");
    ck_assert_str_eq(plan.rule[2].text, "delay   1ms");
    ck_assert_str_eq(plan.rule[3].text, "slow b x3");
    ck_assert_int_eq(copi_plan_parse(&plan, "", &error), 0);
    ck_assert_uint_eq(plan.count, 0);
    ck_assert(!plan.has_seed);
}
END_TEST

/* --------------------------------------------------------------- errors -- */

#define KINDS                                                                  \
    "seed= or one of kill exit segv abort fpe overflow hang slow drop delay "  \
    "duplicate fail errno"
#define WHO "an actor's name or pattern"
#define SPAN "a time such as 5ms, up to a year"
#define RANGE "a time or a range such as 5ms..50ms"
#define FACTOR "a factor from x2 to x1000"
#define POINT "a fault point, one of alloc map thread spawn"
#define COUNT "a number from 1 on"
#define SHARE "a number from 0 to 1"
#define CALL "a call, one of mmap pthread_create open openat close "
#define ERROR "an error, one of EPERM ENOENT EINTR EIO "
#define END_OF ", found the end of the rule"
#define LONG64                                                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text;
    unsigned line, column;
    const char *says; /* a beginning */
} bad[] = {
    {"kil worker", 1, 1, "expected " KINDS ", found `kil`"},
    {"p=1", 1, 1, "expected " KINDS ", found `p=1`"},
    {"kill a\n\n  drop; bogus", 3, 9, "expected " KINDS ", found `bogus`"},
    {"kill", 1, 5, "expected " WHO END_OF},
    {"kill # x", 1, 6, "expected " WHO END_OF},
    {"kill p=0.1", 1, 11, "expected " WHO END_OF},
    {"kill a b", 1, 8, "expected an option, or the end of the rule, found `b`"},
    {"kill actor=", 1, 12, "expected a pattern for names, of at most 63 bytes"},
    {"kill " LONG64, 1, 6, "expected a pattern for names, of at most 63"},
    {"kill a actor=b", 1, 8, "given twice in one rule"},
    {"kill a color=red", 1, 8,
     "expected an option, one of actor= p= every= nth= count= after= until= "
     "seed=, found `color=red`"},
    {"kill a tag=1", 1, 8, "expected an option, one of actor="},
    {"drop actor=a", 1, 6,
     "expected an option, one of tag= from= to= kind= p="},
    {"fail alloc to=b", 1, 12, "expected an option, one of p= every="},
    {"exit a", 1, 7, "expected a reason's name, of at most 63 bytes" END_OF},
    {"exit a " LONG64, 1, 8, "expected a reason's name, of at most 63 bytes"},
    {"hang a 5", 1, 8, "expected " SPAN ", found `5`"},
    {"hang a 5days", 1, 8, "expected " SPAN ", found `5days`"},
    {"hang a 0s", 1, 8, "expected " SPAN ", found `0s`"},
    {"hang a 1s2", 1, 8, "expected " SPAN ", found `1s2`"},
    {"hang a 8761h", 1, 8, "expected " SPAN ", found `8761h`"},
    {"hang a 99999999999999999999s", 1, 8, "expected " SPAN},
    {"slow a", 1, 7, "expected " FACTOR END_OF},
    {"slow a 10", 1, 8, "expected " FACTOR ", found `10`"},
    {"slow a x1", 1, 8, "expected " FACTOR ", found `x1`"},
    {"slow a x1001", 1, 8, "expected " FACTOR ", found `x1001`"},
    {"slow x10 actor=a", 1, 10, "given twice in one rule"},
    {"slow a x2 every=1s", 1, 19, "slow lasts: it takes no every="},
    {"delay", 1, 6, "expected " RANGE END_OF},
    {"delay 0ms", 1, 7, "expected " RANGE ", found `0ms`"},
    {"delay 0ms..0ms", 1, 7, "expected " RANGE},
    {"delay 5ms..", 1, 7, "expected " RANGE ", found `5ms..`"},
    {"delay 5ms.6ms", 1, 7, "expected " RANGE},
    {"delay 5ms...6ms", 1, 7, "expected " RANGE},
    {"delay 6ms..5ms", 1, 7, "expected " RANGE},
    {"drop 5ms", 1, 6, "expected an option, or the end of the rule"},
    {"drop tag=", 1, 10, "expected a tag's number or name" END_OF},
    {"drop tag=0", 1, 10, "expected a tag's number or name, found `0`"},
    {"drop tag=4294967296", 1, 10, "expected a tag's number or name"},
    {"drop tag=0xg", 1, 10, "expected a tag's number or name"},
    {"drop tag=a/b", 1, 10, "expected a tag's number or name"},
    {"drop tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, 10,
     "expected a tag's number or name"},
    {"drop kind=info", 1, 11,
     "expected plain, cast, call or reply, found `info`"},
    {"drop kind=reply tag=7", 1, 22, "a reply has no tag of its own"},
    {"drop p=2", 1, 8, "expected " SHARE ", found `2`"},
    {"drop p=1.000000001", 1, 8, "expected " SHARE},
    {"drop p=.5", 1, 8, "expected " SHARE},
    {"drop p=0.", 1, 8, "expected " SHARE},
    {"drop p=0.0000000001", 1, 8, "expected " SHARE},
    {"drop p=-1", 1, 8, "expected " SHARE},
    {"drop p=0,5", 1, 8, "expected " SHARE},
    {"drop p=", 1, 8, "expected " SHARE END_OF},
    {"drop p=1 p=1", 1, 10, "given twice in one rule"},
    {"drop every=1", 1, 12, "expected " SPAN},
    {"drop nth=0", 1, 10, "expected " COUNT ", found `0`"},
    {"drop count=1k", 1, 12, "expected " COUNT ", found `1k`"},
    {"drop count=18446744073709551616", 1, 12, "expected " COUNT},
    {"drop after=x", 1, 12, "expected " SPAN},
    {"drop until=1s after=1s", 1, 23, "until= is not later than after="},
    {"drop seed=x", 1, 11, "expected a number, found `x`"},
    {"fail", 1, 5, "expected " POINT END_OF},
    {"fail disk", 1, 6, "expected " POINT ", found `disk`"},
    {"seed=", 1, 6, "expected a number" END_OF},
    {"seed=1 kill a", 1, 8, "expected the end of the rule, found `kill`"},
    {"seed=1;seed=2", 1, 8, "given twice in one plan"},
    {"errno", 1, 6, "expected " CALL},
    {"errno raed EIO", 1, 7, "expected " CALL},
    {"errno reads EIO", 1, 7, "expected " CALL},
    {"errno " LONG64, 1, 7, "expected " CALL},
    {"errno p=0.1 EIO", 1, 13, "expected " CALL},
    {"errno mmap", 1, 11, "expected " ERROR},
    {"errno mmap ENOMEM actor=a", 1, 19,
     "expected an option, one of p= every="},
    {"errno actor=a mmap ENOMEM", 1, 26,
     "the call is the runtime's own: it takes no actor="},
#if COPI_LIBC_CAN_FAIL
    {"errno read", 1, 11, "expected " ERROR},
    {"errno read EOI", 1, 12, "expected " ERROR},
    {"errno read 5", 1, 12, "expected " ERROR},
    {"errno read EIO EIO", 1, 16,
     "expected an option, or the end of the rule, found `EIO`"},
    {"errno read EIO tag=1", 1, 16,
     "expected an option, one of actor= p= every= nth= count= after= until= "
     "seed=, found `tag=1`"},
#endif
    {"kill a\033[2J=", 1, 6, "expected an option, one of actor="},
};

START_TEST(errors_have_a_place)
{
    for (size_t i = 0; i < COPI_ARRAY_LEN(bad); i++) {
        int rc = copi_plan_parse(&plan, bad[i].text, &error);
        ck_assert_msg(rc == COP_EINVAL, "%s: %d", bad[i].text, rc);
        ck_assert_msg(error.line == bad[i].line &&
                          error.column == bad[i].column,
                      "%s: at %u:%u", bad[i].text, error.line, error.column);
        ck_assert_msg(strncmp(error.text, bad[i].says, strlen(bad[i].says)) ==
                          0,
                      "%s: %s", bad[i].text, error.text);
    }
}
END_TEST

START_TEST(what_cannot_be_done_is_said)
{
    if (!COPI_LIBC_CAN_FAIL) {
        ck_assert_int_eq(copi_plan_parse(&plan, "errno read EIO", &error),
                         COP_ENOTSUP);
        ck_assert_uint_eq(error.column, 7);
        ck_assert(strstr(error.text, "with a sanitizer"));
    }
    ck_assert_int_eq(copi_plan_parse(&plan, "errno mmap EIO", &error),
                     COP_ENOTSUP);
    ck_assert_uint_eq(error.column, 12);
    ck_assert(strstr(error.text, "mmap ENOMEM, pthread_create EAGAIN"));
    if (!COPI_PLAN_HAS_FPE)
        ck_assert_int_eq(copi_plan_parse(&plan, "fpe a", &error), COP_ENOTSUP);
}
END_TEST

/* What is known is told whole, and then what was found. */
START_TEST(lists_are_not_cut)
{
    static const char *const end[] = {"poll ppoll select",
                                      "epoll_ctl epoll_wait, found"};
    ck_assert_int_ne(copi_plan_parse(&plan, "errno raed EIO", &error), 0);
    for (size_t i = 0; i < COPI_ARRAY_LEN(end); i++)
        ck_assert_msg(strstr(error.text, end[i]) != NULL, "%s", error.text);
    ck_assert(strstr(error.text, "found `raed`"));
    if (!COPI_LIBC_CAN_FAIL)
        return;
    ck_assert_int_ne(copi_plan_parse(&plan, "errno read EOI", &error), 0);
    ck_assert_msg(strstr(error.text, " ECANCELED, found `EOI`") != NULL, "%s",
                  error.text);
}
END_TEST

START_TEST(rules_are_bounded)
{
    char text[40 * 8] = "";
    for (int i = 0; i < COPI_PLAN_RULES; i++)
        strcat(text, "drop\n");
    ck_assert_int_eq(copi_plan_parse(&plan, text, &error), 0);
    ck_assert_uint_eq(plan.count, COPI_PLAN_RULES);
    strcat(text, "drop\n");
    ck_assert_int_eq(copi_plan_parse(&plan, text, &error), COP_ELIMIT);
    ck_assert_uint_eq(error.line, COPI_PLAN_RULES + 1);
}
END_TEST

START_TEST(a_long_rule_is_shown_cut)
{
    char text[512];
    snprintf(text, sizeof text, "delay from=%.63s to=%.63s 1ms", LONG64,
             LONG64);
    ck_assert_int_eq(copi_plan_parse(&plan, text, &error), 0);
    ck_assert_uint_eq(strlen(plan.rule[0].text), COPI_PLAN_TEXT - 1);
    ck_assert_uint_eq(strlen(plan.rule[0].to), 63);
}
END_TEST

/* ------------------------------------------------------------- patterns -- */

START_TEST(patterns_match_whole_names)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } t[] = {
        {"a", "a", true},          {"a", "ab", false},
        {"ab", "a", false},        {"", "", true},
        {"", "a", false},          {"*", "", true},
        {"*", "anything", true},   {"**", "x", true},
        {"?", "", false},          {"?", "x", true},
        {"?", "xy", false},        {"?", "\xc3\xa4", true},
        {"??", "\xc3\xa4", false}, {"w.*", "w.1", true},
        {"w.*", "w.", true},       {"w.*", "w", false},
        {"*.x", "a.b.x", true},    {"*.x", "a.b.y", false},
        {"*a*b", "xaxxbab", true}, {"*a*b", "xaxxba", false},
        {"a*a", "a", false},       {"a*?", "a", false},
        {"a*?c", "abc", true},     {"*ab", "aab", true},
        {"a.c", "abc", false},
    };
    for (size_t i = 0; i < COPI_ARRAY_LEN(t); i++)
        ck_assert_msg(copi_plan_matches(t[i].pattern, t[i].name) ==
                          t[i].matches,
                      "%s, %s", t[i].pattern, t[i].name);
}
END_TEST

/* -------------------------------------------------------- random texts -- */

enum { TEXTS = 200000, TEXT_MAX = 120 };

static const char *const pieces[] = {
    "kill ",
    "exit ",
    "segv ",
    "hang ",
    "slow ",
    "drop ",
    "delay ",
    "fail ",
    "errno ",
    "seed=",
    "actor=",
    "tag=",
    "from=",
    "to=",
    "kind=",
    "p=",
    "every=",
    "nth=",
    "count=",
    "after=",
    "until=",
    "reply ",
    "x10 ",
    "5ms ",
    "..50ms ",
    "alloc ",
    "mmap ENOMEM ",
    "0.5 ",
    "PING ",
    "*",
    "?",
    ";",
    "\n",
    "# ",
    "=",
    " ",
    "\t",
    "99999999999999999999",
    "0x",
    "-1 ",
    "worker.1 ",
};

static size_t piece(struct copi_prng *rng, char *out, size_t room)
{
    if (copi_prng_below(rng, 10) == 0) {
        out[0] = (char)(1 + copi_prng_below(rng, 255));
        return 1;
    }
    const char *p = pieces[copi_prng_below(rng, COPI_ARRAY_LEN(pieces))];
    size_t n = COPI_MIN(strlen(p), room);
    memcpy(out, p, n);
    return n;
}

/* The text lies at the end of its block, so that sanitizers see a step beyond
 * it. */
static char *random_text(struct copi_prng *rng, char *block)
{
    char text[TEXT_MAX];
    size_t want = copi_prng_below(rng, TEXT_MAX - 1), n = 0;
    while (n < want)
        n += piece(rng, text + n, want - n);
    char *at = block + TEXT_MAX - n - 1;
    memcpy(at, text, n);
    at[n] = '\0';
    return at;
}

static void check_result(const char *text, int rc)
{
    size_t n = strlen(text);
    for (unsigned i = 0; i < plan.count; i++) {
        const struct copi_rule *r = &plan.rule[i];
        ck_assert(memchr(r->text, 0, sizeof r->text) != NULL);
        ck_assert(memchr(r->who, 0, sizeof r->who) != NULL);
        ck_assert_uint_le(r->p, COPI_PLAN_CERTAIN);
        ck_assert_int_le(r->low_ns, r->high_ns);
    }
    if (rc == 0)
        return;
    ck_assert(rc == COP_EINVAL || rc == COP_ENOTSUP || rc == COP_ELIMIT);
    ck_assert(error.line >= 1 && error.column >= 1);
    ck_assert_uint_le(error.line + error.column, n + 2);
    ck_assert(error.text[0] != '\0');
    ck_assert(memchr(error.text, 0, sizeof error.text) != NULL);
}

START_TEST(no_text_breaks_it)
{
    struct copi_prng rng;
    char *block = malloc(TEXT_MAX);
    int fine = 0, rules = 0;
    copi_prng_init(&rng, 1, "plans");
    for (int i = 0; i < TEXTS / unit_slow(); i++) {
        const char *text = random_text(&rng, block);
        int rc = copi_plan_parse(&plan, text, &error);
        if (i % 100 == 0)
            check_result(text, rc);
        fine += rc == 0;
        rules += rc == 0 && plan.count > 0;
    }
    free(block);
    ck_assert_int_gt(fine, 100 / unit_slow());
    ck_assert_int_gt(rules, 0);
}
END_TEST

static const TTest *const cases[] = {
    says_what_is_written,     rules_are_separated,
    errors_have_a_place,      what_cannot_be_done_is_said,
    lists_are_not_cut,        rules_are_bounded,
    a_long_rule_is_shown_cut, patterns_match_whole_names,
    no_text_breaks_it,
};
UNIT_MAIN("plan", cases)
