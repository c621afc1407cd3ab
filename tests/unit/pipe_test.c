/* SPDX-License-Identifier: MIT
 *
 * pipe_test.c - the stream of bytes between two processes: order, room, the
 * flags by which each end wakes the other, and an end that lies.
 */
#include "runtime/queue/pipe.h"

#include "tests/support/unit.h"

static struct copi_pipe_shared *shared;
static struct copi_pipe in, out;

static void begin(void)
{
    shared = calloc(1, sizeof *shared);
    ck_assert_ptr_nonnull(shared);
    copi_pipe_init(&in, shared);
    copi_pipe_init(&out, shared);
}

static size_t write_some(const void *from, size_t size)
{
    size_t n;
    ck_assert(copi_pipe_write(&in, from, size, &n));
    return n;
}

static size_t read_some(void *to, size_t size)
{
    size_t n;
    ck_assert(copi_pipe_read(&out, to, size, &n));
    return n;
}

/* Pieces of all sizes, several times around the ring. */
START_TEST(keeps_order_around_the_ring)
{
    static unsigned char block[5000], got[5200];
    unsigned char written = 0, read = 0;
    size_t unread = 0;
    begin();
    for (size_t size = 1; size < sizeof block; size += 7) {
        for (size_t i = 0; i < size; i++)
            block[i] = (unsigned char)(written + i);
        size_t n = write_some(block, size);
        written = (unsigned char)(written + n);
        unread += n;
        n = read_some(got, size % 3 == 0 ? size / 2 : size + 100);
        unread -= n;
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(got[i], (unsigned char)(read + i));
        read = (unsigned char)(read + n);
    }
    while (unread > 0) {
        size_t n = read_some(got, sizeof got);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(got[i], (unsigned char)(read + i));
        read = (unsigned char)(read + n);
        unread -= n;
        ck_assert_uint_gt(n, 0);
    }
    ck_assert_uint_eq(read_some(got, 1), 0);
    ck_assert_uint_eq(read, written);
    free(shared);
}
END_TEST

START_TEST(holds_no_more_than_it_can)
{
    static char block[COPI_PIPE_BYTES + 10];
    begin();
    ck_assert_uint_eq(write_some(block, sizeof block), COPI_PIPE_BYTES);
    ck_assert_uint_eq(write_some(block, 1), 0);
    ck_assert_uint_eq(read_some(block, 3), 3);
    ck_assert_uint_eq(write_some(block, 10), 3);
    free(shared);
}
END_TEST

START_TEST(wakes_who_sleeps_once)
{
    static char block[COPI_PIPE_BYTES];
    begin();
    ck_assert(!copi_pipe_must_wake_reader(&in));
    ck_assert(copi_pipe_reader_may_sleep(&out));
    ck_assert_uint_eq(write_some(block, 1), 1);
    ck_assert(copi_pipe_must_wake_reader(&in));
    ck_assert(!copi_pipe_must_wake_reader(&in));
    ck_assert(!copi_pipe_reader_may_sleep(&out));
    ck_assert(!copi_pipe_writer_may_sleep(&in));
    ck_assert_uint_eq(write_some(block, sizeof block), sizeof block - 1);
    ck_assert(copi_pipe_writer_may_sleep(&in));
    ck_assert_uint_eq(read_some(block, 1), 1);
    ck_assert(copi_pipe_must_wake_writer(&out));
    ck_assert(!copi_pipe_must_wake_writer(&out));
    free(shared);
}
END_TEST

/* Counts that cannot be are told as such, and no byte is touched for them. */
START_TEST(believes_no_lies)
{
    static const uint64_t lies[] = {COPI_PIPE_BYTES + 1, UINT64_MAX,
                                    1ull << 63};
    char byte;
    size_t n;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        begin();
        atomic_store(&shared->written, lies[i]);
        ck_assert(!copi_pipe_read(&out, &byte, 1, &n));
        ck_assert_uint_eq(n, 0);
        ck_assert(!copi_pipe_reader_may_sleep(&out));
        atomic_store(&shared->read, i + 1); /* more than was written */
        ck_assert(!copi_pipe_write(&in, "x", 1, &n));
        ck_assert_uint_eq(n, 0);
        ck_assert(!copi_pipe_writer_may_sleep(&in));
        free(shared);
    }
}
END_TEST

static const TTest *const cases[] = {
    keeps_order_around_the_ring,
    holds_no_more_than_it_can,
    wakes_who_sleeps_once,
    believes_no_lies,
};
UNIT_MAIN("pipe", cases)
