/* SPDX-License-Identifier: MIT
 *
 * churn.c - actors by the million come and go, and memory does not grow.
 *
 * One actor spawns n others, coroutines and handlers, plain, monitored and
 * linked, with copied and moved arguments, with a name, with mail that nobody
 * reads, a few hundred at a time, and waits for the end of each lot. After a
 * tenth of them the process' resident memory and the runtime's own bytes are
 * noted; both must be about the same at the end (a few megabytes are slabs, and
 * actors in limbo).
 */
#include "tests/stress/common.h"

enum { LOT = 256, SLACK_RSS = 8 << 20, SLACK_BYTES = 4 << 20, TAG_ANY = 1 };

static _Atomic uint64_t done;
static size_t warm_rss, warm_bytes, end_rss, end_bytes;

static void coroutine(void *arg)
{
    if (arg != NULL)
        STRESS_OK(cop_send(cop_self(), TAG_ANY, "unread", 6));
}

static int handler_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    return 1;
}

static void handler_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    cop_exit(COP_NORMAL);
}

static const cop_handler at_once = {.init = handler_init,
                                    .message = handler_message};
static const cop_handler at_mail = {.state_bytes = 100,
                                    .message = handler_message};

/* Each spawn below is monitored, so that the lot's end can be waited for. */
static void spawn_one(uint64_t i, cop_ref *ref)
{
    cop_opts opts = {.monitor = ref, .link = i % 3 == 0};
    cop_pid pid;

    switch (i % 8) {
    case 0:
        STRESS_OK(cop_spawn_handler(&pid, &at_once, NULL, &opts));
        break;
    case 1:
    case 2:
        STRESS_OK(cop_spawn_handler(&pid, &at_mail, NULL, &opts));
        STRESS_OK(cop_send(pid, TAG_ANY, &i, sizeof(i)));
        break;
    case 3:
        opts.arg_bytes = sizeof(i);
        STRESS_OK(cop_spawn(&pid, coroutine, &i, &opts));
        break;
    case 4:
        opts.arg_release = free;
        STRESS_OK(cop_spawn(&pid, coroutine, malloc(100), &opts));
        break;
    case 5:
        opts.name = "mayfly";
        STRESS_CHECK(cop_spawn(&pid, coroutine, NULL, &opts) == 0 ||
                         cop_spawn(&pid, coroutine, NULL,
                                   &(cop_opts){.monitor = ref}) == 0,
                     "no mayfly");
        break;
    default:
        STRESS_OK(cop_spawn(&pid, coroutine, NULL, &opts));
    }
}

static void note(size_t *rss, size_t *bytes)
{
    *rss = stress_rss();
    *bytes = cop_ext_bytes_in_use();
}

static void lead(void *arg)
{
    static cop_ref refs[LOT];
    const cop_msg *m;

    (void)arg;
    for (uint64_t i = 0; i < stress.n; i += LOT) {
        for (uint64_t k = 0; k < LOT; k++)
            spawn_one(i + k, &refs[k]);
        for (uint64_t k = 0; k < LOT; k++)
            STRESS_OK(cop_recv_ref(&m, refs[k], COP_FOREVER));
        atomic_store_explicit(&done, i + LOT, memory_order_relaxed);
        if (warm_rss == 0 && i >= stress.n / 10)
            note(&warm_rss, &warm_bytes);
    }
    note(&end_rss, &end_bytes);
}

/* A foreign thread that calls is an actor for that long, too. */
static void echo(void *state, const cop_msg *m)
{
    (void)state;
    STRESS_OK(cop_reply(cop_msg_from(m), NULL, 0));
}

static const cop_handler echo_handler = {.message = echo};

static size_t call_often(cop_pid to, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        STRESS_OK(cop_call(to, TAG_ANY, NULL, 0, NULL, 0, COP_FOREVER));
        stress_beat(stress.n + i);
    }
    return cop_ext_bytes_in_use();
}

int main(int argc, char **argv)
{
    size_t called_bytes;
    double seconds;
    cop_pid to;

    stress_begin(argc, argv, "N actors are spawned and end.", 10000000);
    stress_start(2, NULL);
    stress_run(lead, NULL, &done);
    seconds = stress_seconds();
    STRESS_CHECK(STRESS_INSTRUMENTED || end_rss < warm_rss + SLACK_RSS,
                 "resident %zu, was %zu", end_rss, warm_rss);
    STRESS_CHECK(end_bytes < warm_bytes + SLACK_BYTES, "in use %zu, was %zu",
                 end_bytes, warm_bytes);
    STRESS_OK(cop_spawn_handler(&to, &echo_handler, NULL, NULL));
    called_bytes = call_often(to, stress.n / 10);
    STRESS_CHECK(called_bytes < end_bytes + SLACK_BYTES,
                 "in use %zu after foreign calls, was %zu", called_bytes,
                 end_bytes);
    stress_stop();
    return stress_ok("ns_per_actor=%.0f rss_warm_kb=%zu rss_end_kb=%zu "
                     "bytes_warm=%zu bytes_end=%zu bytes_called=%zu",
                     seconds * 1e9 / (double)stress.n, warm_rss / 1024,
                     end_rss / 1024, warm_bytes, end_bytes, called_bytes);
}
