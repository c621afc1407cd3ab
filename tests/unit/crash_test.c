/* SPDX-License-Identifier: MIT
 *
 * crash_test.c - ways for an actor to die of its own machine code: what its
 * monitors are told, what is released, and that nobody else notices. What must
 * end the process is in crash_fatal_test.c.
 */
#include "tests/support/kid.h"
#include "tests/support/native.h"

#include <assert.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TAG_GO = 1 };

/* The compiler must not see through what follows. */
static void *volatile null;
static volatile int zero;
static volatile int sink;

static void note_arg(void *arg)
{
    note("%s", (char *)arg);
}

/* ---------------------------------------------------------- ways to die -- */

static void reads_null(void *arg)
{
    (void)arg;
    sink = *(volatile int *)null;
}

static void writes_near_null(void *arg)
{
    (void)arg;
    ((volatile char *)null)[0x10] = 1;
}

static void jumps_wild(void *arg)
{
    void (*volatile wild)(void) = (void (*)(void))(uintptr_t)0x10;
    (void)arg;
    wild();
}

static void executes_data(void *arg)
{
    static char data[64] = {(char)0xc3};
    void (*volatile to)(void) = (void (*)(void))(uintptr_t)data;
    (void)arg;
    to();
}

static void divides(void *arg)
{
    (void)arg;
    sink = 7 / zero;
}

static void illegal(void *arg)
{
    (void)arg;
    __builtin_trap();
}

static void breakpoint(void *arg)
{
    (void)arg;
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
}

static void *beyond_file;

static void beyond_end_of_file(void *arg)
{
    (void)arg;
    sink = *(volatile int *)beyond_file;
}

static void non_canonical(void *arg)
{
    (void)arg;
    sink = *(volatile int *)(uintptr_t)0x8000000000000000u;
}

static void bad_stack_pointer(void *arg)
{
    (void)arg;
#if defined(__x86_64__)
    __asm__ volatile("movq $0x1000, %rsp; pushq %rax");
#else
    __asm__ volatile("mov x9, #4096; mov sp, x9; str x0, [sp, #-16]!");
#endif
}

static int deeper(int n)
{
    volatile char frame[256];
    frame[0] = (char)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[0];
}

static void overflows(void *arg)
{
    (void)arg;
    sink = deeper(1);
}

static void big_frame(void *arg)
{
    volatile char frame[600000];
    (void)arg;
    frame[zero] = 1;
    sink = frame[zero];
}

static void aborts(void *arg)
{
    (void)arg;
    abort();
}

static void fails_an_assertion(void *arg)
{
    (void)arg;
    assert(zero == 1);
}

static void exits(void *arg)
{
    (void)arg;
    exit(3);
}

static void exits_thread(void *arg)
{
    (void)arg;
    pthread_exit(NULL);
}

__attribute__((noinline)) static void write_over(volatile char *p)
{
    for (int i = 0; i < 64; i++)
        p[i] = 1;
}

__attribute__((noinline)) static void smashes(void *arg)
{
    char frame[16];
    (void)arg;
    write_over(frame);
}

/* Leaves called by the actor's own code. */
static void copies_from_null(void *arg)
{
    char to[64];
    (void)arg;
    memcpy(to, null, sizeof to + (size_t)zero);
    sink = to[0];
}

static void measures_null(void *arg)
{
    (void)arg;
    sink = (int)strlen((char *)null + 16);
}

static const struct way {
    void (*fn)(void *);
    const char *text; /* the whole reason, or its beginning */
} ways[] = {
    {reads_null, "{fault, SIGSEGV, 0x0}"},
    {writes_near_null, "{fault, SIGSEGV, 0x10}"},
    {jumps_wild, "{fault, SIGSEGV, 0x10}"},
    {executes_data, "{fault, SIGSEGV, 0x"},
    {divides, "{fault, SIGFPE, 0x"},
    {illegal, "{fault, SIGILL, 0x"},
    {breakpoint, "{fault, SIGTRAP, 0x"},
    {beyond_end_of_file, "{fault, SIGBUS, 0x"},
    {non_canonical, "{fault, SIGSEGV, 0x0}"},
    {bad_stack_pointer, "{fault, SIGSEGV, 0x"},
    {overflows, "{fault, stack_overflow}"},
    {big_frame, "{fault, stack_overflow}"},
    {aborts, "{fault, abort}"},
    {fails_an_assertion, "{fault, assert, \"zero == 1 ("},
    {exits, "{fault, exit, \"status 3\"}"},
    {exits_thread, "{fault, pthread_exit}"},
    {copies_from_null, "{fault, SIGSEGV, 0x0}"},
    {measures_null, "{fault, SIGSEGV, 0x10}"},
};

/* Cannot be caught: frames above may be damaged. */
static const struct way smash = {smashes, "{fault, stack_smashed}"};

/* ---------------------------------------------------------------- tests -- */

static void map_beyond_file(void)
{
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    beyond_file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(f), 0);
    ck_assert(beyond_file != MAP_FAILED);
    fclose(f);
}

/* The actor dies of `way`, and `who` is told so. */
static void dies_so(const struct way *way)
{
    char have[COP_REASON_TEXT];
    const cop_fault *f;
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(
        cop_spawn(NULL, way->fn, NULL, &(cop_opts){.monitor = &ref}), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(20 * COP_SEC)), 0);
    cop_reason_str(cop_msg_reason(m), have, sizeof have);
    ck_assert_msg(strncmp(have, way->text, strlen(way->text)) == 0,
                  "%s instead of %s", have, way->text);
    f = cop_reason_fault(cop_msg_reason(m));
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_ge(f->depth, 1);
}

static void each_way(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        dies_so(&ways[i]);
    dies_so(&smash);
}

START_TEST(every_way_ends_the_actor_alone)
{
    map_beyond_file();
    actor_test(each_way, NULL);
}
END_TEST

static void again_and_again(void *arg)
{
    (void)arg;
    for (int round = 0; round < 100; round++)
        each_way(NULL);
}

START_TEST(as_often_as_one_likes)
{
    map_beyond_file();
    actor_test(again_and_again, NULL);
}
END_TEST

/* -------------------------------------------------- frames, clean-ups -- */

__attribute__((noinline)) static void innermost(int *p)
{
    volatile int local = zero; /* needs a frame */
    *p = 1;
    sink = local;
}

__attribute__((noinline)) static void outer(void *arg)
{
    innermost(null);
    note_arg(arg); /* no tail call */
}

static bool is_within(uintptr_t pc, void (*fn)(void))
{
    return pc - (uintptr_t)fn < 256;
}

static void backtrace_body(void *arg)
{
    const cop_fault *f;
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, outer, NULL, &(cop_opts){.monitor = &ref}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    f = cop_reason_fault(cop_msg_reason(m));
    ck_assert_uint_ge(f->depth, 2);
    ck_assert(is_within(f->frames[0], (void (*)(void))innermost));
    ck_assert(is_within(f->frames[1], (void (*)(void))outer));
    ck_assert_uint_eq(f->frames[0], f->pc);
    ck_assert_int_eq(f->signal, SIGSEGV);
}

/* The compiler knows that nothing comes after the call. */
static void abort_body(void *arg)
{
    char code[COP_SYMBOL_TEXT];
    const cop_fault *f;
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, aborts, NULL, &(cop_opts){.monitor = &ref}), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    f = cop_reason_fault(cop_msg_reason(m));
    ck_assert_uint_eq(f->frames[0], f->pc);
    cop_symbol_name(f->pc, false, code, sizeof code);
    ck_assert_msg(strncmp(code, "aborts+", 7) == 0, "%s", code);
}

START_TEST(tells_where_it_aborted)
{
    actor_test(abort_body, NULL);
}
END_TEST

START_TEST(tells_where)
{
    actor_test(backtrace_body, NULL);
}
END_TEST

static void note_local(void *arg)
{
    note("local %d", *(int *)arg);
}

static void crashes_with_locals(void *arg)
{
    int local = 42;

    ck_assert_int_eq(cop_defer(note_arg, "first"), 0);
    ck_assert_int_eq(cop_defer(note_local, &local), 0);
    ((void (*)(void *))arg)(NULL);
}

/* The frames of who crashed are still there for its clean-ups. */
static void defers_body(void *arg)
{
    void (*ends[])(void *) = {reads_null, overflows, aborts, bad_stack_pointer};
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        ck_assert_int_eq(cop_spawn(NULL, crashes_with_locals, (void *)ends[i],
                                   &(cop_opts){.monitor = &ref}),
                         0);
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
        notes_are("local 42|first|");
    }
}

START_TEST(clean_ups_run_after_a_crash)
{
    actor_test(defers_body, NULL);
}
END_TEST

static void crashes_in_clean_up(void *arg)
{
    ck_assert_int_eq(cop_defer(note_arg, "last"), 0);
    ck_assert_int_eq(cop_defer(reads_null, NULL), 0);
    ck_assert_int_eq(cop_defer(overflows, NULL), 0);
    ck_assert_int_eq(cop_defer(note_arg, "first"), 0);
    divides(arg);
}

static void in_clean_up_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, crashes_in_clean_up, NULL,
                               &(cop_opts){.monitor = &ref}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_ptr_nonnull(cop_reason_fault(cop_msg_reason(m)));
    notes_are("first|last|");
}

START_TEST(a_crash_in_a_clean_up_skips_only_that)
{
    actor_test(in_clean_up_body, NULL);
}
END_TEST

/* ------------------------------------------------------------- handlers -- */

static void crash_message(void *state, const cop_msg *m)
{
    (void)state;
    ck_assert_int_eq(cop_msg_tag(m), TAG_GO);
    overflows(NULL);
}

static void crash_terminate(void *state, cop_reason why)
{
    char text[COP_REASON_TEXT];

    (void)state;
    note("terminate %s", cop_reason_str(why, text, sizeof text));
    reads_null(NULL);
}

static const cop_handler crashing = {.message = crash_message,
                                     .terminate = crash_terminate};

static void handler_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn_handler(&pid, &crashing, NULL, &(cop_opts){.monitor = &ref}),
        0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_str_eq(cop_reason_fault(cop_msg_reason(m))->what, "SIGSEGV");
    notes_are("terminate {fault, stack_overflow}|");
}

START_TEST(terminate_hooks_may_crash)
{
    actor_test(handler_body, NULL);
}
END_TEST

/* ---------------------------------------------------------------- catch -- */

static void catch_body(void *arg)
{
    char text[COP_REASON_TEXT];
    cop_reason why;

    (void)arg;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        ck_assert_msg(cop_catch(ways[i].fn, NULL, &why) == COP_EFAILED,
                      "way %zu", i);
        cop_reason_str(why, text, sizeof text);
        ck_assert_msg(strncmp(text, ways[i].text, strlen(ways[i].text)) == 0,
                      "%s instead of %s", text, ways[i].text);
        cop_reason_release(why);
    }
}

static void catches_smash(void *arg)
{
    (void)!cop_catch(smashes, arg, NULL);
    ck_abort_msg("went back to a damaged frame");
}

static void smash_body(void *arg)
{
    const struct way way = {catches_smash, smash.text};
    (void)arg;
    dies_so(&way);
}

START_TEST(a_smashed_stack_cannot_be_caught)
{
    actor_test(smash_body, NULL);
}
END_TEST

START_TEST(a_crash_can_be_caught)
{
    map_beyond_file();
    actor_test(catch_body, NULL);
}
END_TEST

/* ---------------------------------------------------------- supervisors -- */

static void child_main(void *arg)
{
    const cop_msg *m;

    (void)arg;
    note("start");
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    reads_null(NULL);
}

static void restart_body(void *arg)
{
    const cop_child kid = {.id = "kid", .fn = child_main, .opts.name = "kid"};
    const cop_sup sup = {.children = &kid, .nchildren = 1, .intensity = 3};
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_sup_start(&pid, &sup, NULL, NULL), 0);
    cop_sleep(COP_MS);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_send_name("kid", TAG_GO, NULL, 0), 0);
        cop_sleep(COP_MS);
    }
    notes_are("start|start|start|start|");
    ck_assert(!cop_pid_is_none(cop_whereis("kid")));
}

START_TEST(supervisors_restart_who_crashed)
{
    actor_test(restart_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

/* ----------------------------------------------------------- neighbours -- */

static void blocks_signals_and_crashes(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    reads_null(arg);
}

static void divides_then(void *arg)
{
    divides(arg);
}

/* Not what an actor blocked, but the thread's own mask holds afterwards. */
static void mask_body(void *arg)
{
    const struct way blocked = {blocks_signals_and_crashes, "{fault, SIGSEGV"};
    const struct way fpe = {divides_then, "{fault, SIGFPE"};

    (void)arg;
    for (int i = 0; i < 100; i++) {
        dies_so(&blocked);
        dies_so(&fpe);
    }
}

START_TEST(signal_masks_do_not_stay)
{
    actor_test(mask_body, NULL);
}
END_TEST

static void crash_often(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(cop_spawn(NULL, i % 2 ? reads_null : overflows, NULL,
                                   &(cop_opts){.monitor = &ref}),
                         0);
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
        ck_assert_ptr_nonnull(cop_reason_fault(cop_msg_reason(m)));
    }
    (void)arg;
}

static void storm_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref[4];
    size_t before, after;

    (void)arg;
    crash_often(NULL);
    before = cop_ext_bytes_in_use();
    cop_time end = cop_in(10 * COP_SEC);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(
            cop_spawn(NULL, crash_often, NULL, &(cop_opts){.monitor = &ref[i]}),
            0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(cop_recv_ref(&m, ref[i], COP_FOREVER), 0);
        ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
    }
    /* 40,000 reasons are 20 MB. A worker that waits for a core holds up those
     * of the last dead. */
    do {
        cop_sleep(COP_MS);
        after = cop_ext_bytes_in_use();
    } while (after >= before + (8 << 20) && cop_now() < end);
    ck_assert_uint_lt(after, before + (8 << 20));
}

START_TEST(crashes_on_all_workers_at_once)
{
    actor_test(storm_body, &(cop_config){.workers = 4});
}
END_TEST

static const TTest *const cases[] = {
    every_way_ends_the_actor_alone,
    as_often_as_one_likes,
    tells_where,
    tells_where_it_aborted,
    clean_ups_run_after_a_crash,
    a_crash_in_a_clean_up_skips_only_that,
    terminate_hooks_may_crash,
    a_crash_can_be_caught,
    a_smashed_stack_cannot_be_caught,
    supervisors_restart_who_crashed,
    signal_masks_do_not_stay,
    crashes_on_all_workers_at_once,
};
NATIVE_MAIN("crash", cases)
