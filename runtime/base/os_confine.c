/* SPDX-License-Identifier: MIT
 *
 * os_confine.c - a filter of system calls for a process that shall only
 * compute. Rank: 0.
 *
 * A program for the kernel's packet filter, which the kernel runs at each
 * system call of every thread: the machine must be the one that this was
 * compiled for (numbers differ between them); then the call's number is looked
 * for among those that are allowed. Two are allowed with one argument only:
 * write to the bell, and signals to this process' own threads (the runtime
 * interrupts a long turn so). All else, clone and execve among it, ends the
 * process with SIGSYS, so that it is seen and not guessed.
 */
#include "runtime/base/os_process.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/os.h"

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#else
#define MACHINE 0
#endif

static const int allowed[] = {
    SYS_futex,
    SYS_mmap,
    SYS_munmap,
    SYS_madvise,
    SYS_mprotect,
    SYS_mremap,
    SYS_brk,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_sched_yield,
    SYS_getpid,
    SYS_gettid,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_membarrier,
    SYS_getrandom,
    SYS_exit,
    SYS_exit_group,
    SYS_set_robust_list,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_time
    SYS_time,
#endif
};

enum { RULES_MAX = 16 + 2 * COPI_ARRAY_LEN(allowed) };

struct program {
    struct sock_filter rule[RULES_MAX];
    unsigned short n;
};

static void add(struct program *p, unsigned code, uint32_t k, uint8_t yes,
                uint8_t no)
{
    p->rule[p->n++] = (struct sock_filter){(unsigned short)code, yes, no, k};
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct program *p, uint32_t verdict)
{
    add(p, BPF_RET | BPF_K, verdict, 0, 0);
}

/* The call `number` with this first argument; leaves the number loaded. */
static void allow_with(struct program *p, int number, int first)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
    load(p, offsetof(struct seccomp_data, args[0])); /* its low half */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)first, 0, 1);
    give(p, SECCOMP_RET_ALLOW);
    load(p, offsetof(struct seccomp_data, nr));
}

static void write_program(struct program *p, int bell)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    give(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < COPI_ARRAY_LEN(allowed); i++) {
        add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
        give(p, SECCOMP_RET_ALLOW);
    }
    allow_with(p, SYS_write, bell);
    allow_with(p, SYS_tgkill, getpid());
    give(p, SECCOMP_RET_KILL_PROCESS);
}

int copi_os_confine(int bell)
{
    struct program p = {.n = 0};
    if (MACHINE == 0)
        return COP_ENOTSUP;
    write_program(&p, bell);
    struct sock_fprog prog = {p.n, p.rule};
    copi_os_no_files();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return COP_ESYS;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_TSYNC, &prog) == 0
               ? 0
               : COP_ESYS;
}
