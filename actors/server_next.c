/* SPDX-License-Identifier: MIT
 *
 * server_next.c - verdicts: what a callback says comes next.
 */
#include "actors/server_inside.h"

#include <string.h>

cop_next cop_next_wait(void)
{
    return (cop_next){.what = COPI_NEXT_WAIT};
}

cop_next cop_next_idle(cop_time idle_ns)
{
    return (cop_next){.what = COPI_NEXT_IDLE, .idle_ns = idle_ns};
}

cop_next cop_next_continue(uint64_t token)
{
    return (cop_next){.what = COPI_NEXT_CONTINUE, .token = token};
}

cop_next cop_next_hibernate(void)
{
    return cop_next_wait();
}

cop_next cop_next_stop(cop_reason reason)
{
    return (cop_next){.what = COPI_NEXT_STOP, .reason = reason};
}

cop_next cop_next_stop_reply(cop_reason reason, cop_from from, const void *body,
                             size_t size)
{
    cop_next n = cop_next_stop(reason);

    /* without memory the caller learns of the end only */
    n.reply_to = from;
    if (cop_msg_new(&n.reply, 1, size) != 0)
        n.reply = NULL;
    else if (size > 0)
        memcpy(cop_msg_fill(n.reply), body, size);
    return n;
}

cop_next cop_next_ignore(void)
{
    return (cop_next){.what = COPI_NEXT_IGNORE};
}
