/* SPDX-License-Identifier: MIT
 *
 * pipe.c - a stream of bytes between two processes. Rank: 2.
 *
 * One writer, one reader, a ring of bytes and two counts that only grow. Each
 * end keeps its own count in memory of its own and publishes it; of the other
 * end's count it believes only what makes sense: never more unread bytes than
 * the ring holds, never fewer than none. So the worst that a process which
 * scribbles over the shared memory can do to the other is to send it nonsense,
 * and the layer above checks every byte.
 *
 * Sleeping: an end that finds nothing to do says so in a flag and looks once
 * more; the other end, after it moved bytes, looks at the flag. Both put a
 * full fence between their store and their look, so at least one of them sees
 * the other.
 *
 * Rejected: records in place, read where they lie. The writer could change a
 * length after it was checked.
 */
#include "runtime/queue/pipe.h"

_Static_assert((COPI_PIPE_BYTES & (COPI_PIPE_BYTES - 1)) == 0,
               "a power of two");

void copi_pipe_init(struct copi_pipe *p, struct copi_pipe_shared *shared)
{
    p->shared = shared;
    p->at = 0;
}

static size_t first_part(uint64_t at, size_t n)
{
    return COPI_MIN(n, COPI_PIPE_BYTES - at % COPI_PIPE_BYTES);
}

/* How many bytes are unread; false: that cannot be. */
static bool unread_of_writer(struct copi_pipe *p, uint64_t *unread)
{
    /* acquire: the reader is done with them; pairs with copi_pipe_read */
    *unread =
        p->at - atomic_load_explicit(&p->shared->read, memory_order_acquire);
    return *unread <= COPI_PIPE_BYTES;
}

static bool unread_of_reader(struct copi_pipe *p, uint64_t *unread)
{
    /* acquire: their content; pairs with copi_pipe_write */
    *unread =
        atomic_load_explicit(&p->shared->written, memory_order_acquire) - p->at;
    return *unread <= COPI_PIPE_BYTES;
}

bool copi_pipe_write(struct copi_pipe *p, const void *from, size_t size,
                     size_t *n)
{
    uint64_t unread;
    *n = 0;
    if (!unread_of_writer(p, &unread))
        return false;
    *n = COPI_MIN(size, (size_t)(COPI_PIPE_BYTES - unread));
    if (*n == 0)
        return true;
    size_t one = first_part(p->at, *n);
    memcpy(p->shared->bytes + p->at % COPI_PIPE_BYTES, from, one);
    memcpy(p->shared->bytes, (const char *)from + one, *n - one);
    p->at += *n;
    /* release: pairs with unread_of_reader */
    atomic_store_explicit(&p->shared->written, p->at, memory_order_release);
    return true;
}

bool copi_pipe_read(struct copi_pipe *p, void *to, size_t size, size_t *n)
{
    uint64_t unread;
    *n = 0;
    if (!unread_of_reader(p, &unread))
        return false;
    *n = COPI_MIN(size, (size_t)unread);
    if (*n == 0)
        return true;
    size_t one = first_part(p->at, *n);
    memcpy(to, p->shared->bytes + p->at % COPI_PIPE_BYTES, one);
    memcpy((char *)to + one, p->shared->bytes, *n - one);
    p->at += *n;
    /* release: pairs with unread_of_writer */
    atomic_store_explicit(&p->shared->read, p->at, memory_order_release);
    return true;
}

/* A broken count is no reason to sleep: the next look tells of it. */
bool copi_pipe_reader_may_sleep(struct copi_pipe *p)
{
    uint64_t unread;
    /* seq_cst, with the fence in copi_pipe_must_wake_reader */
    atomic_store(&p->shared->reader_waits, 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (unread_of_reader(p, &unread) && unread == 0)
        return true;
    atomic_store(&p->shared->reader_waits, 0);
    return false;
}

bool copi_pipe_writer_may_sleep(struct copi_pipe *p)
{
    uint64_t unread;
    /* seq_cst, with the fence in copi_pipe_must_wake_writer */
    atomic_store(&p->shared->writer_waits, 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (unread_of_writer(p, &unread) && unread == COPI_PIPE_BYTES)
        return true;
    atomic_store(&p->shared->writer_waits, 0);
    return false;
}

bool copi_pipe_must_wake_reader(struct copi_pipe *p)
{
    /* pairs with copi_pipe_reader_may_sleep */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&p->shared->reader_waits) != 0 &&
           atomic_exchange(&p->shared->reader_waits, 0) != 0;
}

bool copi_pipe_must_wake_writer(struct copi_pipe *p)
{
    /* pairs with copi_pipe_writer_may_sleep */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&p->shared->writer_waits) != 0 &&
           atomic_exchange(&p->shared->writer_waits, 0) != 0;
}
