/* SPDX-License-Identifier: MIT
 *
 * statem_memory.c - the memory of a state machine.
 *
 * One block holds the machine's record, state and data, and a copy of the
 * user's argument. It is the server's argument: the runtime releases it when
 * the actor is dead, however it died, and here all that hangs on it goes, too.
 * (Of one that became a machine later, a deferred function does that.) Only a
 * change of code moves state and data into a block of their own, since the new
 * definition may want more room.
 *
 * A machine that is started in another process (isolated actors) gets a copy of
 * the bytes of a block that nothing hangs on yet. It knows that by the block's
 * address, and makes a block of its own with the same definition and argument.
 */
#include "actors/statem.h"

#include <coppice/extend.h>
#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

cop_sm *copi_sm_new(const cop_statem *def, void *arg, const cop_opts *opts)
{
    size_t head = copi_sm_round_up(sizeof(cop_sm));
    size_t data = sizeof(cop_sm_state) + copi_sm_round_up(def->data_bytes);
    cop_sm *sm = cop_common_calloc(1, head + data + opts->arg_bytes);

    if (sm == NULL)
        return NULL;
    sm->block = sm;
    sm->block_bytes = head + data + opts->arg_bytes;
    sm->def = def;
    sm->at = (cop_sm_state *)((char *)sm + head);
    sm->data_bytes = def->data_bytes;
    copi_sm_timers_init(&sm->timers);
    sm->arg = arg;
    sm->arg_release = opts->arg_release;
    if (opts->arg_bytes > 0 && arg != NULL) {
        sm->arg = (char *)sm->at + data;
        sm->arg_bytes = opts->arg_bytes;
        memcpy(sm->arg, arg, opts->arg_bytes);
    }
    return sm;
}

void copi_sm_free(void *block)
{
    cop_sm *sm = block;

    if (sm->current == &sm->arrived)
        cop_msg_free(sm->arrived.msg);
    else
        copi_sm_event_free(sm->current);
    copi_sm_queue_free(&sm->ready);
    copi_sm_queue_free(&sm->postponed);
    copi_sm_queue_free(&sm->inserted);
    copi_sm_actions_fini(&sm->actions);
    copi_sm_timers_fini(&sm->timers);
    cop_reason_release(sm->why);
    free(sm->pushed);
    free(sm->own_at);
    free(sm->new_at);
    if (sm->arg_release != NULL)
        sm->arg_release(sm->arg);
    free(sm);
}

bool copi_sm_is_at_home(const cop_sm *sm)
{
    return cop_ext_is_shared(sm->def) &&
           (sm->arg_bytes > 0 || cop_ext_is_shared(sm->arg));
}

/* Behind the data of the copy. */
static void *sent_arg(const cop_sm *sent)
{
    return (char *)(uintptr_t)sent + sent->block_bytes - sent->arg_bytes;
}

cop_sm *copi_sm_settle(cop_sm *sent)
{
    const cop_opts opts = {.arg_bytes = sent->arg_bytes};
    cop_sm *sm;

    if (sent->block == sent)
        return sent;
    if (!cop_is_isolated() && !copi_sm_is_at_home(sent))
        cop_exit(cop_because_fmt("badarg", "cop_statem_start: what an isolated "
                                           "actor sent points nowhere"));
    sm = copi_sm_new(sent->def,
                     sent->arg_bytes > 0 ? sent_arg(sent) : sent->arg, &opts);
    if (sm != NULL && cop_defer(copi_sm_free, sm) == 0)
        return sm;
    if (sm != NULL)
        copi_sm_free(sm);
    copi_sm_nomem();
}
