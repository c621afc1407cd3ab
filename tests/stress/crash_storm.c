/* SPDX-License-Identifier: MIT
 *
 * crash_storm.c - n real SIGSEGVs in one process, beside innocent traffic.
 *
 * A supervisor keeps CRASHERS children. Each tells the watcher that it is
 * there, waits until it is watched, and writes to an address near NULL that
 * says which crash it is. The watcher must be told of each one exactly once,
 * with SIGSEGV, that address, the place in `crash` and a backtrace that leads
 * to it; and each must be started again by the supervisor. Each has two
 * messages in its hands when it crashes, one built and one kept. Meanwhile
 * innocent pairs play ping-pong with numbered messages: none may be lost,
 * doubled or out of order, and none of the innocent may end.
 *
 * The process must not grow. What the runtime holds is a high-water mark: the
 * dead wait until each worker has ended its turn, and a worker's thread that
 * has no processor for ten milliseconds lets a thousand of them wait. More of
 * them than that die together before the storm (stress_warm_up), as the
 * allocator maps its memory in big steps, and one such step in the storm would
 * look like the first one of a leak. From its first quarter on there may be no
 * mapping more, and beside the runtime's own no megabyte.
 */
#include "tests/stress/watched.h"

enum { PARTS = 16, RISES_MAX = PARTS / 2 };
enum { CRASHERS = 16, PAIRS = 4, TAG_HERE = 1, TAG_GO, TAG_PING, TAG_PONG };

static _Atomic uint64_t crashed, restarted, played;
static atomic_bool halt;
static cop_pid watcher_pid;
static _Atomic size_t rss_begin, maps_begin, own_begin;
static _Atomic size_t own_last;
static _Atomic unsigned rises; /* parts in which the runtime's own grew */

/* ------------------------------------------------------------- crashers -- */

__attribute__((noinline)) static void crash(volatile uint32_t *at)
{
    volatile int frame = 0;
    *at = 1;
    frame++;
}

static void crasher(void *arg)
{
    const cop_msg *m;
    cop_msg *built;
    uint32_t number;

    (void)arg;
    atomic_fetch_add(&restarted, 1);
    STRESS_OK(cop_send(watcher_pid, TAG_HERE, NULL, 0));
    STRESS_OK(cop_recv_tag(&m, TAG_GO, COP_FOREVER));
    number = *cop_msg_as(m, uint32_t);
    (void)cop_keep(m);
    STRESS_OK(cop_msg_new(&built, TAG_GO, 1000));
    crash((volatile uint32_t *)(uintptr_t)(4 * (number % 1000)));
    stress_fail("a write to address %u did nothing", 4 * (number % 1000));
}

/* ------------------------------------------------------------- innocents -- */

static void echo(void *arg)
{
    uint32_t expected = 0;
    const cop_msg *m;

    (void)arg;
    for (;;) {
        STRESS_OK(cop_recv_tag(&m, TAG_PING, COP_FOREVER));
        STRESS_CHECK(*cop_msg_as(m, uint32_t) == expected,
                     "ping %u instead of %u", *cop_msg_as(m, uint32_t),
                     expected);
        STRESS_OK(
            cop_send(cop_msg_sender(m), TAG_PONG, &expected, sizeof expected));
        expected++;
    }
}

static void player(void *arg)
{
    const cop_msg *m;
    cop_pid to;

    (void)arg;
    STRESS_OK(cop_spawn(&to, echo, NULL, &(cop_opts){.link = true}));
    for (uint32_t i = 0; !atomic_load(&halt); i++) {
        STRESS_OK(cop_send(to, TAG_PING, &i, sizeof i));
        STRESS_OK(cop_recv_tag(&m, TAG_PONG, COP_FOREVER));
        STRESS_CHECK(*cop_msg_as(m, uint32_t) == i, "pong %u instead of %u",
                     *cop_msg_as(m, uint32_t), i);
        atomic_fetch_add_explicit(&played, 1, memory_order_relaxed);
    }
    STRESS_OK(cop_unlink(to));
    cop_exit_signal(to, COP_SHUTDOWN);
}

/* --------------------------------------------------------------- watcher -- */

static bool leads_to(const cop_fault *f, cop_fn fn)
{
    for (unsigned i = 0; i < f->depth; i++)
        if (f->frames[i] - (uintptr_t)fn < 512)
            return true;
    return false;
}

static void check_fault(const cop_msg *m, uint32_t number)
{
    const cop_fault *f = cop_reason_fault(cop_msg_reason(m));

    STRESS_CHECK(f != NULL, "the end of a crasher was no fault");
    STRESS_CHECK(strcmp(f->what, "SIGSEGV") == 0, "%s", f->what);
    STRESS_CHECK(f->address == 4 * (number % 1000), "crash %u: address %zx",
                 number, (size_t)f->address);
    STRESS_CHECK(f->pc - (uintptr_t)crash < 256, "crash %u: pc", number);
    STRESS_CHECK(leads_to(f, crasher), "crash %u: backtrace", number);
}

static void on_down(struct watched *w, const cop_msg *m)
{
    check_fault(m, (uint32_t)watched_ended(w, CRASHERS, m)->number);
    atomic_fetch_add(&crashed, 1);
    stress_beat(atomic_load(&crashed));
}

static void on_here(struct watched *w, cop_pid pid, uint32_t number)
{
    int i = 0;

    while (i < CRASHERS && !cop_ref_eq(w[i].ref, COP_NO_REF))
        i++;
    STRESS_CHECK(i < CRASHERS, "more crashers than children");
    w[i].number = number;
    STRESS_OK(cop_monitor(&w[i].ref, pid));
    STRESS_OK(cop_send(pid, TAG_GO, &number, sizeof number));
}

/* What a run needs once is there after a while: then growth counts. */
static void look_at_process(uint64_t sent)
{
    static uint64_t part = PARTS / 4;
    size_t own;

    if (sent < part * (stress.n / PARTS) + CRASHERS)
        return;
    own = cop_ext_bytes_in_use();
    if (part == PARTS / 4) {
        atomic_store(&rss_begin, stress_rss());
        atomic_store(&maps_begin, stress_mappings());
        atomic_store(&own_begin, own);
    } else if (own > atomic_load(&own_last) + 4096) {
        atomic_fetch_add(&rises, 1);
    }
    atomic_store(&own_last, own);
    part++;
}

static void watcher(void *arg)
{
    static struct watched w[CRASHERS];
    const cop_msg *m;
    uint64_t sent = 0;

    (void)arg;
    while (atomic_load(&crashed) < stress.n) {
        STRESS_OK(cop_recv(&m, COP_FOREVER));
        if (cop_msg_tag(m) == COP_DOWN)
            on_down(w, m);
        else if (sent < stress.n)
            on_here(w, cop_msg_sender(m), (uint32_t)sent++);
        look_at_process(sent);
    }
}

/* ------------------------------------------------------------------ main -- */

/* The first of all crashes, so that the writer of reports has read what there
 * is to read of the program. */
static void first_one(void *arg)
{
    (void)arg;
    crash(NULL);
}

static void warm_up(void *arg)
{
    cop_ref ref;
    const cop_msg *m;

    (void)arg;
    STRESS_OK(cop_spawn(NULL, first_one, NULL, &(cop_opts){.monitor = &ref}));
    STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    stress_warm_up();
}

static void run(void *arg)
{
    cop_child kids[CRASHERS];
    const cop_sup sup = {.children = kids,
                         .nchildren = CRASHERS,
                         .intensity = 1000000,
                         .period_ns = COP_MS};
    char ids[CRASHERS][8];
    cop_ref watching, playing[PAIRS];
    const cop_msg *m;
    cop_pid pid;

    (void)arg;
    STRESS_OK(cop_spawn(&watcher_pid, watcher, NULL,
                        &(cop_opts){.monitor = &watching}));
    for (int i = 0; i < PAIRS; i++)
        STRESS_OK(
            cop_spawn(NULL, player, NULL, &(cop_opts){.monitor = &playing[i]}));
    for (int i = 0; i < CRASHERS; i++) {
        snprintf(ids[i], sizeof ids[i], "c%d", i);
        kids[i] = (cop_child){.id = ids[i], .fn = crasher};
    }
    STRESS_OK(cop_sup_start(&pid, &sup, NULL, NULL));
    STRESS_OK(cop_recv_ref(&m, watching, COP_FOREVER));
    STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "the watcher");
    atomic_store(&halt, true);
    for (int i = 0; i < PAIRS; i++) {
        STRESS_OK(cop_recv_ref(&m, playing[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL),
                     "an innocent one has ended");
    }
    STRESS_OK(cop_unlink(pid));
    STRESS_OK(cop_server_stop(pid, COP_SHUTDOWN, COP_FOREVER, NULL));
}

int main(int argc, char **argv)
{
    size_t rss, maps, own;

    if (STRESS_INSTRUMENTED) {
        puts("the sanitizer takes native faults for itself");
        return 77;
    }
    stress_begin(argc, argv, "native crashes beside innocent traffic", 1000000);
    stress_start(2, NULL);
    stress_run(warm_up, NULL, &crashed);
    cop_crash_flush();
    stress_run(run, NULL, &crashed);
    rss = stress_rss(), maps = stress_mappings();
    own = cop_ext_bytes_in_use();
    stress_stop();
    STRESS_CHECK(atomic_load(&restarted) >= stress.n, "%" PRIu64 " starts",
                 atomic_load(&restarted));
    if (stress.n >= 20000) {
        size_t risen = own > own_begin ? own - own_begin : 0;
        STRESS_CHECK(rss < rss_begin + risen + (1 << 20),
                     "resident: %zu, then %zu; of these our own: %zu, then %zu",
                     rss_begin, rss, own_begin, own);
        STRESS_CHECK(rises <= RISES_MAX,
                     "%u times more memory of our own: %zu, then %zu", rises,
                     own_begin, own);
        STRESS_CHECK(maps <= atomic_load(&maps_begin),
                     "mappings: %zu, then %zu", atomic_load(&maps_begin), maps);
    }
    return stress_ok("crashes=%" PRIu64 " played=%" PRIu64
                     " per_second=%.0f rss_kb=%zu grown_kb=%ld rises=%u",
                     atomic_load(&crashed), atomic_load(&played),
                     (double)stress.n / stress_seconds(), rss >> 10,
                     ((long)rss - (long)rss_begin) / 1024, rises);
}
