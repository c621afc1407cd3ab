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
