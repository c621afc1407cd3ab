/* SPDX-License-Identifier: MIT
 *
 * catch.c - catching an exit, and leaving a stack. Rank: 5.
 *
 * cop_catch is setjmp on the actor's own stack; what ends an actor by its own
 * decision (copi_exit_now) jumps to the innermost frame instead. Exit signals
 * end the actor whatever frames it has. A frame belongs to one stage of the
 * actor's life: when it begins to die, and when it leaves its stack, the list
 * is emptied, as nothing returns to those frames any more.
 *
 * A `when` of a receive, or the release of a message's body, runs in the middle
 * of a call. What comes back from there by a jump would come back to that call
 * with the actor's turn having ended and begun in between, perhaps on another
 * thread; so there nothing is caught, and cop_catch says so.
 *
 * Rejected: a stack of its own for what is caught. It would cost a switch, and
 * cop_self, receive and everything else would have to know of two stacks.
 */
#include "runtime/actor/mailbox.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/tie.h"
#include "runtime/api/scope.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/turn.h"

/* Between setjmp and longjmp nothing in this frame changes but what is in `c`:
 * the compiler may keep all else in registers. */
static bool returns(struct copi_actor *a, struct copi_catch *c,
                    void (*fn)(void *), void *arg)
{
    c->outer = a->carrier->catches;
    c->frame = __builtin_frame_address(0);
    if (setjmp(c->at) != 0)
        return false;
    a->carrier->catches = c;
    copi_turn_user_begin();
    fn(arg);
    copi_turn_user_end();
    return true;
}

/* In a function of the program's that a call of the actor's waits for? */
static bool is_within_call(void)
{
    return atomic_load_explicit(&copi_here()->in_runtime,
                                memory_order_relaxed) != 1;
}

int cop_catch(void (*fn)(void *), void *arg, cop_reason *why)
{
    struct copi_scope s;
    struct copi_catch c = {.reason = COP_NORMAL};
    if (why != NULL)
        *why = COP_NORMAL;
    if (fn == NULL)
        return COP_EINVAL;
    struct copi_actor *a = copi_scope_actor(&s, "cop_catch");
    if (is_within_call()) {
        copi_scope_leave(&s);
        return COP_ENOTSUP;
    }
    bool returned = returns(a, &c, fn, arg);
    a->carrier->catches = c.outer;
    /* before leaving the scope: nothing ends the actor until then */
    if (why != NULL)
        *why = c.reason;
    else
        cop_reason_release(c.reason);
    copi_scope_leave(&s);
    return returned ? 0 : COP_EFAILED;
}

/* Nothing on the stack will be seen again. */
COP_NORETURN static void leave_stack(struct copi_actor *a)
{
    copi_inbox_unlend_all(a);
    copi_tie_rely_no_more(a); /* it may be idle for long */
    a->carrier->catches = NULL;
    copi_turn_leave_for_good(a, COPI_LEAVE_STACK);
}

void cop_become(const cop_handler *h, void *state)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_become");
    if (h == NULL || h->message == NULL)
        copi_misuse("cop_become: a handler without `message`");
    a->state = state;
    a->has_init = true;
    copi_actor_set_handler(a, h);
    leave_stack(a);
}

void cop_hibernate(cop_fn fn, void *arg)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_hibernate");
    if (fn == NULL)
        copi_misuse("cop_hibernate: no function");
    if (copi_actor_handler(a) != NULL)
        copi_misuse("cop_hibernate: not for a handler actor");
    a->state = arg;
    a->hibernates = true;
    copi_actor_set_fn(a, fn);
    leave_stack(a);
}
