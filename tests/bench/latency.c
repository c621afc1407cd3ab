/* SPDX-License-Identifier: MIT
 *
 * latency.c - how late an actor wakes up that sleeps until each full
 * millisecond, while all workers are idle (latency_idle), saturated with short
 * turns (latency_short), or with hogs that do not give way for 50 ms
 * (latency_hogs; latency_hogs_high: the sleeper has high priority).
 *
 * Deadlines are absolute: a wake-up that is late for the next deadlines too
 * makes those late as well, so that no delay is left out.
 */
#include "tests/bench/bench.h"

enum { AGAIN = 1, FINISHED };
enum { SHORT_NS = 10000, SHORT_PER_WORKER = 10 };
enum { HOG_NS = 50000000, HOGS_PER_WORKER = 2, PERIOD_NS = 1000000 };

/* ------------------------------------------------------------------ load -- */

/* Computes, without a call of the runtime. */
static void spin(uint64_t turns)
{
    volatile uint64_t result; /* or all of it would be left out */
    uint64_t x = 1;

    for (uint64_t i = 0; i < turns; i++)
        (void)bench_draw(&x);
    result = x;
    (void)result;
}

/* How many turns take so long. The quickest of some tries: others may have
 * used the processor during the rest. */
static uint64_t turns_of(uint64_t ns)
{
    enum { TURNS = 1000000, TRIES = 5 };
    cop_time best = COP_FOREVER;

    for (int i = 0; i < TRIES; i++) {
        cop_time began = cop_now(), took;

        spin(TURNS);
        took = cop_now() - began;
        best = took < best ? took : best;
    }
    return ns * TURNS / (uint64_t)best;
}

/* Of two that answer each other, so that each message is a turn. */
struct talker {
    uint64_t turns;
    cop_pid other; /* of the one that begins */
};

static int talker_init(void *state, void *arg)
{
    const struct talker *t = arg;

    memcpy(state, t, sizeof(*t));
    if (!cop_pid_is_none(t->other))
        send_to(t->other, AGAIN, NULL, 0);
    return 0;
}

static void talker_message(void *state, const cop_msg *m)
{
    spin(((const struct talker *)state)->turns);
    send_to(cop_msg_sender(m), AGAIN, NULL, 0);
}

static const cop_handler talker = {.state_bytes = sizeof(struct talker),
                                   .init = talker_init,
                                   .message = talker_message};

static void hog(void *arg)
{
    for (;;) {
        spin(*(const uint64_t *)arg);
        cop_yield();
    }
}

static void load_short(struct bench *b)
{
    struct talker t = {.turns = turns_of(SHORT_NS)};

    for (unsigned i = 0; i < SHORT_PER_WORKER * b->workers; i++) {
        t.other = COP_NO_PID;
        t.other = start_handler(&talker, &t, sizeof(t));
        (void)start_handler(&talker, &t, sizeof(t));
    }
}

static void load_hogs(struct bench *b)
{
    uint64_t turns = turns_of(HOG_NS);

    for (unsigned i = 0; i < HOGS_PER_WORKER * b->workers; i++)
        (void)start_actor(hog, &turns, sizeof(turns));
}

/* ----------------------------------------------------------------- probe -- */

struct probe {
    cop_pid main;
    cop_time *late;
    uint64_t n;
};

static void probe(void *arg)
{
    const struct probe *p = arg;
    cop_time due = cop_now();

    for (uint64_t i = 0; i < p->n; i++) {
        due += PERIOD_NS;
        cop_sleep_until(due);
        p->late[i] = cop_now() - due;
    }
    send_to(p->main, FINISHED, NULL, 0);
}

static int by_size(const void *a, const void *b)
{
    cop_time x = *(const cop_time *)a, y = *(const cop_time *)b;

    return (x > y) - (x < y);
}

static void report(struct bench *b, cop_time *late)
{
    double sum = 0;

    qsort(late, b->n, sizeof(*late), by_size);
    for (uint64_t i = 0; i < b->n; i++)
        sum += (double)late[i];
    bench_metric(b, "mean_late_ns", sum / (double)b->n);
    bench_note(b, "p50_ns", (uint64_t)late[b->n / 2]);
    bench_note(b, "p99_ns", (uint64_t)late[b->n * 99 / 100]);
    bench_note(b, "p99.9_ns", (uint64_t)late[b->n * 999 / 1000]);
    bench_note(b, "max_ns", (uint64_t)late[b->n - 1]);
}

static void measure(struct bench *b, void (*load)(struct bench *),
                    cop_priority priority)
{
    struct probe p = {cop_self(), calloc(b->n, sizeof(*p.late)), b->n};
    cop_opts opts = {.arg_bytes = sizeof(p), .priority = priority};

    BENCH_CHECK(p.late != NULL);
    if (load != NULL)
        load(b);
    bench_begin(b);
    BENCH_CHECK(cop_spawn(NULL, probe, &p, &opts) == 0);
    (void)recv_tag(FINISHED);
    bench_end(b, b->n);
    report(b, p.late);
    free(p.late);
}

void bench_latency_idle(struct bench *b)
{
    measure(b, NULL, COP_PRIO_NORMAL);
}

void bench_latency_short(struct bench *b)
{
    measure(b, load_short, COP_PRIO_NORMAL);
}

void bench_latency_hogs(struct bench *b)
{
    measure(b, load_hogs, COP_PRIO_NORMAL);
}

void bench_latency_hogs_high(struct bench *b)
{
    measure(b, load_hogs, COP_PRIO_HIGH);
}
