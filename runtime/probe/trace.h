/* SPDX-License-Identifier: MIT
 *
 * trace.h - the flight recorder: the last events of each thread. Rank: 1.
 * The events are in <coppice/report.h>; how it works: trace.c.
 */
#ifndef COPI_PROBE_TRACE_H
#define COPI_PROBE_TRACE_H

#include <coppice/report.h>

#include "runtime/base/base.h"

/* Events of a thread that are kept. */
#define COPI_TRACE_RECORDS 1024

/* Bit e: event e is recorded. */
extern _Atomic uint32_t copi_trace_mask;

void copi_trace_write(cop_trace_kind kind, cop_pid actor, cop_pid other,
                      uint64_t value);

/* While the event is off: a load and a predictable branch. Any thread. */
static inline void copi_trace(cop_trace_kind kind, cop_pid actor, cop_pid other,
                              uint64_t value)
{
    uint32_t mask =
        atomic_load_explicit(&copi_trace_mask, memory_order_relaxed);
    if (COPI_UNLIKELY((mask >> kind & 1) != 0))
        copi_trace_write(kind, actor, other, value);
}

/* What is recorded from now on, as cop_trace_set says. COP_EINVAL. */
COP_MUST_USE int copi_trace_set(const char *names);

/* A ring of its own for the calling thread, until fini on the same thread; the
 * ring keeps its contents and serves the next thread. Without memory the
 * thread writes to the common ring, as threads do that have none. */
void copi_trace_thread_init(void);
void copi_trace_thread_fini(void);

/* Forgets all events, frees all rings but the common one. No thread has one. */
void copi_trace_fini(void);

/* The newest events of all rings (of those that `wanted` likes, if it is not
 * NULL), oldest first; at most cap. Safe in a signal handler. */
size_t copi_trace_last(cop_trace_event *out, size_t cap,
                       bool (*wanted)(const cop_trace_event *e, cop_pid who),
                       cop_pid who);

/* Events that the common ring has not taken since it was in use. */
uint64_t copi_trace_missed(void);

#endif
