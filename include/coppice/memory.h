/* SPDX-License-Identifier: MIT
 *
 * memory.h - memory and descriptors that belong to an actor.
 *
 * What an actor allocates here goes back when it dies, however it dies: at a
 * return, an exit, a kill, or a crash in the midst of its own code that leaves
 * no frame to clean up. It goes after the deferred clean-ups, and after links
 * and monitors were told. Memory that is to outlive its actor belongs in a
 * message, or is malloc's.
 *
 * A block is no other actor's business: only its owner may free or resize it.
 * Others may look at it while its owner lives, at their own risk.
 *
 * An actor spawned with cop_opts.memory_max ends with {limit, "memory"} at the
 * allocation that would take it beyond. What it runs while it ends (terminate,
 * deferred functions) may go beyond.
 */
#ifndef COPPICE_MEMORY_H
#define COPPICE_MEMORY_H

#include <coppice/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All of these: actors only, in their own context; elsewhere (in a function
 * that cop_blocking runs, too) the process aborts with a report. None waits
 * for others. A pointer that is no live block of the caller's, or one whose
 * header of 16 bytes was written over, ends the caller with {badarg, ...},
 * which names it. At its death such blocks are reported and stay allocated.
 *
 * With a limit the caller may end here, by its own decision: cop_catch catches
 * that, and nothing was allocated then. */

/* `bytes` (0 too), aligned to 16. A block takes 16 bytes more; up to 512 in all
 * it takes the next power of two, 64 at least. NULL: the system has no memory.
 */
COP_API COP_MUST_USE void *cop_alloc(size_t bytes);
/* The same, all zero. */
COP_API COP_MUST_USE void *cop_zalloc(size_t bytes);
/* A copy of a text with its closing zero. */
COP_API COP_MUST_USE char *cop_strdup(const char *text);
/* The block with another size, perhaps at another place; the bytes that both
 * sizes have are kept. NULL block: as cop_alloc. NULL: no memory, and the block
 * is as it was. The limit counts the new size alone. */
COP_API COP_MUST_USE void *cop_realloc(void *block, size_t bytes);
/* NULL is ignored. */
COP_API void cop_free(void *block);

/* ----------------------------------------------------------- own malloc -- */

/* An actor spawned with cop_opts.own_malloc has a heap of its own for plain
 * malloc: what it, and every library that it calls, takes by malloc, calloc,
 * realloc, strdup, new, ... comes from there, and when it dies, however it
 * dies, all of that is freed at once, after everything else. So a parser that
 * knows nothing of actors can crash half-way and leaves nothing behind. That
 * holds for its function, init, handler, terminate, deferred functions, and
 * what cop_blocking runs for it. Messages, actors, timers and all else that it
 * makes by calls of Coppice lie elsewhere and survive it.
 *
 * It costs: each turn, each job of cop_blocking, and the end, about 10 us more;
 * malloc and free 0.1 to 0.3 us, as no thread's cache serves them; 133 KB for
 * each that lives at a time, which are at most 256 (COP_ELIMIT). It is for
 * the few that run code they do not trust; others pay nothing.
 *
 * cop_info.memory_bytes and memory_max count this heap in whole pages, at the
 * end of each turn; it ends by its memory_max when its next turn begins, or at
 * a cop_alloc. An actor that keeps the processor is interrupted for that, when
 * it is in its own code and not in a library's.
 *
 * It must keep such blocks to itself. A block of its malloc that another actor
 * or thread frees, or uses after its death, damages that other one; so what is
 * given away (a body of cop_msg_new_moved, a moved argument, a list that others
 * append to) comes from the functions below, from cop_alloc's kin or from a
 * copying call. What others gave to it may be freed by it.
 *
 * The same is true of what libraries keep for the whole process: what they
 * allocate at a first use would be gone with the actor that happened to be the
 * first. Of libc's, the buffers of stdin and stdout and the time zone are
 * there from the first such spawn on, and streams that it opened (fopen and its
 * kin, but not popen) and left open are closed, without what they had not
 * written. Another actor, or main, must do the rest, or do it first: setlocale,
 * setenv, putenv, atexit, dlopen, pthread_create, popen; a first getaddrinfo,
 * getpwnam, iconv_open, strerror_l and what else loads a module or fills a
 * cache; the first output to a stream that others opened; the set-up of
 * libraries with thread-local or global state. cop_view_start is such a call,
 * and a function for cop_config.log that keeps what it allocates: it may run in
 * any actor's turn.
 *
 * COP_ENOTSUP: malloc is not jemalloc's, 5.3 or later, or is a sanitizer's, or
 * jemalloc has an arena for each processor (percpu_arena). */

/* malloc, calloc and realloc of the process, also for such an actor; elsewhere
 * no different from libc's. free() takes the blocks, anywhere. Any thread. */
COP_API COP_MUST_USE void *cop_common_malloc(size_t bytes);
COP_API COP_MUST_USE void *cop_common_calloc(size_t n, size_t bytes);
COP_API COP_MUST_USE void *cop_common_realloc(void *block, size_t bytes);

/* ---------------------------------------------------------- descriptors -- */

/* A file descriptor becomes the caller's: closed when it dies, however it dies,
 * after the deferred clean-ups and before anybody hears of the death. Closing
 * takes place on a worker, which a descriptor that is slow to close holds up.
 * Actors only; none of these waits for others.
 *
 * cop_own_fd: COP_ENOMEM; COP_EINVAL (negative); COP_EPRESENT (it owns it). On
 * failure the descriptor is as it was. Who closes it must disown it first.
 * cop_disown_fd: COP_ENOENT; the descriptor stays open. */
COP_API COP_MUST_USE int cop_own_fd(int fd);
COP_API int cop_disown_fd(int fd);

/* A new empty file for reading and writing, without a name, in the folder `dir`
 * (NULL: /tmp). *fd is owned by the caller as above; the file goes with its
 * last descriptor, even if the process is killed. Waits for the file system.
 * COP_EINVAL (fd is NULL); COP_ESYS (it could not be made there); COP_ENOMEM.
 */
COP_API COP_MUST_USE int cop_temp_file(int *fd, const char *dir);

#ifdef __cplusplus
}
#endif
#endif
