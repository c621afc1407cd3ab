/* SPDX-License-Identifier: MIT
 *
 * workers.c - how many workers there are: what else counts itself by them, such
 * as a partitioned supervisor, asks here. Rank: 5.
 */
#include <coppice/runtime.h>

#include "runtime/api/scope.h"
#include "runtime/scheduler/worker.h"

unsigned cop_workers(void)
{
    struct copi_scope s;
    unsigned n;

    if (!copi_scope_enter(&s))
        return 0;
    n = copi_rt.workers;
    copi_scope_leave(&s);
    return n;
}
