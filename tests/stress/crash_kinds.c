/* SPDX-License-Identifier: MIT
 *
 * crash_kinds.c - n deaths of each kind of native fault, in one process.
 *
 * A parent on each worker spawns an actor that dies in the way that is its
 * turn, and must be told the reason that belongs to this way, with the address
 * where it is known. Every other one is also caught by the actor itself
 * (cop_catch) before it dies of it. In between nothing may change that all
 * deaths share: the signal mask of the thread, its alternate stack, the memory
 * of the process, its mappings.
 *
 * Nothing is reported meanwhile: what libdw holds of the program to name lines,
 * megabytes in several mappings, comes and goes with the reports. Those have
 * their tests in report_native_test.c, and crash_storm makes some.
 */
#include "tests/stress/common.h"

#include <assert.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PARENTS = 2 };

static _Atomic uint64_t died;
static _Atomic size_t rss_begin, maps_begin, own_begin;
static void *volatile null;
static volatile int zero;
static volatile int sink;
static char *beyond_file, *no_access;

/* ---------------------------------------------------------- ways to die -- */

static void reads(void *arg)
{
    sink = *(volatile int *)((char *)null + 8);
    (void)arg;
}

static void writes(void *arg)
{
    *(volatile int *)((char *)null + 12) = 1;
    (void)arg;
}

static void writes_protected(void *arg)
{
    *(volatile char *)no_access = 1;
    (void)arg;
}

static void executes(void *arg)
{
    void (*volatile wild)(void) = (void (*)(void))(uintptr_t)16;
    wild();
    (void)arg;
}

static void executes_data(void *arg)
{
    void (*volatile to)(void) = (void (*)(void))(uintptr_t)no_access;
    to();
    (void)arg;
}

static int deeper(int n)
{
    volatile char frame[512];
    frame[0] = (char)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[0];
}

static void overflows(void *arg)
{
    sink = deeper(1);
    (void)arg;
}

static void bus(void *arg)
{
    sink = *(volatile char *)beyond_file;
    (void)arg;
}

static void divides(void *arg)
{
    sink = 7 / zero;
    (void)arg;
}

static void illegal(void *arg)
{
    __builtin_trap();
    (void)arg;
}

static void trap(void *arg)
{
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
    (void)arg;
}

static void aborts(void *arg)
{
    (void)arg;
    abort();
}

static void asserts(void *arg)
{
    (void)arg;
#ifdef NDEBUG
    __assert_fail("zero == 1", __FILE__, __LINE__, __func__);
#else
    assert(zero == 1);
#endif
}

static void exits(void *arg)
{
    (void)arg;
    exit(7);
}

static void exits_thread(void *arg)
{
    pthread_exit(arg);
}

__attribute__((noinline)) static void write_over(volatile char *p)
{
    for (int i = 0; i < 48; i++)
        p[i] = 1;
}

__attribute__((noinline)) static void smashes(void *arg)
{
    char frame[16];
    write_over(frame);
    (void)arg;
}

static void loses_stack(void *arg)
{
#if defined(__x86_64__)
    __asm__ volatile("movq $0x1000, %rsp; pushq %rax");
#else
    __asm__ volatile("mov x9, #4096; mov sp, x9; str x0, [sp, #-16]!");
#endif
    (void)arg;
}

static void non_canonical(void *arg)
{
    sink = *(volatile int *)(uintptr_t)0x8000000000000000u;
    (void)arg;
}

static void copies(void *arg)
{
    char to[64];
    memcpy(to, (char *)null + 20, sizeof to / 2 + (size_t)zero);
    sink = to[zero];
    (void)arg;
}

extern void *__memset_chk(void *, int, size_t, size_t);

static void overflows_checked(void *arg)
{
    static void *(*volatile set)(void *, int, size_t, size_t) = __memset_chk;
    char to[64];
    set(to, 1, sizeof to, sizeof to - 1);
    (void)arg;
}

static const struct way {
    const char *name;
    cop_fn fn;
    const char *reason; /* its beginning */
    bool is_caught;     /* can be */
} ways[] = {
    {"segv_read", reads, "{fault, SIGSEGV, 0x8}", true},
    {"segv_write", writes, "{fault, SIGSEGV, 0xc}", true},
    {"segv_protected", writes_protected, "{fault, SIGSEGV, 0x", true},
    {"segv_exec", executes, "{fault, SIGSEGV, 0x10}", true},
    {"segv_exec_data", executes_data, "{fault, SIGSEGV, 0x", true},
    {"guard", overflows, "{fault, stack_overflow}", true},
    {"bus", bus, "{fault, SIGBUS, 0x", true},
    {"fpe", divides, "{fault, SIGFPE, 0x", true},
    {"ill", illegal, "{fault, SIGILL, 0x", true},
    {"trap", trap, "{fault, SIGTRAP, 0x", true},
    {"abort", aborts, "{fault, abort}", true},
    {"assert", asserts, "{fault, assert, \"zero == 1 (", true},
    {"exit", exits, "{fault, exit, \"status 7\"}", true},
    {"pthread_exit", exits_thread, "{fault, pthread_exit}", true},
    {"smash", smashes, "{fault, stack_smashed}", false},
    {"bad_sp", loses_stack, "{fault, SIGSEGV, 0x", true},
    {"non_canonical", non_canonical, "{fault, SIGSEGV, 0x0}", true},
    {"leaf", copies, "{fault, SIGSEGV, 0x14}", true},
    {"fortify", overflows_checked, "{fault, buffer_overflow}", true},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static _Atomic int64_t spent_ns[WAYS];

/* --------------------------------------------------------------- judges -- */

static void judge(const struct way *w, cop_reason why)
{
    char text[COP_REASON_TEXT];

    cop_reason_str(why, text, sizeof text);
    STRESS_CHECK(strncmp(text, w->reason, strlen(w->reason)) == 0,
                 "%s: %s instead of %s", w->name, text, w->reason);
    STRESS_CHECK(cop_reason_fault(why)->depth > 0, "%s: no frames", w->name);
}

/* All workers have the same one. */
static sigset_t mask_begin;

static void judge_thread(const struct way *w)
{
    sigset_t mask;
    stack_t alt;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int sig = 1; sig < 65; sig++)
        STRESS_CHECK(sigismember(&mask, sig) == sigismember(&mask_begin, sig),
                     "%s: the mask of signal %d", w->name, sig);
    sigaltstack(NULL, &alt);
    STRESS_CHECK((alt.ss_flags & (SS_ONSTACK | SS_DISABLE)) == 0,
                 "%s: the alternate stack", w->name);
}

static void catches_and_dies(void *arg)
{
    const struct way *w = arg;
    cop_reason why;

    STRESS_CHECK(cop_catch(w->fn, NULL, &why) == COP_EFAILED, "%s: no catch",
                 w->name);
    judge(w, why);
    cop_reason_release(why);
    w->fn(NULL);
}

static void die_once(const struct way *w, bool is_caught)
{
    const cop_msg *m;
    cop_ref ref;

    STRESS_OK(cop_spawn(NULL, is_caught ? catches_and_dies : w->fn, (void *)w,
                        &(cop_opts){.monitor = &ref}));
    STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    STRESS_CHECK(cop_reason_fault(cop_msg_reason(m)) != NULL, "%s: no fault",
                 w->name);
    judge(w, cop_msg_reason(m));
    stress_beat(atomic_fetch_add(&died, 1) + 1);
}

/* Kinds in turns, so that each follows upon each other one. */
static void parent(void *arg)
{
    uint64_t seed = stress_stream((uint64_t)(uintptr_t)arg);
    uint64_t rounds = stress.n / PARENTS;

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t first = stress_below(&seed, WAYS);
        for (unsigned k = 0; k < WAYS; k++) {
            unsigned which = (unsigned)(first + k) % WAYS;
            int64_t from = stress_now();
            die_once(&ways[which], ways[which].is_caught && i % 2 == 1);
            atomic_fetch_add(&spent_ns[which], stress_now() - from);
        }
        judge_thread(&ways[first]);
        if (i == rounds / 4) {
            atomic_store(&rss_begin, stress_rss());
            atomic_store(&maps_begin, stress_mappings());
            atomic_store(&own_begin, cop_ext_bytes_in_use());
        }
    }
}

/* ----------------------------------------------------------------- main -- */

static void run(void *arg)
{
    cop_ref refs[PARENTS];
    const cop_msg *m;

    (void)arg;
    stress_warm_up();
    pthread_sigmask(SIG_SETMASK, NULL, &mask_begin);
    for (int i = 0; i < PARENTS; i++)
        STRESS_OK(cop_spawn(NULL, parent, (void *)(uintptr_t)(i + 1),
                            &(cop_opts){.monitor = &refs[i]}));
    for (int i = 0; i < PARENTS; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "a parent");
    }
}

static void map_bad_pages(void)
{
    FILE *f = tmpfile();

    STRESS_CHECK(f != NULL, "no temporary file");
    beyond_file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(f), 0);
    no_access = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    STRESS_CHECK(beyond_file != MAP_FAILED && no_access != MAP_FAILED, "mmap");
    fclose(f);
}

int main(int argc, char **argv)
{
    size_t rss, maps, own, grown;

    stress_begin(argc, argv, "deaths by each kind of native fault", 100000);
    if (STRESS_INSTRUMENTED)
        return stress_ok("skipped=1"); /* the sanitizer takes the faults */
    map_bad_pages();
    stress_start(2, &(cop_config){.crash_reports = COP_REPORT_NONE});
    stress_run(run, NULL, &died);
    rss = stress_rss(), maps = stress_mappings();
    own = cop_ext_bytes_in_use();
    stress_stop();
    /* the runtime's own is a high-water mark: see crash_storm */
    own = own > own_begin ? own - own_begin : 0;
    grown = rss > rss_begin + own ? rss - rss_begin - own : 0;
    if (stress.n >= 10000)
        STRESS_CHECK(grown <= 1 << 20,
                     "resident: %zu, then %zu, %zu of these more of our own",
                     rss_begin, rss, own);
    STRESS_CHECK(maps <= maps_begin, "mappings: %zu, then %zu", maps_begin,
                 maps);
    if (isatty(STDERR_FILENO))
        for (int i = 0; i < WAYS; i++)
            fprintf(stderr, "%-15s %7.0f ns\n", ways[i].name,
                    (double)spent_ns[i] / (double)stress.n);
    return stress_ok("kinds=%d deaths=%" PRIu64 " grown_kb=%zu own_kb=%zu",
                     WAYS, atomic_load(&died), grown >> 10, own >> 10);
}
