/* SPDX-License-Identifier: MIT
 *
 * heap.c - n actors that die by every cause in the midst of allocating.
 *
 * Each takes, resizes and frees blocks of many sizes at random, full of a byte
 * of its own, and looks whether they are still full of it. Then it returns,
 * exits, is killed without ever receiving, breaks a rule, meets its limit, or
 * crashes natively in one of several ways, with all blocks still there. Its end
 * must be told once, for the right reason; no block may be found damaged; and
 * after a while neither the process nor what the runtime has in use may grow.
 */
#include "tests/stress/watched.h"

#include <coppice/memory.h>
#include <signal.h>

enum { AT_ONCE = 64, SLOTS = 40, LIMIT = 256 << 10 };
enum { SLACK_RSS = 8 << 20, SLACK_BYTES = 256 << 10 };

static _Atomic uint64_t died, blocks, damaged, interrupted;
static _Atomic size_t rss_warm, bytes_warm;

/* ---------------------------------------------------------------- blocks -- */

struct owner {
    uint64_t rnd;
    unsigned char fill;
    unsigned char *p[SLOTS];
    size_t n[SLOTS];
};

static void look(const struct owner *o, int i, size_t n)
{
    const unsigned char *p = o->p[i];

    for (size_t k = 0; k < n; k += k < 64 ? 1 : 61)
        STRESS_CHECK(p[k] == o->fill, "byte %zu of %zu is %d, not %d", k, n,
                     p[k], o->fill);
}

static void change(struct owner *o)
{
    int i = (int)stress_below(&o->rnd, SLOTS);
    uint64_t how = stress_below(&o->rnd, 8);
    size_t n = stress_below(&o->rnd, how == 0 ? 9000 : 300);
    size_t both = n < o->n[i] ? n : o->n[i];

    if (o->p[i] != NULL)
        look(o, i, o->n[i]);
    if (how < 3) {
        cop_free(o->p[i]);
        o->p[i] = cop_alloc(n);
    } else if (how < 5) {
        cop_free(o->p[i]);
        o->p[i] = NULL;
        o->n[i] = 0;
        return;
    } else {
        o->p[i] = cop_realloc(o->p[i], n);
        look(o, i, both);
    }
    STRESS_CHECK(o->p[i] != NULL, "no memory for %zu bytes", n);
    o->n[i] = n;
    memset(o->p[i], o->fill, n);
    atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed);
}

/* ----------------------------------------------------------- ways to die -- */

static void returns(struct owner *o)
{
    (void)o;
}

static void exits(struct owner *o)
{
    (void)o;
    cop_exit(cop_because("boom"));
}

static void until_killed(struct owner *o)
{
    atomic_fetch_add_explicit(&interrupted, 1, memory_order_relaxed);
    for (;;)
        change(o);
}

static void frees_inside(struct owner *o)
{
    o->p[0] = cop_realloc(o->p[0], 100);
    memset(o->p[0], 0, 100);
    cop_free(o->p[0] + 32);
}

static void meets_limit(struct owner *o)
{
    (void)o;
    for (;;)
        STRESS_CHECK(cop_alloc(5000) != NULL, "no memory");
}

static void killed_by_link(struct owner *o)
{
    STRESS_OK(cop_exit_signal(cop_self(), cop_because("signal")));
    until_killed(o);
}

#if !STRESS_INSTRUMENTED
static void *volatile null;

static void writes_null(struct owner *o)
{
    (void)o;
    *(volatile char *)null = 1;
}

static void aborts(struct owner *o)
{
    (void)o;
    abort();
}

static void ends_process(struct owner *o)
{
    (void)o;
    exit(3);
}

__attribute__((noinline)) static int dives(volatile int *above)
{
    volatile int frame[64];
    frame[0] = *above + 1;
    return null != NULL ? 0 : dives(frame) + frame[0];
}

static void overflows(struct owner *o)
{
    volatile int start = 0;
    o->fill = (unsigned char)dives(&start);
}
#endif

static const struct way {
    void (*die)(struct owner *o);
    const char *reason; /* or its beginning */
} ways[] = {
    {returns, "normal"},
    {exits, "boom"},
    {until_killed, "killed"},
    {frees_inside, "{badarg, \"cop_free: "},
    {meets_limit, "{limit, \"memory\"}"},
    {killed_by_link, "signal"},
#if !STRESS_INSTRUMENTED
    {writes_null, "{fault, SIGSEGV, 0x0}"},
    {aborts, "{fault, abort}"},
    {ends_process, "{fault, exit, \"status 3\"}"},
    {overflows, "{fault, stack_overflow}"},
#endif
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void owner(void *arg)
{
    uint64_t number = *(const uint64_t *)arg;
    struct owner o = {.rnd = stress_stream(number),
                      .fill = (unsigned char)(number + 1)};

    for (uint64_t i = stress_below(&o.rnd, 100); i > 0; i--)
        change(&o);
    ways[number % WAYS].die(&o);
}

/* ------------------------------------------------------------------ lead -- */

static void kill_some(const struct watched *w)
{
    for (int i = 0; i < AT_ONCE; i++)
        if (ways[w[i].number % WAYS].die == until_killed)
            STRESS_OK(cop_exit_signal(w[i].pid, COP_KILL));
}

static void on_down(struct watched *w, const cop_msg *m)
{
    char why[COP_REASON_TEXT];
    uint64_t number = watched_ended(w, AT_ONCE, m)->number;
    const char *want = ways[number % WAYS].reason;

    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    STRESS_CHECK(strncmp(why, want, strlen(want)) == 0, "%s, not %s", why,
                 want);
}

static void lead(void *arg)
{
    static struct watched w[AT_ONCE];
    const cop_msg *m;

    (void)arg;
    for (uint64_t i = 0; i < stress.n; i += AT_ONCE) {
        for (int k = 0; k < AT_ONCE; k++)
            watched_start(&w[k], owner, i + (uint64_t)k,
                          (cop_opts){.memory_max = LIMIT});
        if (i / AT_ONCE % 2 == 0)
            cop_yield(); /* so that some have begun */
        kill_some(w);
        for (int k = 0; k < AT_ONCE; k++) {
            STRESS_OK(cop_recv_tag(&m, COP_DOWN, COP_FOREVER));
            on_down(w, m);
        }
        atomic_store(&died, i + AT_ONCE);
        if (atomic_load(&rss_warm) == 0 && i >= stress.n / 4) {
            atomic_store(&rss_warm, stress_rss());
            atomic_store(&bytes_warm, cop_ext_bytes_in_use());
        }
    }
}

static void listen(const char *line)
{
    if (strstr(line, "written over") != NULL)
        atomic_fetch_add(&damaged, 1);
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    cop_config config = {.log = listen};
    size_t rss, bytes;

    stress_begin(argc, argv,
                 "N actors die by every cause with memory of "
                 "their own.",
                 1000000);
    stress_start(2, &config);
    stress_run(lead, NULL, &died);
    STRESS_OK(cop_ext_quiesce(10 * COP_SEC * stress_slow()));
    rss = stress_rss();
    bytes = cop_ext_bytes_in_use();
    stress_stop();
    STRESS_CHECK(atomic_load(&interrupted) > 0, "all killed before they ran");
    STRESS_CHECK(atomic_load(&damaged) == 0, "damaged blocks");
    STRESS_CHECK(STRESS_INSTRUMENTED || stress.n < 10000 ||
                     rss < atomic_load(&rss_warm) + SLACK_RSS,
                 "resident %zu, was %zu", rss, atomic_load(&rss_warm));
    STRESS_CHECK(bytes < atomic_load(&bytes_warm) + SLACK_BYTES,
                 "in use %zu, was %zu", bytes, atomic_load(&bytes_warm));
    return stress_ok(
        "deaths=%" PRIu64 " blocks=%" PRIu64 " interrupted=%" PRIu64
        " ns_per_death=%.0f "
        "rss_warm_kb=%zu rss_end_kb=%zu bytes_warm=%zu "
        "bytes_end=%zu",
        atomic_load(&died), atomic_load(&blocks), atomic_load(&interrupted),
        stress_seconds() * 1e9 / (double)stress.n, atomic_load(&rss_warm) >> 10,
        rss >> 10, atomic_load(&bytes_warm), bytes);
}
