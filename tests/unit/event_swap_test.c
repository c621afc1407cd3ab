/* SPDX-License-Identifier: MIT
 *
 * event_swap_test.c - handlers of an event manager that take each other's
 * place. What is expected is what tests/conformance/otp/event.erl printed, in
 * the section that a test names.
 */
#include "tests/support/event.h"

/* "swap": by request it goes to the front, from within it stays where it is;
 * what terminate gave goes to init. */
static void body_swap(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "abc");
    ck_assert_int_eq(swap_for(m, 'b', "left", "d", INIT_OK, NULL), 0);
    notes_are("b terminate left|d init in place, old gone b|");
    handlers_are(m, "dca");
    ck_assert_int_eq(swap_for(m, 'x', "left", "e", INIT_OK, NULL), 0);
    notes_are("e init in place, old error|");
    handlers_are(m, "edca");
    ck_assert_int_eq(swap_for(m, 'a', "left", "a9", INIT_OK, NULL), 0);
    notes_are("a terminate left|a9 init in place, old gone a|");
    handlers_are(m, "aedc");
    tell_swap(m, 'c', "f", INIT_OK);
    notes_are("a9 event 7|e event 7|d event 7|c event 7|"
              "c terminate left|f init in place, old gone c|");
    handlers_are(m, "aedf");
    tell_swap(m, 'e', "g", INIT_OK);
    notes_forget();
    ck_assert_int_eq(cop_event_sync_notify(m, 1, NULL, 0), 0);
    notes_are("a9 event 1|g event 1|d event 1|f event 1|");
    stop_manager(m);
    notes_are("a9 terminate stop|g terminate stop|d terminate stop|"
              "f terminate stop|");
}
EVENT_TEST(swapping, body_swap)

/* "swap that fails": the old one is gone all the same. */
static void body_fails(void *arg)
{
    cop_pid m = manager();
    const struct hand_do within = {0, HAND_SWAP, arg_of("n", INIT_EXIT)};
    cop_reason why;
    (void)arg;
    add(m, "abc");
    ck_assert_int_eq(swap_for(m, 'b', "left", "n", INIT_EXIT, &why),
                     COP_EFAILED);
    reason_was(why, "boom");
    notes_are("b terminate left|n init in place, old gone b fails|");
    handlers_are(m, "ca");
    ck_assert_int_eq(swap_for(m, 'c', "left", "n", INIT_ERROR, &why),
                     COP_EFAILED);
    reason_was(why, "{error, \"no\"}");
    ck_assert_int_eq(swap_for(m, 'x', "left", "n", INIT_ODD, NULL),
                     COP_EFAILED);
    handlers_are(m, "a");
    ck_assert_int_eq(atomic_load(&reports), 0);
    notes_forget();
    tell_swap(m, 'a', "n", INIT_EXIT);
    notes_are("a event 7|a terminate left|"
              "n init in place, old gone a fails|");
    ck_assert_int_eq(atomic_load(&reports), 1);
    handlers_are(m, "");
    add(m, "a");
    asked_is(m, 'a', &within, "a");
    handlers_are(m, "");
    stop_manager(m);
}
EVENT_TEST(swap_fails, body_fails)

/* Of two of one name the one in front is meant, also if it was there before
 * the other: gen_event looks through its list from the front. */
static void body_same_name(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    ck_assert_int_eq(add_as(m, 'b', "b", INIT_OK, NULL), 0);
    ck_assert_int_eq(add_as(m, 'a', "a1", INIT_OK, NULL), 0);
    notes_forget();
    tell_swap(m, 'b', "a2", INIT_OK);
    handlers_are(m, "aa");
    deleted_is(m, 'a', "why", "gone a1");
    deleted_is(m, 'a', "why", "gone a2");
    deleted_is(m, 'a', "why", "COP_ENOENT");
    stop_manager(m);
}
EVENT_TEST(same_name_in_front, body_same_name)

static cop_event_next bad_swap(void *state, const cop_msg *m)
{
    const cop_event_id nobody = {0};
    (void)state;
    (void)m;
    return cop_event_swap(NULL, 0, nobody, NULL, 0);
}

static const cop_event_handler swaps_badly = {.label = "bad",
                                              .event = bad_swap};

/* A swap for nobody, a swap from init: they fail, no more. */
static void body_misuse(void *arg)
{
    cop_pid m = manager();
    cop_event_id id = cop_event_named(&swaps_badly, 1), none = {0};
    (void)arg;
    ck_assert_int_eq(cop_event_add_handler(m, id, NULL, 0, NULL), 0);
    ck_assert_int_eq(cop_event_sync_notify(m, 1, NULL, 0), 0);
    handlers_are(m, "");
    ck_assert_ptr_nonnull(strstr(reported, "cop_event_swap"));
    ck_assert_int_eq(
        cop_event_swap_handler(m, id, NULL, 0, none, NULL, 0, NULL),
        COP_EINVAL);
    ck_assert_int_eq(
        cop_event_swap_handler(m, none, NULL, 0, id, NULL, 0, NULL),
        COP_EINVAL);
    stop_manager(m);
}
EVENT_TEST(misused, body_misuse)

/* ------------------------------------------------- what goes from one to -- */

struct box {
    int *shared;
};

static int released;

static void release_box(void *body, size_t size)
{
    (void)size;
    free(body);
    released++;
}

static cop_msg *give_box(void *state, const cop_event_end *end)
{
    struct box *b = state;
    cop_msg *m;
    (void)end;
    ck_assert_int_eq(
        cop_msg_new_moved(&m, 1, b->shared, sizeof *b->shared, release_box), 0);
    return m;
}

struct taker {
    cop_msg *mine;
};

static cop_event_next make_box(void *state, cop_event_init *how)
{
    struct box *b = state;
    (void)how;
    b->shared = malloc(sizeof *b->shared);
    *b->shared = 42;
    return cop_event_keep();
}

static cop_event_next take_box(void *state, cop_event_init *how)
{
    struct taker *t = state;
    t->mine = how->old;
    how->old = NULL;
    ck_assert_int_eq(*(const int *)cop_msg_body(t->mine), 42);
    return cop_event_keep();
}

static cop_msg *give_mine(void *state, const cop_event_end *end)
{
    struct taker *t = state;
    (void)end;
    return t->mine;
}

static const cop_event_handler maker = {.label = "maker",
                                        .state_bytes = sizeof(struct box),
                                        .init = make_box,
                                        .terminate = give_box};
static const cop_event_handler taker = {.label = "taker",
                                        .state_bytes = sizeof(struct taker),
                                        .init = take_box,
                                        .terminate = give_mine};

/* A message may be taken over by the next handler, and by who deletes that. */
static void body_taken(void *arg)
{
    cop_pid m = manager();
    cop_event_id from = cop_event_named(&maker, 0),
                 to = cop_event_named(&taker, 0);
    cop_msg *result;
    (void)arg;
    ck_assert_int_eq(cop_event_add_handler(m, from, NULL, 0, NULL), 0);
    ck_assert_int_eq(
        cop_event_swap_handler(m, from, NULL, 0, to, NULL, 0, NULL), 0);
    ck_assert_int_eq(released, 0);
    ck_assert_int_eq(cop_event_delete_handler(m, to, NULL, 0, &result, NULL),
                     0);
    ck_assert_int_eq(*(const int *)cop_msg_body(result), 42);
    ck_assert_int_eq(released, 0);
    cop_msg_free(result);
    ck_assert_int_eq(released, 1);
    /* one that nobody takes is released */
    ck_assert_int_eq(cop_event_add_handler(m, from, NULL, 0, NULL), 0);
    ck_assert_int_eq(cop_event_delete_handler(m, from, NULL, 0, NULL, NULL), 0);
    ck_assert_int_eq(released, 2);
    stop_manager(m);
}
EVENT_TEST(message_is_taken_over, body_taken)

static size_t seen_left, seen_arg;

static cop_event_next big_init(void *state, cop_event_init *how)
{
    const char *p = how->arg;
    (void)state;
    seen_arg = how->arg_bytes;
    for (size_t i = 0; i < how->arg_bytes; i++)
        ck_assert_int_eq(p[i], 'A');
    return cop_event_keep();
}

static cop_msg *big_terminate(void *state, const cop_event_end *end)
{
    const char *p = end->arg;
    (void)state;
    seen_left = end->arg_bytes;
    for (size_t i = 0; i < end->arg_bytes; i++)
        ck_assert_int_eq(p[i], 'L');
    return NULL;
}

static const cop_event_handler big = {
    .label = "big", .init = big_init, .terminate = big_terminate};

/* Arguments of any size, side by side. */
static void body_sizes(void *arg)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 400, 433, 70000};
    static char left[70000], args[70000];
    const size_t n = sizeof sizes / sizeof *sizes;
    cop_event_id id = cop_event_named(&big, 0);
    cop_pid m = manager();
    (void)arg;
    memset(left, 'L', sizeof left);
    memset(args, 'A', sizeof args);
    ck_assert_int_eq(cop_event_add_handler(m, id, NULL, 0, NULL), 0);
    for (size_t i = 0; i < n * n; i++) {
        size_t l = sizes[i / n], a = sizes[i % n];
        ck_assert_int_eq(
            cop_event_swap_handler(m, id, left, l, id, args, a, NULL), 0);
        ck_assert_uint_eq(seen_left, l);
        ck_assert_uint_eq(seen_arg, a);
    }
    stop_manager(m);
}
EVENT_TEST(arguments_of_any_size, body_sizes)

static const TTest *const cases[] = {
    swapping,
    swap_fails,
    same_name_in_front,
    misused,
    message_is_taken_over,
    arguments_of_any_size,
};
UNIT_MAIN("event_swap", cases)
