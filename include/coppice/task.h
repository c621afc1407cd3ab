/* SPDX-License-Identifier: MIT
 *
 * task.h - one computation, one answer (Elixir's Task).
 */
#ifndef COPPICE_TASK_H
#define COPPICE_TASK_H

#include <coppice/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cop_task {
    cop_pid pid;
    cop_ref ref;
} cop_task;

/* Computes; gives its answer with cop_task_result, at most once. */
typedef void (*cop_task_fn)(void *arg);

/* Starts fn(arg) in an actor linked to and monitored by the caller; the
 * argument as opts say. Actors only. Errors as cop_spawn. */
COP_API COP_MUST_USE int cop_async(cop_task *out, cop_task_fn fn, void *arg,
                                   const cop_opts *opts);
/* The same without the link: the caller survives its crash. */
COP_API COP_MUST_USE int cop_async_nolink(cop_task *out, cop_task_fn fn,
                                          void *arg, const cop_opts *opts);

/* In a task: its answer, a copy of `size` bytes. COP_ENOMEM; COP_EINVAL (not
 * in a task, or twice). */
COP_API COP_MUST_USE int cop_task_result(const void *body, size_t size);

/* Waits for the answer: copies at most `cap` bytes, returns its size (0 if it
 * ended without one). By the actor that started it, once. COP_ETIMEDOUT: it
 * goes on and can be awaited again; COP_EDOWN: it ended abnormally, *why (may
 * be NULL) is the caller's. */
COP_API COP_MUST_USE int cop_await(cop_task t, void *result, size_t cap,
                                   cop_time deadline, cop_reason *why);

typedef struct cop_task_outcome {
    int code; /* as cop_await's result */
    cop_reason why;
} cop_task_outcome;

/* Waits for n tasks; results of `each` bytes side by side. Returns how many
 * answered; those that had not by the deadline say COP_ETIMEDOUT. */
COP_API COP_MUST_USE int cop_await_many(const cop_task *tasks, size_t n,
                                        void *results, size_t each,
                                        cop_task_outcome *outcomes,
                                        cop_time deadline);

/* Ends a task (exit signal `shutdown`, `kill` at the deadline) and forgets its
 * answer. 0, or COP_EREPLIED if it had answered already (the answer is
 * dropped). */
COP_API int cop_cancel(cop_task t, cop_time deadline);

#ifdef __cplusplus
}
#endif
#endif
