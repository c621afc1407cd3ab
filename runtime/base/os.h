/* SPDX-License-Identifier: MIT
 *
 * os.h - what the runtime asks of the operating system, in its own words and
 * with its own error codes. Rank: 0.
 *
 * No function here may be called with the expectation that errno survives, and
 * none reports through it. All may be called from any thread. Fault points are
 * passed by the callers, which rank above them.
 */
#ifndef COPI_BASE_OS_H
#define COPI_BASE_OS_H

#include "runtime/base/base.h"

#include <pthread.h>

/* ------------------------------------------------------------- waiting -- */

/* Sleeps while *w == expected, until a wake or for timeout_ns (-1: without
 * limit). 0: woken, or *w was another value, or for no reason: look again.
 * COP_ETIMEDOUT: the time is over. */
int copi_os_futex_wait(_Atomic uint32_t *w, uint32_t expected,
                       int64_t timeout_ns);

/* Wakes up to n sleepers. `w` need not exist any more. */
void copi_os_futex_wake(_Atomic uint32_t *w, int n);

/* Lets another thread of this core run, if there is one. */
void copi_os_yield(void);
/* The process. */
int copi_os_pid(void);

/* ------------------------------------------------------------- threads -- */

struct copi_thread {
    pthread_t handle;
};

/* Starts fn(arg) on a new thread. name: cut to 15 bytes. stack_bytes: 0 for
 * the system's default. All signals are blocked in it except those that report
 * a fault of the thread itself, and SIGABRT. It must be joined or detached.
 * COP_ESYS: no more threads. */
COP_MUST_USE
int copi_os_thread_start(struct copi_thread *t, const char *name,
                         size_t stack_bytes, void (*fn)(void *), void *arg);

/* Waits for its end. Frees all that it had. */
void copi_os_thread_join(struct copi_thread *t);

/* Lets it free itself at its end. `t` may go at once. */
void copi_os_thread_detach(struct copi_thread *t);

/* The system's number of the calling thread. Usable in signal handlers. */
uint32_t copi_os_thread_id(void);

/* The processor time that a thread has used; -1 if that cannot be known. */
int64_t copi_os_thread_cpu_ns(const struct copi_thread *t);

/* The signal by which a thread's code is interrupted: not blocked in threads
 * made here. Sends it to the thread with this number: false if there is none.
 */
int copi_os_interrupt_signal(void);
bool copi_os_interrupt(uint32_t thread_id);

/* Does the thread with this number use a core, or wait for one? False too if
 * that cannot be known. Reads a file. */
bool copi_os_thread_is_running(uint32_t thread_id);
/* From now on it cannot: this process may open no files (os_process.h). */
void copi_os_no_files(void);

/* How many cores this process may use: by affinity, and by the control group's
 * quota (rounded up). At least 1. */
unsigned copi_os_cpus(void);

/* The quota's part of it, for a /proc/self/cgroup and a /sys/fs/cgroup that
 * may be elsewhere; UINT_MAX without quota. */
unsigned copi_os_cpus_quota(const char *cgroup_file, const char *root);

/* ------------------------------------------------------------- barrier -- */

/* Registers this process; false: the kernel has no private expedited
 * membarrier. */
bool copi_os_membarrier_init(void);

/* A full fence on every thread of this process that is running. Only after
 * copi_os_membarrier_init gave true. Costs microseconds. */
void copi_os_membarrier(void);

/* -------------------------------------------------------------- memory -- */

/* All sizes and addresses: multiples of the page size. */
size_t copi_os_page_size(void);

/* Address space that nothing backs and nobody may touch; NULL: refused. */
void *copi_os_reserve(size_t bytes);

/* Gives a whole reservation back, or one end of it. */
void copi_os_release(void *p, size_t bytes);

/* Makes part of a reservation usable, zeroed, backed when touched. COP_ENOMEM:
 * refused (too many mappings). */
COP_MUST_USE int copi_os_commit(void *p, size_t bytes);

/* Gives the pages back; the part stays usable and reads as zero. COP_ESYS. */
COP_MUST_USE int copi_os_decommit(void *p, size_t bytes);

/* Makes part of a committed range fault when touched, without splitting its
 * mapping (Linux 6.13). Decommitting keeps it. COP_ENOTSUP: this kernel cannot,
 * or refuses it for this range; COP_ENOMEM. */
COP_MUST_USE int copi_os_guard(void *p, size_t bytes);

/* The same for every kernel, at the cost of one mapping more. COP_ENOMEM: too
 * many mappings. */
COP_MUST_USE int copi_os_protect_none(void *p, size_t bytes);

/* This process' resident memory, 0 if unknown. Reads a file: slow. */
size_t copi_os_rss_bytes(void);

/* --------------------------------------------------------------- files -- */

/* Closes it. What the system says of it is of no use to anybody. */
void copi_os_close(int fd);

/* A new file without a name in the folder `dir`, for reading and writing; its
 * descriptor (closed on exec), or COP_ESYS. */
COP_MUST_USE int copi_os_temp_file(const char *dir);

/* --------------------------------------------------------------- other -- */

/* A variable of the environment, or NULL; always NULL in a program that runs
 * with more rights than its user's. */
const char *copi_os_env(const char *name);

/* A number nobody can foretell: to make a seed when none was given. */
uint64_t copi_os_entropy(void);

/* Where this thread's errno lies now. Call it again after every switch of
 * coroutines: the thread may be another one. */
int *copi_os_errno(void);

#endif
