/* SPDX-License-Identifier: MIT
 *
 * supervisor.c - a child crashes and is restarted: supervisor_restart (a fresh
 * supervisor every 100 crashes), supervisor_restart_one (one for all).
 */
#include "tests/bench/bench.h"

enum { STARTED = 1, CRASH, ROUND = 100 };

static void child(void *arg)
{
    cop_pid main = *(cop_pid *)arg, self = cop_self();

    send_to(main, STARTED, &self, sizeof(self));
    (void)recv_tag(CRASH);
    cop_exit(cop_because("crash"));
}

static cop_pid start_supervisor(uint64_t crashes)
{
    cop_pid self = cop_self(), sup;
    const cop_child kids[] = {{.id = "worker",
                               .fn = child,
                               .arg = &self,
                               .arg_bytes = sizeof(self),
                               .shutdown_ns = COP_BRUTAL_KILL}};
    const cop_sup spec = {.strategy = COP_ONE_FOR_ONE,
                          .intensity = (int)crashes + 1,
                          .period_ns = COP_SEC,
                          .children = kids,
                          .nchildren = 1};

    BENCH_CHECK(cop_sup_start(&sup, &spec, NULL, NULL) == 0);
    return sup;
}

static uint64_t crash_often(uint64_t crashes)
{
    cop_pid now = *cop_msg_as(recv_tag(STARTED), cop_pid);
    uint64_t restarts = 0;

    for (uint64_t i = 0; i < crashes; i++) {
        cop_pid was = now;

        send_to(was, CRASH, NULL, 0);
        now = *cop_msg_as(recv_tag(STARTED), cop_pid);
        restarts += !cop_pid_eq(now, was);
    }
    return restarts;
}

static void stop_supervisor(cop_pid sup)
{
    cop_child_counts counts;
    const cop_msg *m;
    cop_ref ref;

    BENCH_CHECK(cop_sup_count_children(sup, &counts) == 0);
    BENCH_CHECK(counts.active == 1);
    BENCH_CHECK(cop_unlink(sup) == 0);
    BENCH_CHECK(cop_monitor(&ref, sup) == 0);
    BENCH_CHECK(cop_exit_signal(sup, COP_SHUTDOWN) == 0);
    BENCH_CHECK(cop_recv_ref(&m, ref, COP_FOREVER) == 0);
}

static void restarts(struct bench *b, uint64_t per_supervisor)
{
    uint64_t done = 0, left = b->n;

    bench_begin(b);
    while (left > 0) {
        uint64_t crashes = left < per_supervisor ? left : per_supervisor;
        cop_pid sup = start_supervisor(crashes);

        done += crash_often(crashes);
        stop_supervisor(sup);
        left -= crashes;
    }
    bench_end(b, b->n);
    BENCH_CHECK(done == b->n);
}

void bench_supervisor_restart(struct bench *b)
{
    restarts(b, ROUND);
}

void bench_supervisor_restart_one(struct bench *b)
{
    restarts(b, b->n);
}
