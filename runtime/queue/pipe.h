/* SPDX-License-Identifier: MIT
 *
 * pipe.h - a stream of bytes from one process to another, in memory that both
 * map. Rank: 2. See pipe.c.
 */
#ifndef COPI_QUEUE_PIPE_H
#define COPI_QUEUE_PIPE_H

#include "runtime/base/base.h"

#define COPI_PIPE_BYTES ((size_t)64 << 10)

/* What both processes map. Zeroed at first. */
struct copi_pipe_shared {
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t written; /* ever */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t read;    /* ever */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint32_t reader_waits;
    _Atomic uint32_t writer_waits;
    _Atomic uint32_t bell; /* for who sleeps on a futex */
    COPI_ALIGNED(COPI_CACHE_LINE) unsigned char bytes[COPI_PIPE_BYTES];
};

/* One process' end. */
struct copi_pipe {
    struct copi_pipe_shared *shared;
    uint64_t at; /* as written or read: what the other side says of it is not
                    believed */
};

void copi_pipe_init(struct copi_pipe *p, struct copi_pipe_shared *shared);

/* As many bytes as there is room for, or are there. *n: how many. False: the
 * other side broke the stream's counts. Never block. */
COP_MUST_USE bool copi_pipe_write(struct copi_pipe *p, const void *from,
                                  size_t size, size_t *n);
COP_MUST_USE bool copi_pipe_read(struct copi_pipe *p, void *to, size_t size,
                                 size_t *n);

/* Says that this end will sleep; true: it may, as there is still nothing to
 * read, or no room. Who is told by _must_wake_ wakes it. */
bool copi_pipe_reader_may_sleep(struct copi_pipe *p);
bool copi_pipe_writer_may_sleep(struct copi_pipe *p);
/* After writing, after reading: does the other side sleep? True once. */
bool copi_pipe_must_wake_reader(struct copi_pipe *p);
bool copi_pipe_must_wake_writer(struct copi_pipe *p);

#endif
