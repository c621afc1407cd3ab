/* SPDX-License-Identifier: MIT
 *
 * wire_test.c - records between processes: what is sent arrives, however small
 * the pieces, and nonsense is known for what it is.
 */
#include "runtime/api/wire.h"

#include "tests/support/unit.h"

#include <coppice.h>

enum { BODY_MAX = 4096 };

static struct copi_pipe_shared *shared;
static struct copi_pipe from, to;
static struct copi_wire_in in;

static void begin(void)
{
    shared = calloc(1, sizeof *shared);
    ck_assert_ptr_nonnull(shared);
    copi_pipe_init(&from, shared);
    copi_pipe_init(&to, shared);
    copi_wire_in_init(&in, BODY_MAX);
}

static void end(void)
{
    copi_wire_in_fini(&in);
    free(shared);
}

static bool put(void *unused, const void *p, size_t size)
{
    size_t n;
    (void)unused;
    ck_assert(copi_pipe_write(&from, p, size, &n));
    ck_assert_uint_eq(n, size);
    return true;
}

/* Byte by byte: complete with the last one, and not before. */
static bool put_slowly(void *unused, const void *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        put(unused, (const char *)p + i, 1);
        if (i + 1 < size)
            ck_assert_int_eq(copi_wire_take(&in, &to), 0);
    }
    return true;
}

START_TEST(arrives_in_pieces)
{
    static const char body[] = "some bytes of a body";
    cop_reason why = cop_because_fmt("tired", "of %d", 7);
    const struct copi_wire w = {.head = {.kind = COPI_WIRE_DOWN,
                                         .tag = COP_DOWN,
                                         .to = {5},
                                         .sender = {6},
                                         .ref = {7}},
                                .reason = &why,
                                .name = "somebody",
                                .body = body,
                                .body_bytes = sizeof body};
    begin();
    for (int i = 0; i < 3; i++) {
        ck_assert(copi_wire_emit(&w, put_slowly, NULL));
        ck_assert_int_eq(copi_wire_take(&in, &to), 1);
        ck_assert_uint_eq(in.head.to.id, 5);
        ck_assert_uint_eq(in.head.sender.id, 6);
        ck_assert_uint_eq(in.head.ref.id, 7);
        ck_assert_str_eq(in.name, "somebody");
        ck_assert_uint_eq(in.head.body_bytes, sizeof body);
        ck_assert_str_eq(in.body, body);
        cop_reason got = copi_wire_reason(&in);
        ck_assert(cop_reason_eq(got, why));
        cop_reason_release(got);
        ck_assert_int_eq(copi_wire_take(&in, &to), 0);
    }
    cop_reason_release(why);
    end();
}
END_TEST

static void travels(cop_reason why)
{
    const struct copi_wire w = {.head = {.kind = COPI_WIRE_ENDED},
                                .reason = &why};
    char one[COP_REASON_TEXT], two[COP_REASON_TEXT];
    begin();
    ck_assert(copi_wire_emit(&w, put, NULL));
    ck_assert_int_eq(copi_wire_take(&in, &to), 1);
    cop_reason got = copi_wire_reason(&in);
    ck_assert_msg(cop_reason_eq(got, why), "%s became %s",
                  cop_reason_str(why, one, sizeof one),
                  cop_reason_str(got, two, sizeof two));
    cop_reason_release(got);
    cop_reason_release(why);
    end();
}

START_TEST(reasons_of_all_kinds_travel)
{
    for (uintptr_t word = 0; word < COP_R_COUNT; word++)
        travels((cop_reason){word});
    travels(cop_because("tired"));
    travels(cop_because_of("tired", "\0\1\2", 3));
    travels(cop_because_of("tired", "", 0));
    travels(cop_shutdown_because("night"));
    travels(cop_because_of("shutdown", "x", 1));
    travels(cop_because(NULL)); /* badarg */
}
END_TEST

static int take(struct copi_wire_head h)
{
    int rc;
    begin();
    put(NULL, &h, sizeof h);
    for (int i = 0; i < 300; i++)
        put(NULL, "nonsense", 8);
    rc = copi_wire_take(&in, &to);
    end();
    return rc;
}

START_TEST(nonsense_is_refused)
{
    ck_assert_int_eq(take((struct copi_wire_head){.kind = COPI_WIRE_KINDS}),
                     COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.kind = 255}), COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.name_bytes = 257}),
                     COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.name_bytes = 8}),
                     COP_EINVAL); /* no zero closes it */
    ck_assert_int_eq(take((struct copi_wire_head){.reason_bytes = 1}),
                     COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.reason_bytes = UINT32_MAX}),
                     COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.body_bytes = BODY_MAX + 1}),
                     COP_EINVAL);
    ck_assert_int_eq(take((struct copi_wire_head){.body_bytes = 8}), 1);
}
END_TEST

/* Whatever bytes a reason has, it is one, and can be printed. */
START_TEST(any_bytes_make_a_reason)
{
    static unsigned char bytes[1024];
    char text[COP_REASON_TEXT];
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] =
                (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
        /* a kind that there is, most of the time */
        memset(bytes, 0, 4);
        bytes[0] = (unsigned char)(64 + round % 8);
        begin();
        in.rest = bytes;
        in.rest_bytes = 0;
        in.head.reason_bytes = (uint32_t)(seed % sizeof bytes);
        cop_reason got = copi_wire_reason(&in);
        cop_reason_str(got, text, sizeof text);
        cop_reason_release(got);
        in.rest = NULL;
        end();
    }
}
END_TEST

static const TTest *const cases[] = {
    arrives_in_pieces,
    reasons_of_all_kinds_travel,
    nonsense_is_refused,
    any_bytes_make_a_reason,
};
UNIT_MAIN("wire", cases)
