/* SPDX-License-Identifier: MIT
 *
 * event_next.c - what a callback of an event handler says comes next. Only a
 * swap needs memory: its arguments may lie on the callback's stack, and the
 * successor's init runs when that is gone.
 */
#include "actors/event.h"

#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

cop_event_next cop_event_keep(void)
{
    return (cop_event_next){.what = COPI_EVENT_KEEP};
}

cop_event_next cop_event_hibernate(void)
{
    return cop_event_keep();
}

cop_event_next cop_event_remove(void)
{
    return (cop_event_next){.what = COPI_EVENT_REMOVE};
}

cop_event_next cop_event_fail(cop_reason reason)
{
    return (cop_event_next){.what = COPI_EVENT_FAIL, .reason = reason};
}

/* The two blocks, aligned, behind the sizes. */
void *copi_event_swap_left(struct cop_event_swap_args *w)
{
    return (char *)w + copi_event_round(sizeof *w);
}

void *copi_event_swap_arg(struct cop_event_swap_args *w)
{
    return (char *)copi_event_swap_left(w) + copi_event_round(w->left_bytes);
}

cop_event_next cop_event_swap(const void *left, size_t left_bytes,
                              cop_event_id to, const void *arg,
                              size_t arg_bytes)
{
    size_t head = copi_event_round(sizeof(struct cop_event_swap_args));
    struct cop_event_swap_args *w;

    if (to.handler == NULL || (left == NULL && left_bytes > 0) ||
        (arg == NULL && arg_bytes > 0))
        return cop_event_fail(
            cop_because_fmt("badarg", "cop_event_swap: invalid argument"));
    w = cop_common_malloc(head + copi_event_round(left_bytes) + arg_bytes);
    if (w == NULL)
        return cop_event_fail(cop_because("nomem"));
    *w = (struct cop_event_swap_args){left_bytes, arg_bytes};
    if (left_bytes > 0)
        memcpy(copi_event_swap_left(w), left, left_bytes);
    if (arg_bytes > 0)
        memcpy(copi_event_swap_arg(w), arg, arg_bytes);
    return (cop_event_next){.what = COPI_EVENT_REPLACE, .to = to, .swap = w};
}
