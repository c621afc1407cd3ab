/* SPDX-License-Identifier: MIT
 *
 * exhibits.c - the ways to die, in one table. To add one, add a row.
 *
 * Each function does what a bug would do, in the exhibit's own context, and
 * nothing prepares for it or cleans up. `volatile` keeps the compiler from
 * seeing what is coming; `noinline` keeps the names in the backtraces.
 *
 * Some die by what others do to them: they get an exit signal, or more messages
 * than their mailbox may hold. Some end in good order, and are there for
 * comparison: their supervisor does not restart them.
 */
#include "gallery.h"

#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALONE __attribute__((noinline)) static

enum { PAGE = 4096 };

static char *volatile nowhere;
static volatile int zero, sink;

/* ------------------------------------------------------------------ memory */

ALONE void reads(void)
{
    sink = nowhere[8];
}

ALONE void writes(void)
{
    nowhere[12] = 1;
}

ALONE void executes(void)
{
    void (*volatile to)(void) = (void (*)(void))(uintptr_t)16;

    to();
    sink = 1; /* so that it is a call, and no jump */
}

ALONE void writes_constant(void)
{
    static const char text[] = "constant";
    char *volatile at = (char *)(uintptr_t)text;

    *at = 'C';
}

ALONE void reads_non_canonical(void)
{
    sink = *(volatile char *)(uintptr_t)0x8000000000000000u;
}

ALONE void copies(void)
{
    char to[64];

    memcpy(to, nowhere + 20, 32 + (size_t)zero);
    sink = to[zero];
}

static void unmap(void *page)
{
    munmap(page, PAGE);
}

/* A page of a file that is empty. The descriptor is the actor's, and closed
 * when it dies; the page is unmapped by a deferred function: both happen after
 * the crash. */
ALONE void reads_beyond_file(void)
{
    void *page;
    int fd;

    if (cop_temp_file(&fd, NULL) != 0)
        return;
    page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED || cop_defer(unmap, page) != 0)
        return;
    sink = *(volatile char *)page;
}

/* ------------------------------------------------------------------- stack */

ALONE int deeper(int n)
{
    volatile char frame[512];

    frame[0] = (char)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[0];
}

ALONE void overflows(void)
{
    sink = deeper(1);
}

ALONE void write_over(volatile char *p)
{
    for (int i = 0; i < 48; i++)
        p[i] = 1;
}

ALONE void smashes(void)
{
    char frame[16];

    write_over(frame);
}

ALONE void loses_stack(void)
{
#if defined(__x86_64__)
    __asm__ volatile("movq $0x1000, %rsp; pushq %rax");
#else
    __asm__ volatile("mov x9, #4096; mov sp, x9; str x0, [sp, #-16]!");
#endif
}

/* memset with the size of its target beside, as _FORTIFY_SOURCE writes it. */
ALONE void fills_too_much(void)
{
    char to[64];

    __builtin___memset_chk(to, 1, sizeof to + 1 + (size_t)zero, sizeof to);
    sink = to[zero];
}

/* ------------------------------------------------------------ instructions */

ALONE void divides(void)
{
    sink = 7 / zero;
}

ALONE void runs_nonsense(void)
{
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".inst 0");
#endif
}

ALONE void traps(void)
{
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
}

/* ----------------------------------------------------------------- library */

ALONE void aborts(void)
{
    abort();
}

ALONE void asserts(void)
{
    assert(zero == 1);
}

ALONE void exits(void)
{
    exit(7);
}

ALONE void exits_thread(void)
{
    pthread_exit(NULL);
}

/* Of thrower.cc, if there was a compiler for it. */
__attribute__((weak)) void exhibit_throw(void);

/* ------------------------------------------------- in a process of its own */

/* These would take all others along, had they no process of their own. */

/* Its process ends with a report on the standard error: not in the gallery. */
ALONE void spoils_output(void)
{
    close(STDERR_FILENO);
    memset(stdout, -1, sizeof *stdout);
    puts("who reads this?");
}

ALONE void kills_process(void)
{
    kill(getpid(), SIGKILL);
}

/* ------------------------------------------------------- limits and misuse */

ALONE void loops(void)
{
    while (zero == 0)
        sink++;
}

ALONE void eats(void)
{
    char *more;

    while ((more = cop_alloc(16 * 1024)) != NULL)
        memset(more, 1, 16 * 1024);
}

ALONE void frees_a_part(void)
{
    char *block = cop_alloc(64);

    cop_free(block + 16);
    cop_free(block);
}

/* More than it may have waiting: it reads no leaflets. */
static void hand_out_leaflets(cop_pid to)
{
    for (int i = 0; i < 100; i++)
        cop_send(to, TAG_LEAFLET, NULL, 0);
}

/* ---------------------------------------------------------------- in words */

static void kill_it(cop_pid to)
{
    cop_exit_signal(to, COP_KILL);
}

static void evict(cop_pid to)
{
    cop_exit_signal(to, cop_because("evicted"));
}

static void gives_up(void)
{
    cop_exit(cop_because_fmt("sold_out", "%d loaves left", zero));
}

static void retires(void)
{
    cop_exit(cop_shutdown_because("retired"));
}

static void returns(void) {}

/* ------------------------------------------------------------------- table */

const struct exhibit exhibits[] = {
    {.name = "segv_read",
     .does = "reads where nothing is",
     .die = reads,
     .reason = "{fault, SIGSEGV, 0x8}",
     .is_native = true},
    {.name = "segv_write",
     .does = "writes where nothing is",
     .die = writes,
     .reason = "{fault, SIGSEGV, 0xc}",
     .is_native = true},
    {.name = "segv_exec",
     .does = "jumps to where nothing is",
     .die = executes,
     .reason = "{fault, SIGSEGV, 0x10}",
     .is_native = true},
    {.name = "segv_const",
     .does = "writes to a constant",
     .die = writes_constant,
     .reason = "{fault, SIGSEGV, 0x",
     .is_native = true},
    {.name = "segv_libc",
     .does = "has memcpy read where nothing is",
     .die = copies,
     .reason = "{fault, SIGSEGV, 0x14}",
     .is_native = true},
    {.name = "non_canonical",
     .does = "reads at an address that none can be",
     .die = reads_non_canonical,
     .reason = "{fault, SIGSEGV, 0x",
     .is_native = true},
    {.name = "bus",
     .does = "reads a mapped file beyond its end",
     .die = reads_beyond_file,
     .reason = "{fault, SIGBUS, 0x",
     .is_native = true},
    {.name = "stack_overflow",
     .does = "recurses for ever, into the guard page",
     .die = overflows,
     .reason = "{fault, stack_overflow}",
     .is_native = true},
    {.name = "smash",
     .does = "writes over its return address",
     .die = smashes,
     .reason = "{fault, stack_smashed}",
     .is_native = true},
    {.name = "bad_sp",
     .does = "loses its stack pointer",
     .die = loses_stack,
     .reason = "{fault, SIGSEGV, 0x",
     .is_native = true},
    {.name = "fortify",
     .does = "fills more than its buffer, which libc notices",
     .die = fills_too_much,
     .reason = "{fault, buffer_overflow}",
     .is_native = true},
    {.name = "fpe",
     .does = "divides by zero",
     .die = divides,
     .reason = "{fault, SIGFPE, 0x",
     .is_native = true},
    {.name = "ill",
     .does = "runs what is no instruction",
     .die = runs_nonsense,
     .reason = "{fault, SIGILL, 0x",
     .is_native = true},
    {.name = "trap",
     .does = "runs into a breakpoint",
     .die = traps,
     .reason = "{fault, SIGTRAP, 0x",
     .is_native = true},
    {.name = "abort",
     .does = "calls abort",
     .die = aborts,
     .reason = "{fault, abort}",
     .is_native = true},
    {.name = "assert",
     .does = "asserts what is false",
     .die = asserts,
     .reason = "{fault, assert, \"zero == 1 (",
     .is_native = true},
    {.name = "uncaught",
     .does = "throws an exception of C++ that nobody catches",
     .die = exhibit_throw,
     .reason = "{fault, abort}",
     .is_native = true},
    {.name = "exit",
     .does = "calls exit(7)",
     .die = exits,
     .reason = "{fault, exit, \"status 7\"}",
     .is_native = true},
    {.name = "pthread_exit",
     .does = "calls pthread_exit",
     .die = exits_thread,
     .reason = "{fault, pthread_exit}",
     .is_native = true},
    {.name = "runaway",
     .does = "loops without a call, beyond max_run_ns",
     .die = loops,
     .reason = "{fault, runaway}",
     .is_native = true,
     .opts = {.max_run_ns = 50 * COP_MS}},
    {.name = "wild_write",
     .does = "isolated: writes over libc's stdout, and prints",
     .die = spoils_output,
     .reason = "{fault, SIGSEGV, ",
     .has_process = true,
     .opts = {.isolation = COP_ISOLATED}},
    {.name = "sigkill",
     .does = "isolated: its process gets SIGKILL",
     .die = kills_process,
     .reason = "{fault, SIGKILL, ",
     .has_process = true,
     .opts = {.isolation = COP_ISOLATED}},
    {.name = "memory",
     .does = "allocates beyond memory_max",
     .die = eats,
     .reason = "{limit, \"memory\"}",
     .opts = {.memory_max = 1024 * 1024}},
    {.name = "mailbox",
     .does = "gets more messages than mailbox_max",
     .strike = hand_out_leaflets,
     .reason = "{limit, \"mailbox\"}",
     .opts = {.mailbox_max = 10, .mailbox_full = COP_FULL_KILL}},
    {.name = "misuse",
     .does = "frees the middle of a block",
     .die = frees_a_part,
     .reason = "{badarg, \"cop_free: "},
    {.name = "kill",
     .does = "is killed",
     .strike = kill_it,
     .reason = "killed"},
    {.name = "exit_signal",
     .does = "gets an exit signal",
     .strike = evict,
     .reason = "evicted"},
    {.name = "own",
     .does = "exits by itself, and says why",
     .die = gives_up,
     .reason = "{sold_out, \"0 loaves left\"}"},
    {.name = "shutdown",
     .does = "exits by itself, in good order",
     .die = retires,
     .reason = "{shutdown, retired}",
     .is_orderly = true},
    {.name = "normal",
     .does = "returns",
     .die = returns,
     .reason = "normal",
     .is_orderly = true},
};
const size_t nexhibits = sizeof exhibits / sizeof *exhibits;

static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

const char *exhibit_missing(const struct exhibit *e)
{
    if (e->is_native && is_sanitized())
        return "a sanitizer takes native faults for itself";
    if (e->has_process && is_sanitized())
        return "a sanitizer is in the way of processes that fork";
    if (e->die == NULL && e->strike == NULL)
        return "it was built without a C++ compiler";
#if defined(__aarch64__)
    if (e->die == divides)
        return "a division by zero gives zero on this processor";
#endif
    return NULL;
}
