/* SPDX-License-Identifier: MIT
 *
 * mailbox_test.c - the queue under many producers: nothing lost, nothing
 * twice, order kept, no wake-up missed, a clean end.
 */
#include "runtime/actor/mailbox.h"
#include "runtime/actor/table.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PRODUCERS = 3, EACH = 200000 };

static struct copi_actor *actor;
static _Atomic uint32_t woken;   /* the one token that a wake gives */
static _Atomic uint64_t refused; /* cells that met a closed queue */

static void push(uint64_t producer, uint64_t n)
{
    struct cop_msg *m = copi_msg_make(1, &n, sizeof n);
    m->sender.id = producer;
    switch (copi_mailbox_push(actor, m)) {
    case COPI_PUSHED_WAKE:
        ck_assert_uint_eq(atomic_exchange(&woken, 1), 0);
        break;
    case COPI_PUSHED_CLOSED:
        while (m != NULL) {
            struct cop_msg *next = copi_inbox_after(m);
            atomic_fetch_add(&refused, 1);
            copi_msg_release(m);
            m = next;
        }
        break;
    default:
        break;
    }
}

static void *produce(void *arg)
{
    for (uint64_t i = 0; i < EACH; i++) {
        push((uintptr_t)arg, i);
        if (i % 64 == 0) /* lets the consumer catch up and park */
            sched_yield();
    }
    return NULL;
}

static void start(pthread_t *t)
{
    actor = copi_actor_alloc(0);
    atomic_store(&woken, 0);
    atomic_store(&refused, 0);
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, produce, (void *)i), 0);
}

static void join(pthread_t *t)
{
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(t[i], NULL);
}

/* Parks, and waits for the token if that worked. */
static uint64_t park_and_wait(void)
{
    if (!copi_mailbox_park(actor))
        return 0;
    while (atomic_exchange(&woken, 0) == 0)
        continue;
    return 1;
}

START_TEST(all_arrive_once_and_in_order)
{
    pthread_t t[PRODUCERS];
    uint64_t next[PRODUCERS] = {0}, got = 0, parks = 0;
    start(t);
    while (got < (uint64_t)PRODUCERS * EACH) {
        struct cop_msg *m = copi_mailbox_next_local(actor);
        if (m == NULL) {
            parks += park_and_wait();
            continue;
        }
        uint64_t n = *(const uint64_t *)cop_msg_body(m);
        if (n != next[m->sender.id]++)
            ck_abort_msg("%d out of order", (int)n);
        copi_msg_release(m);
        got++;
    }
    join(t);
    ck_assert_uint_gt(parks, 0); /* else this tested nothing */
    ck_assert(!copi_mailbox_has_signals_local(actor));
    ck_assert(copi_mailbox_close(actor));
    copi_actor_free(actor);
}
END_TEST

START_TEST(after_closing_producers_dispose_of_all)
{
    for (int round = 0; round < 20; round++) {
        pthread_t t[PRODUCERS];
        uint64_t got = 0;
        start(t);
        while (got < EACH / 4 || !copi_mailbox_close(actor)) {
            struct cop_msg *m = copi_mailbox_next_local(actor);
            if (m == NULL)
                continue;
            copi_msg_release(m);
            got++;
        }
        join(t);
        ck_assert_uint_eq(got + atomic_load(&refused),
                          (uint64_t)PRODUCERS * EACH);
        copi_actor_free(actor);
    }
}
END_TEST

START_TEST(unpark_and_push_wake_once_between_them)
{
    pthread_t t[PRODUCERS];
    uint64_t got = 0, wakes = 0;
    start(t);
    while (got < (uint64_t)PRODUCERS * EACH) {
        struct cop_msg *m;
        while ((m = copi_mailbox_next_local(actor)) != NULL) {
            copi_msg_release(m);
            got++;
        }
        if (!copi_mailbox_park(actor))
            continue;
        /* either this unparks it, or a producer has and gave the token */
        if (copi_mailbox_unpark(actor))
            continue;
        while (atomic_exchange(&woken, 0) == 0)
            continue;
        wakes++;
    }
    join(t);
    ck_assert_uint_eq(atomic_load(&woken), 0);
    printf("# woken by a producer between park and unpark: %d\n", (int)wakes);
    ck_assert(copi_mailbox_close(actor));
    copi_actor_free(actor);
}
END_TEST

/* ---------------------------------------------------------------- table -- */

START_TEST(a_stale_pid_finds_nobody)
{
    copi_table_init(0, COPI_PID_GENERATIONS - 2);
    struct copi_actor *a = copi_actor_alloc(0);
    cop_pid seen[5];
    for (int i = 0; i < 5; i++) {
        /* a table of one slot would reuse it at once: fill the quarantine */
        ck_assert_int_eq(copi_table_reserve(a, NULL), 0);
        ck_assert_ptr_null(copi_table_find(a->pid));
        copi_table_publish(a);
        ck_assert_ptr_eq(copi_table_find(a->pid), a);
        seen[i] = a->pid;
        for (int k = 0; k < i; k++)
            ck_assert_ptr_null(copi_table_find(seen[k]));
        copi_table_unpublish(a);
        ck_assert_ptr_null(copi_table_find(a->pid));
        copi_table_release(&a->pid, 1);
    }
    ck_assert_ptr_null(copi_table_find(COP_NO_PID));
    ck_assert_ptr_null(copi_table_find(COP_PID_INIT));
    ck_assert_ptr_null(copi_table_find((cop_pid){UINT64_MAX}));
    copi_actor_free(a);
    copi_table_fini();
}
END_TEST

START_TEST(generations_wrap_without_zero)
{
    enum { ROUNDS = 5000 };
    copi_table_init(8, COPI_PID_GENERATIONS - 1);
    struct copi_actor *a = copi_actor_alloc(0);
    uint64_t wrapped = 0;
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(copi_table_reserve(a, NULL), 0);
        ck_assert_uint_ne(a->pid.id >> COPI_PID_SLOT_BITS, 0);
        wrapped += a->pid.id >> COPI_PID_SLOT_BITS == 1;
        copi_table_release(&a->pid, 1);
    }
    ck_assert_uint_gt(wrapped, 0);
    copi_actor_free(a);
    copi_table_fini();
}
END_TEST

START_TEST(a_full_table_says_so)
{
    struct copi_actor *a[4];
    copi_table_init(3, 1);
    for (int i = 0; i < 4; i++)
        a[i] = copi_actor_alloc(0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(copi_table_reserve(a[i], NULL), 0);
    ck_assert_int_eq(copi_table_reserve(a[3], NULL), COP_ELIMIT);
    copi_table_release(&a[1]->pid, 1);
    ck_assert_int_eq(copi_table_reserve(a[3], NULL), 0);
    for (int i = 0; i < 4; i++)
        copi_actor_free(a[i]);
    copi_table_fini();
}
END_TEST

static const TTest *const cases[] = {
    all_arrive_once_and_in_order,
    after_closing_producers_dispose_of_all,
    unpark_and_push_wake_once_between_them,
    a_stale_pid_finds_nobody,
    generations_wrap_without_zero,
    a_full_table_says_so,
};
UNIT_MAIN("mailbox", cases)
