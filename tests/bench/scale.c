/* SPDX-License-Identifier: MIT
 *
 * scale.c - what an operation costs when there is much of something already:
 * scale_actors, scale_mailbox, scale_timers, scale_names, scale_registry.
 *
 * Each builds the much, untimed, then does the same number of operations
 * whatever the size is, so that sizes can be compared.
 */
#include "tests/bench/bench.h"

enum { NEXT = 1, READY, TOKEN, FINISHED, CLUTTER, ADD, RING };
enum { TOKENS = 64, NAME_BYTES = 24 };
enum { HOPS = 2000000, CALLS = 200000, PAIRS = 500000, LOOKUPS = 1000000 };

static void *get_memory(uint64_t n, size_t bytes)
{
    void *p = calloc(n, bytes);

    BENCH_CHECK(p != NULL);
    return p;
}

/* ---------------------------------------------------------------- actors -- */

struct relay {
    cop_pid main, next;
};

static int relay_init(void *state, void *arg)
{
    ((struct relay *)state)->main = *(const cop_pid *)arg;
    return 0;
}

static void relay_message(void *state, const cop_msg *m)
{
    struct relay *r = state;
    uint64_t left;

    if (cop_msg_tag(m) == NEXT) {
        r->next = *cop_msg_as(m, cop_pid);
        send_to(r->main, READY, NULL, 0);
        return;
    }
    left = *cop_msg_as(m, uint64_t) - 1;
    if (left == 0)
        send_to(r->main, FINISHED, NULL, 0);
    else
        send_to(r->next, TOKEN, &left, sizeof(left));
}

static const cop_handler relay = {.state_bytes = sizeof(struct relay),
                                  .init = relay_init,
                                  .message = relay_message};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* The step from an actor to the next one, so that the way leads through all of
 * them, but not in the order in which they were made. */
static uint64_t stride(uint64_t n)
{
    uint64_t step = n * 618 / 1000 + 1;

    while (gcd(step, n) != 1)
        step++;
    return step;
}

/* Messages among n actors, each of which is cold if they are many. */
void bench_scale_actors(struct bench *b)
{
    cop_pid *all = get_memory(b->n, sizeof(*all)), self = cop_self();
    uint64_t step = stride(b->n), tokens = b->n < TOKENS ? b->n : TOKENS;
    uint64_t hops = HOPS / tokens;

    for (uint64_t k = 0; k < b->n; k++)
        all[k] = start_handler(&relay, &self, sizeof(self));
    for (uint64_t k = 0; k < b->n; k++)
        send_to(all[k], NEXT, &all[(k + step) % b->n], sizeof(cop_pid));
    for (uint64_t k = 0; k < b->n; k++)
        (void)recv_tag(READY);
    bench_begin(b);
    for (uint64_t t = 0; t < tokens; t++)
        send_to(all[b->n / tokens * t], TOKEN, &hops, sizeof(hops));
    for (uint64_t t = 0; t < tokens; t++)
        (void)recv_tag(FINISHED);
    bench_end(b, hops * tokens);
    free(all);
}

/* --------------------------------------------------------------- mailbox -- */

static cop_next adder_call(void *state, const cop_msg *m, cop_from from)
{
    uint64_t *sum = state;

    *sum += *cop_msg_as(m, uint64_t);
    (void)cop_reply(from, sum, sizeof(*sum));
    return cop_next_wait();
}

static const cop_server adder = {
    .label = "adder", .state_bytes = sizeof(uint64_t), .call = adder_call};

/* Calls by an actor in whose mailbox n messages stay. */
void bench_scale_mailbox(struct bench *b)
{
    uint64_t one = 1, sum;
    cop_pid server;

    BENCH_CHECK(cop_server_start(&server, &adder, NULL, NULL, NULL) == 0);
    for (uint64_t i = 0; i < b->n; i++)
        send_to(cop_self(), CLUTTER, &i, sizeof(i));
    bench_begin(b);
    for (uint64_t i = 0; i < CALLS; i++) {
        int rc = cop_call(server, ADD, &one, sizeof(one), &sum, sizeof(sum),
                          COP_FOREVER);

        BENCH_CHECK(rc == sizeof(sum) && sum == i + 1);
    }
    bench_end(b, CALLS);
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(*cop_msg_as(recv_any(), uint64_t) == i);
}

/* ---------------------------------------------------------------- timers -- */

static cop_timer start_one(uint64_t *x)
{
    cop_time delay = COP_SEC * 3600 + (cop_time)(bench_draw(x)) * 1000;
    cop_timer timer;

    BENCH_CHECK(cop_send_after(&timer, delay, cop_self(), RING, NULL, 0) == 0);
    return timer;
}

/* Timers that are stopped before their time, as most are, beside n others. */
void bench_scale_timers(struct bench *b)
{
    cop_timer *all = get_memory(b->n, sizeof(*all));
    uint64_t x = bench_seed(0);
    cop_time began = cop_now();

    for (uint64_t i = 0; i < b->n; i++)
        all[i] = start_one(&x);
    bench_note(b, "start_ns", (uint64_t)(cop_now() - began) / b->n);
    bench_begin(b);
    for (uint64_t i = 0; i < PAIRS; i++)
        BENCH_CHECK(cop_cancel_timer(start_one(&x)) > 0);
    bench_end(b, PAIRS);
    began = cop_now();
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_cancel_timer(all[i]) > 0);
    bench_note(b, "cancel_ns", (uint64_t)(cop_now() - began) / b->n);
    free(all);
}

/* ----------------------------------------------------------------- names -- */

/* n names, as if in an array of NAME_BYTES each. */
static char *make_names(uint64_t n)
{
    char *names = get_memory(n, NAME_BYTES);

    for (uint64_t i = 0; i < n; i++)
        (void)snprintf(names + i * NAME_BYTES, NAME_BYTES, "name-%" PRIu64, i);
    return names;
}

static void ignore(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
}

static const cop_handler idler = {.message = ignore};

/* Finding an actor by its name, of n. */
void bench_scale_names(struct bench *b)
{
    cop_pid *all = get_memory(b->n, sizeof(*all));
    char *names = make_names(b->n);
    uint64_t x = bench_seed(0);
    cop_time began;

    for (uint64_t i = 0; i < b->n; i++)
        all[i] = start_handler(&idler, NULL, 0);
    began = cop_now();
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_register(names + i * NAME_BYTES, all[i]) == 0);
    bench_note(b, "register_ns", (uint64_t)(cop_now() - began) / b->n);
    bench_begin(b);
    for (int i = 0; i < LOOKUPS; i++) {
        uint64_t k = bench_draw(&x) % b->n;

        BENCH_CHECK(cop_pid_eq(cop_whereis(names + k * NAME_BYTES), all[k]));
    }
    bench_end(b, LOOKUPS);
    free(names);
    free(all);
}

/* The same of a registry, which is a server: each look-up is a call. */
void bench_scale_registry(struct bench *b)
{
    char *names = make_names(b->n);
    uint64_t x = bench_seed(0);
    cop_registry_entry entry;
    cop_pid registry;
    cop_time began;

    BENCH_CHECK(cop_registry_start(&registry, COP_KEYS_UNIQUE, NULL) == 0);
    began = cop_now();
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_registry_put(registry, names + i * NAME_BYTES,
                                     cop_self(), i) == 0);
    bench_note(b, "put_ns", (uint64_t)(cop_now() - began) / b->n);
    bench_begin(b);
    for (int i = 0; i < CALLS; i++) {
        uint64_t k = bench_draw(&x) % b->n;

        BENCH_CHECK(cop_registry_lookup(registry, names + k * NAME_BYTES,
                                        &entry, 1) == 1);
        BENCH_CHECK(entry.data == k);
    }
    bench_end(b, CALLS);
    free(names);
}
