/* SPDX-License-Identifier: MIT
 *
 * os_process.h - what the runtime asks of the operating system about other
 * processes: making and ending them, memory and descriptors shared with them,
 * and what they may use. Rank: 0. See os_process.c.
 */
#ifndef COPI_BASE_OS_PROCESS_H
#define COPI_BASE_OS_PROCESS_H

#include "runtime/base/base.h"

/* ------------------------------------------------------- shared memory -- */

/* Memory without a name that can neither shrink nor grow: a descriptor, closed
 * on exec. COP_ESYS. */
COP_MUST_USE int copi_os_shared_new(int *fd, size_t bytes);
/* NULL: refused. */
void *copi_os_shared_map(int fd, size_t bytes);
void copi_os_shared_unmap(void *p, size_t bytes);

/* As copi_os_futex_wait and _wake, for a word that two processes map. Without
 * assertions: the other process may do what it likes with the word. */
void copi_os_shared_wait(_Atomic uint32_t *w, uint32_t expected);
void copi_os_shared_wake(_Atomic uint32_t *w);

/* --------------------------------------------------------------- bells -- */

/* A descriptor that becomes readable each time it is rung. COP_ESYS. */
COP_MUST_USE int copi_os_bell_new(int *fd);
void copi_os_bell_ring(int fd);

/* Bytes that were there; at most 0: none. Does not block on what is made
 * here. */
int copi_os_read(int fd, void *p, size_t n);

/* A set of descriptors to wait for. COP_ESYS. */
COP_MUST_USE int copi_os_watch_new(int *set);
/* Each time `fd` becomes readable the wait gives `key`. */
COP_MUST_USE int copi_os_watch_add(int set, int fd, uint64_t key);
void copi_os_watch_remove(int set, int fd);
/* Up to n keys; 0: after timeout_ms (-1: never) or for no reason. */
int copi_os_watch_wait(int set, uint64_t *keys, int n, int timeout_ms);

/* ------------------------------------------------------------ messages -- */

/* Two connected ends that carry whole messages and descriptors. COP_ESYS. */
COP_MUST_USE int copi_os_pair_new(int fd[2]);
/* 0; COP_ETIMEDOUT: no room now; COP_ESYS: the other end is gone. Does not
 * block; fds may be NULL. */
COP_MUST_USE int copi_os_pair_send(int fd, const void *p, size_t n,
                                   const int *fds, size_t fd_count);
/* Bytes; 0: the other end is gone; COP_ETIMEDOUT: nothing there. Does not
 * block. Descriptors that came along, or -1, go to fds. */
COP_MUST_USE int copi_os_pair_recv(int fd, void *p, size_t n, int *fds,
                                   size_t fd_count);
/* Waits until one of the descriptors is readable. */
void copi_os_wait_readable(const int *fds, size_t n);

/* ----------------------------------------------------------- processes -- */

/* The new process gets 0, the old one its number; COP_ESYS: *error says why. */
COP_MUST_USE int copi_os_fork(int *error);

/* For a process that only forks others: signals that ask a whole group of
 * processes to stop are ignored from here on, others do what they do by
 * default. Gives a descriptor that is readable when a child has ended, or
 * COP_ESYS. */
COP_MUST_USE int copi_os_be_zygote(void);
/* For its children: no signal is blocked; it is killed when its parent, the
 * process `parent`, ends. */
void copi_os_be_child(int parent);

/* Closes all descriptors above 2 but these. */
void copi_os_close_others(const int *keep, size_t n);

/* The number of a child that has ended, and its status; 0: none. */
int copi_os_reap(int *status);
/* What a status says: true if by a signal; *number is it, or the exit code. */
bool copi_os_status_signal(int status, int *number);
/* "SIGKILL". Writes at most `size` bytes. */
void copi_os_signal_name(int number, char *out, size_t size);
/* "Resource temporarily unavailable". */
void copi_os_error_text(int error, char *out, size_t size);

/* Kills a child that was not reaped yet. */
void copi_os_kill(int pid);
/* Waits until a child has ended. */
void copi_os_wait(int pid);
/* Ends the process at once, without anything of exit(). */
COP_NORETURN void copi_os_end(int status);

/* -------------------------------------------------------------- limits -- */

enum copi_os_limit {
    COPI_OS_LIMIT_MEMORY, /* bytes, beyond what is mapped now */
    COPI_OS_LIMIT_CPU,    /* seconds */
    COPI_OS_LIMIT_FILES,  /* descriptors */
    COPI_OS_LIMIT_FILE,   /* bytes of a file */
    COPI_OS_LIMIT_CORE    /* bytes of a core dump */
};
/* Of this process, for good. COP_ESYS. */
COP_MUST_USE int copi_os_limit(enum copi_os_limit what, uint64_t n);

/* From now on no thread of this process may do more than compute: memory,
 * time, waiting and waking, writing to `bell`, ending. Anything else ends the
 * process with SIGSYS. COP_ENOTSUP: not on this machine; COP_ESYS. See
 * os_confine.c. */
COP_MUST_USE int copi_os_confine(int bell);

#endif
