/* SPDX-License-Identifier: MIT
 *
 * isolated_end_test.c - how isolated actors end, what is told of it, and that
 * it is nobody else's matter: exits, faults, signals from outside, limits,
 * wild writes, and the end of the zygote.
 */
#include "tests/support/isolated.h"
#include "tests/support/scribble.h"

#include <signal.h>
#include <sys/socket.h>

enum { TAG_PID = 1, TAG_GO, TAG_ECHO };

static void *volatile null;
static volatile int globe = 7;

/* Runs fn isolated, and expects this end. */
static void expect_with(cop_fn fn, const cop_opts *opts, const char *want)
{
    cop_ref down;
    cop_opts o = *opts;
    o.monitor = &down;
    isolated_with(fn, NULL, &o);
    ends_with(down, want);
}

static void expect(cop_fn fn, const char *want)
{
    expect_with(fn, &(cop_opts){.arg_bytes = 0}, want);
}

/* ------------------------------------------------------------ own reasons */

static void returns(void *arg)
{
    (void)arg;
}
static void exits_plain(void *arg)
{
    (void)arg;
    cop_exit(cop_because("tired"));
}
static void exits_payload(void *arg)
{
    (void)arg;
    cop_exit(cop_because_fmt("tired", "of %d", 7));
}
static void exits_orderly(void *arg)
{
    (void)arg;
    cop_exit(cop_shutdown_because("night"));
}
static void misuses(void *arg)
{
    (void)arg;
    cop_pid_str(COP_NO_PID, NULL, 0);
    cop_msg *m;
    must(cop_msg_new(&m, 5, 4) == 0);
    (void)cop_msg_expect(m, 8);
}
static void defers(void *arg)
{
    must(cop_send(*(cop_pid *)arg, TAG_GO, NULL, 0) == 0);
}
static void exits_deferred(void *arg)
{
    static cop_pid who;
    who = *(cop_pid *)arg;
    must(cop_defer(defers, &who) == 0);
    cop_exit(cop_because("tired"));
}

static void body_reasons(void *arg)
{
    cop_pid self = cop_self();
    cop_ref down;
    const cop_msg *m;
    (void)arg;
    expect(returns, "normal");
    expect(exits_plain, "tired");
    expect(exits_payload, "{tired, \"of 7\"}");
    expect(exits_orderly, "{shutdown, night}");
    isolated_with(exits_deferred, &self,
                  &(cop_opts){.arg_bytes = sizeof self, .monitor = &down});
    ends_with(down, "tired");
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, COP_POLL), 0);
}

START_TEST(tells_its_own_reason)
{
    isolated_test(body_reasons);
}
END_TEST

static void body_misuse(void *arg)
{
    cop_ref down;
    char why[COP_REASON_TEXT];
    (void)arg;
    isolated_with(misuses, NULL, &(cop_opts){.monitor = &down});
    reason_of(down, why);
    ck_assert_msg(strncmp(why, "{badarg, ", 9) == 0, "%s", why);
}

START_TEST(tells_misuse)
{
    isolated_test(body_misuse);
}
END_TEST

/* ----------------------------------------------------------------- faults */

#ifndef ISOLATED_SANITIZED
static void reads_null(void *arg)
{
    (void)arg;
    globe = *(volatile int *)null;
}
static void aborts(void *arg)
{
    (void)arg;
    abort();
}
#endif
static void exits_process(void *arg)
{
    (void)arg;
    _exit(3);
}
static void kills_process(void *arg)
{
    (void)arg;
    kill(getpid(), SIGKILL);
}
#ifndef ISOLATED_SANITIZED
/* In libc, where no actor can be saved: the process goes. */
static void faults_in_libc(void *arg)
{
    char text[64];
    (void)arg;
    signal(SIGSEGV, SIG_DFL);
    snprintf(text, sizeof text, "%s", (const char *)(uintptr_t)(16 + globe));
}

#endif

static void body_signals(void *arg)
{
    (void)arg;
    expect(exits_process,
           "{fault, exit_status, \"the actor's process ended with status 3\"}");
    expect(kills_process,
           "{fault, SIGKILL, \"a signal ended the actor's process\"}");
}

#ifndef ISOLATED_SANITIZED
static void body_faults(void *arg)
{
    cop_ref down;
    const cop_msg *m;
    (void)arg;
    isolated_with(reads_null, NULL, &(cop_opts){.monitor = &down});
    ck_assert_int_eq(cop_recv_ref(&m, down, patience()), 0);
    const cop_fault *f = cop_reason_fault(cop_msg_reason(m));
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->what, "SIGSEGV");
    ck_assert_uint_gt(f->depth, 0);
    expect(aborts, "{fault, abort}");
    expect(faults_in_libc,
           "{fault, SIGSEGV, \"a signal ended the actor's process\"}");
}
#endif

START_TEST(signals_and_statuses_are_reasons)
{
    isolated_test(body_signals);
}
END_TEST

#ifndef ISOLATED_SANITIZED
START_TEST(faults_are_told_with_a_backtrace)
{
    isolated_test(body_faults);
}
END_TEST
#endif

/* ---------------------------------------------------------- from outside */

static void tells_pid_and_spins(void *arg)
{
    pid_t pid[2] = {getpid(), getppid()};
    must(cop_send(*(cop_pid *)arg, TAG_PID, pid, sizeof pid) == 0);
    for (;;)
        globe++;
}

static void make_view(void *arg)
{
    ck_assert_int_eq(cop_view_json(arg, NULL, 0), 0);
}

/* In the live view, which is made outside actors. */
static void shows_process(pid_t os)
{
    char *text = NULL, want[32];

    ck_assert_int_eq(cop_blocking(make_view, &text), 0);
    snprintf(want, sizeof want, "\"os_pid\":%d}", (int)os);
    ck_assert_ptr_nonnull(strstr(text, want));
    free(text);
}

static void body_kills(void *arg)
{
    cop_pid self = cop_self();
    cop_ref down;
    const cop_msg *m;
    const cop_opts opts = {.arg_bytes = sizeof self, .monitor = &down};
    (void)arg;

    cop_pid p = isolated_with(tells_pid_and_spins, &self, &opts);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    pid_t os = *(const pid_t *)cop_msg_body(m);
    cop_info info;
    do
        ck_assert_int_eq(cop_info_get(p, &info), 0);
    while (info.os_pid == 0);
    ck_assert(info.is_isolated && info.os_pid == os);
    shows_process(os);
    kill(os, SIGSTOP); /* not even that saves it */
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ends_with(down, "killed");
    while (kill(os, 0) == 0)
        cop_sleep(COP_MS);

    p = isolated_with(tells_pid_and_spins, &self, &opts);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    ck_assert_int_eq(cop_exit_signal(p, COP_SHUTDOWN), 0);
    ends_with(down, "shutdown");

    p = isolated_with(tells_pid_and_spins, &self, &opts);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    kill(*(const pid_t *)cop_msg_body(m), SIGKILL);
    ends_with(down, "{fault, SIGKILL, \"a signal ended the actor's process\"}");
}

START_TEST(can_be_killed_whatever_it_does)
{
    isolated_test(body_kills);
}
END_TEST

static void body_zygote(void *arg)
{
    cop_pid self = cop_self();
    cop_ref down;
    const cop_msg *m;
    const cop_opts opts = {.arg_bytes = sizeof self, .monitor = &down};
    (void)arg;
    isolated_with(tells_pid_and_spins, &self, &opts);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    pid_t os[2];
    memcpy(os, cop_msg_body(m), sizeof os);
    kill(os[1], SIGKILL);
    ends_with(down, "{fault, zygote, \"the process that forks has ended\"}");
    while (kill(os[0], 0) == 0)
        cop_sleep(COP_MS);
    expect(returns, "{fault, zygote, \"the process that forks has ended\"}");
}

START_TEST(survives_the_end_of_the_zygote)
{
    isolated_test(body_zygote);
}
END_TEST

/* Killed before it has a process, while it gets one, and so on. */
static void body_early(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        cop_ref down;
        cop_pid p = isolated_with(returns, NULL, &(cop_opts){.monitor = &down});
        if (i > 50)
            cop_sleep((i - 50) * 40 * COP_US);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        char why[COP_REASON_TEXT];
        reason_of(down, why);
        ck_assert_msg(strcmp(why, "killed") == 0 || strcmp(why, "normal") == 0,
                      "%s", why);
    }
}

START_TEST(can_be_killed_while_it_starts)
{
    isolated_test(body_early);
}
END_TEST

/* ----------------------------------------------------------------- limits */

#ifndef ISOLATED_SANITIZED
static void takes_memory(void *arg)
{
    (void)arg;
    for (int i = 0; i < 64; i++) {
        void *p = cop_alloc(1 << 20);
        if (p == NULL)
            cop_exit(cop_because_fmt("full", "%s", i < 40 ? "soon" : "late"));
        memset(p, 1, 1 << 20);
    }
}
static void spins(void *arg)
{
    (void)arg;
    for (;;)
        globe++;
}
static void computes(void *arg)
{
    const cop_msg *m;
    char *p = cop_alloc(3 << 20);
    (void)arg;
    must(p != NULL);
    memset(p, 1, 3 << 20);
    cop_free(p);
    must(cop_recv(&m, cop_in(30 * COP_MS)) == COP_ETIMEDOUT);
    must(cop_whereis("nobody").id == 0);
    for (cop_time end = cop_in(60 * COP_MS); cop_now() < end;)
        globe++;
}
static void opens_a_socket(void *arg)
{
    (void)arg;
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void forks(void *arg)
{
    (void)arg;
    (void)fork();
}

static void body_limits(void *arg)
{
    const cop_limits memory = {.memory_bytes = 32 << 20};
    const cop_limits cpu = {.cpu_seconds = 1};
    (void)arg;
    expect_with(takes_memory, &(cop_opts){.limits = &memory},
                "{full, \"soon\"}");
    expect_with(takes_memory, &(cop_opts){.memory_max = 4 << 20},
                "{limit, \"memory\"}");
    expect_with(spins, &(cop_opts){.limits = &cpu},
                "{fault, SIGXCPU, \"a signal ended the actor's process\"}");
}

START_TEST(limits_are_kept)
{
    isolated_test(body_limits);
}
END_TEST

static void body_seccomp(void *arg)
{
    const cop_opts opts = {.seccomp = COP_SECCOMP_COMPUTE};
    const char *sigsys =
        "{fault, SIGSYS, \"a signal ended the actor's process\"}";
    (void)arg;
    expect_with(computes, &opts, "normal");
    expect_with(opens_a_socket, &opts, sigsys);
    expect_with(forks, &opts, sigsys);
    expect_with(reads_null, &opts, "{fault, SIGSEGV, 0x0}");
}

START_TEST(a_profile_is_kept)
{
    isolated_test(body_seccomp);
}
END_TEST
#endif

/* ------------------------------------------------------------ wild writes */

#ifndef ISOLATED_SANITIZED
static void goes_wild(void *arg)
{
    scribble_all(*(uint64_t *)arg);
}

/* Over the shared memory alone, and then it goes on as if nothing was. */
static void goes_wild_and_on(void *arg)
{
    static struct scribble_range r[8];
    uint64_t seed = *(uint64_t *)arg;
    int n = scribble_find(r, 8, "memfd:coppice");
    must(n == 1);
    scribble_over(&r[0], seed);
    for (int i = 0; i < 20; i++) {
        (void)cop_whereis("anybody");
        scribble_over(&r[0], seed + (uint64_t)i);
    }
}

static void echo(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;) {
        must(cop_recv(&m, COP_FOREVER) == 0);
        (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
    }
}

static void body_wild(void *arg)
{
    cop_pid bystander = isolated(echo, NULL);
    (void)arg;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        cop_ref down;
        uint64_t back = 0;
        char why[COP_REASON_TEXT];
        cop_pid p = isolated_with(
            seed % 2 == 0 ? goes_wild : goes_wild_and_on, &seed,
            &(cop_opts){.arg_bytes = sizeof seed, .monitor = &down});
        cop_sleep(2 * COP_MS);
        for (int i = 0; i < 50; i++)
            (void)cop_send(p, TAG_GO, why, sizeof why);
        cop_sleep(20 * COP_MS); /* who has wrecked its own locks may hang */
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        reason_of(down, why);
        ck_assert_str_ne(why, "normal");
        ck_assert_int_eq(cop_call(bystander, TAG_ECHO, &seed, sizeof seed,
                                  &back, sizeof back, patience()),
                         (int)sizeof back);
        ck_assert_uint_eq(back, seed);
    }
    ck_assert_int_eq(globe, 7);
}

START_TEST(wild_writes_reach_nobody)
{
    isolated_test(body_wild);
}
END_TEST
#endif

/* ------------------------------------------------------------- supervised */

static void dies_at_a_word(void *arg)
{
    const cop_msg *m;
    (void)arg;
    must(cop_recv(&m, COP_FOREVER) == 0);
    kill(getpid(), SIGKILL);
}

static void body_supervised(void *arg)
{
    static const cop_child kids[] = {
        {.id = "kid",
         .fn = dies_at_a_word,
         .opts = {.name = "kid", .isolation = COP_ISOLATED}}};
    static const cop_sup spec = {.intensity = 100,
                                 .period_ns = COP_SEC,
                                 .children = kids,
                                 .nchildren = 1};
    cop_pid sup, last = COP_NO_PID;
    (void)arg;
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    for (int i = 0; i < 10; i++) {
        cop_pid p;
        cop_time end = patience();
        do
            p = cop_whereis("kid");
        while ((cop_pid_is_none(p) || cop_pid_eq(p, last)) && cop_now() < end);
        ck_assert(!cop_pid_is_none(p) && !cop_pid_eq(p, last));
        last = p;
        ck_assert_int_eq(cop_send(p, TAG_GO, NULL, 0), 0);
    }
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, patience(), NULL), 0);
}

START_TEST(supervisors_restart_it)
{
    isolated_test(body_supervised);
}
END_TEST

static const TTest *const cases[] = {
    tells_its_own_reason,
    tells_misuse,
    signals_and_statuses_are_reasons,
#ifndef ISOLATED_SANITIZED
    faults_are_told_with_a_backtrace,
    limits_are_kept,
    a_profile_is_kept,
    wild_writes_reach_nobody,
#endif
    can_be_killed_whatever_it_does,
    survives_the_end_of_the_zygote,
    can_be_killed_while_it_starts,
    supervisors_restart_it,
};
ISOLATED_MAIN("isolated_end", cases)
