/* SPDX-License-Identifier: MIT
 *
 * alive.c - very many actors alive at once: n handlers and n / 10 coroutines.
 *
 * All of them wait, each is then asked one question and must answer with its
 * own number, and all are told to end. Printed: what one of each form costs,
 * by resident memory and by the runtime's own account.
 */
#include "tests/stress/common.h"

enum { BATCH = 1000 };
enum { TAG_READY = 1, TAG_ASK, TAG_ANSWER, TAG_STOP };

static _Atomic uint64_t done;

struct start {
    cop_pid lead;
    uint64_t number;
};

struct cost {
    double rss, bytes;
};

static void answer(const struct start *s, cop_tag tag)
{
    STRESS_OK(cop_send(s->lead, tag, &s->number, sizeof(s->number)));
}

static void coroutine(void *arg)
{
    struct start s = *(struct start *)arg;
    const cop_msg *m;

    answer(&s, TAG_READY);
    STRESS_OK(cop_recv_tag(&m, TAG_ASK, COP_FOREVER));
    answer(&s, TAG_ANSWER);
    STRESS_OK(cop_recv_tag(&m, TAG_STOP, COP_FOREVER));
}

static int handler_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct start));
    answer(state, TAG_READY);
    return 0;
}

static void handler_message(void *state, const cop_msg *m)
{
    if (cop_msg_tag(m) == TAG_ASK)
        answer(state, TAG_ANSWER);
    else
        cop_exit(COP_NORMAL);
}

static const cop_handler handler = {.state_bytes = sizeof(struct start),
                                    .init = handler_init,
                                    .message = handler_message};

static uint64_t collect(cop_tag tag, uint64_t count)
{
    uint64_t sum = 0;
    const cop_msg *m;

    for (uint64_t i = 0; i < count; i++) {
        STRESS_OK(cop_recv_tag(&m, tag, COP_FOREVER));
        sum += *cop_msg_as(m, uint64_t);
    }
    return sum;
}

static void spawn_all(cop_pid *pids, uint64_t n, bool handlers)
{
    struct start s = {cop_self(), 0};
    cop_opts opts = {.arg_bytes = sizeof(s)};

    for (uint64_t i = 0; i < n; i++) {
        s.number = i;
        if (handlers)
            STRESS_OK(cop_spawn_handler(&pids[i], &handler, &s, &opts));
        else
            STRESS_OK(cop_spawn(&pids[i], coroutine, &s, &opts));
        if ((i + 1) % BATCH == 0)
            (void)collect(TAG_READY, BATCH);
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
    }
    (void)collect(TAG_READY, n % BATCH);
}

static void ask_all(const cop_pid *pids, uint64_t n)
{
    uint64_t sum;

    for (uint64_t i = 0; i < n; i++)
        STRESS_OK(cop_send(pids[i], TAG_ASK, NULL, 0));
    sum = collect(TAG_ANSWER, n);
    STRESS_CHECK(sum == n * (n - 1) / 2, "answers sum up to %" PRIu64, sum);
}

static void end_all(const cop_pid *pids, uint64_t n)
{
    const cop_msg *m;
    cop_ref ref;

    for (uint64_t i = 0; i < n; i++)
        STRESS_OK(cop_send(pids[i], TAG_STOP, NULL, 0));
    for (uint64_t i = 0; i < n; i++) {
        STRESS_OK(cop_monitor(&ref, pids[i]));
        STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    }
}

static struct cost live_through(uint64_t n, bool handlers)
{
    cop_pid *pids = malloc(n * sizeof(*pids));
    size_t rss, bytes = cop_ext_bytes_in_use();
    struct cost cost;
    size_t live;

    STRESS_CHECK(pids != NULL, "out of memory");
    memset(pids, 0, n * sizeof(*pids));
    rss = stress_rss();
    spawn_all(pids, n, handlers);
    live = cop_actors(NULL, 0);
    cost.rss = ((double)stress_rss() - (double)rss) / (double)n;
    cost.bytes = ((double)cop_ext_bytes_in_use() - (double)bytes) / (double)n;
    STRESS_CHECK(live >= n, "only %zu live", live);
    ask_all(pids, n);
    end_all(pids, n);
    free(pids);
    return cost;
}

static struct cost of_handler, of_coroutine;

static void lead(void *arg)
{
    (void)arg;
    of_handler = live_through(stress.n, true);
    of_coroutine = live_through(stress.n / 10 + 1, false);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv, "N handlers, then N/10 coroutines, alive at once.",
                 1000000);
    stress_start(2, NULL);
    stress_run(lead, NULL, &done);
    stress_stop();
    return stress_ok("handlers=%" PRIu64 " handler_rss=%.0f handler_bytes=%.0f"
                     " coroutines=%" PRIu64
                     " coroutine_rss=%.0f coroutine_bytes=%.0f",
                     stress.n, of_handler.rss, of_handler.bytes,
                     stress.n / 10 + 1, of_coroutine.rss, of_coroutine.bytes);
}
