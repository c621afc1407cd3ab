/* SPDX-License-Identifier: MIT
 *
 * recorder.c - the flight recorder's public side. Rank: 5.
 */
#include <coppice/report.h>

#include "runtime/actor/misuse.h"
#include "runtime/api/scope.h"
#include "runtime/probe/trace.h"

/* Inside: rings go only when nobody is. */
size_t cop_trace_last(cop_trace_event *out, size_t cap)
{
    struct copi_scope s;
    if (out == NULL && cap > 0)
        copi_misuse("cop_trace_last: out is NULL");
    if (!copi_scope_enter(&s))
        return 0;
    size_t n = copi_trace_last(out, cap, NULL, COP_NO_PID);
    copi_scope_leave(&s);
    return n;
}

int cop_trace_set(const char *names)
{
    return copi_trace_set(names);
}
