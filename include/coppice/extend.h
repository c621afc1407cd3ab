/* SPDX-License-Identifier: MIT
 *
 * extend.h - UNSTABLE: doors for tests and for simulated worlds. What is here
 * may change in any release.
 */
#ifndef COPPICE_EXTEND_H
#define COPPICE_EXTEND_H

#include <coppice/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits until no actor can run and no message or signal is under way (what is
 * left waits for messages or timers). From outside only. COP_ETIMEDOUT. */
COP_API COP_MUST_USE int cop_ext_quiesce(cop_time timeout_ns);

/* With cop_config.virtual_time: cop_now() stands still until this moves it on
 * by `by_ns`; timers due by then have fired, in the order of their instants,
 * when it returns. From outside only. COP_EINVAL without virtual time. */
COP_API COP_MUST_USE int cop_ext_advance(cop_time by_ns);

/* The n-th allocation from now on fails (1: the next), and with `sticky` all
 * after it; 0: none does. Tells how many allocations passed since. */
COP_API void cop_ext_fail_alloc(uint64_t nth, bool sticky);
COP_API uint64_t cop_ext_alloc_count(void);

/* Bytes that the runtime has allocated and not freed. */
COP_API size_t cop_ext_bytes_in_use(void);

/* Calls `fn` at each death, with what the actor ended with (borrowed), before
 * its name is free and anybody else is told. It runs on the thread that buries
 * the actor and must neither block nor call the runtime, reasons apart. NULL:
 * no more. Set it while no actor lives. Any thread. */
COP_API void cop_ext_on_exit(void (*fn)(cop_pid pid, cop_reason why));

/* Interrupts the code of all running actors at once, as if each had run for too
 * long. Any thread. */
COP_API void cop_ext_preempt(void);

/* For behaviours that start actors across processes. Whether an address means
 * the same in the program and in processes of isolated actors: it is of a
 * function, a constant or a global that was there at cop_start; also if it is
 * none at all (NULL, a number below 65536). Any thread; does not block. */
COP_API bool cop_ext_is_shared(const void *address);

/* Moves the calling actor to another worker thread at its next turn. */
COP_API void cop_ext_migrate(void);

/* The number of the worker that runs the calling actor, -1 outside. */
COP_API int cop_ext_worker(void);

#ifdef __cplusplus
}
#endif
#endif
