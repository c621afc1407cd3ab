/* SPDX-License-Identifier: MIT
 *
 * time.h - the clock and timers. All durations are in nanoseconds.
 */
#ifndef COPPICE_TIME_H
#define COPPICE_TIME_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Monotonic time: never goes back, begins anywhere. Any thread. */
COP_API cop_time cop_now(void);
/* Nanoseconds since 1970 by the system's clock, which may be set. */
COP_API cop_time cop_system_time(void);
/* The deadline `duration_ns` from now; COP_FOREVER stays COP_FOREVER, what is
 * negative is now. */
COP_API cop_time cop_in(cop_time duration_ns);

/* Sends (tag, copy of body) to `to` after a delay. The sender shown is the
 * calling actor. The timer outlives the one who set it and dies with its
 * target. Any thread. COP_ENOMEM; COP_EINVAL (tag, negative delay). */
COP_API COP_MUST_USE int cop_send_after(cop_timer *out, cop_time delay_ns,
                                        cop_pid to, cop_tag tag,
                                        const void *body, size_t size);
/* To whoever has the name when it fires. COP_ENAME too. */
COP_API COP_MUST_USE int cop_send_after_name(cop_timer *out, cop_time delay_ns,
                                             const char *name, cop_tag tag,
                                             const void *body, size_t size);
/* Sends COP_TIMEOUT with the timer's id as reference (cop_timer_ref) and a
 * copy of body to `to`. Otherwise as cop_send_after; COP_ENOTSUP (by an
 * isolated actor, for another than itself). */
COP_API COP_MUST_USE int cop_start_timer(cop_timer *out, cop_time delay_ns,
                                         cop_pid to, const void *body,
                                         size_t size);
COP_API cop_ref cop_timer_ref(cop_timer t);

/* Stops a timer; anybody may. Returns the nanoseconds that were left (0 or
 * more), or COP_ENOENT if it had fired or is unknown: then its message is on
 * its way or has arrived. */
COP_API cop_time cop_cancel_timer(cop_timer t);
/* The nanoseconds left, or COP_ENOENT. */
COP_API cop_time cop_read_timer(cop_timer t);

#ifdef __cplusplus
}
#endif
#endif
