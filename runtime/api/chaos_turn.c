/* SPDX-License-Identifier: MIT
 *
 * chaos_turn.c - what a fault plan does to actors. Rank: 5.
 *
 * An actor that gets a turn comes here (turn.c, through copi_inject_door)
 * before it sees a message or returns to its own code. Two things may await it:
 * a rule that fires at this turn, or a fault that it *owes* because the driver
 * chose it (copi_chaos_strike), for which it was woken if it waited.
 *
 * Signals go into its own mailbox and are acted on like any other. Native
 * faults are real: the thread is marked as outside of the runtime, and then the
 * instruction is executed, so that isolation, preemption and limits see what
 * they would see in the actor's own code.
 *
 * That is allowed where nothing of the runtime's is half done:
 *
 *   at the beginning of a turn of a handler, or of a coroutine's life
 *   where it gave way: there, an actor may be ended at any time
 *   in a call that waits, if the actor ends with it: what a death undoes is
 *   all that such a call has done
 *
 * An actor that waits inside of cop_catch would live on with half a call; so it
 * goes on owing, and is asked to give way at its next call.
 *
 * slow= measures each turn and uses up its length once more, N - 1 times,
 * before the actor gives the turn back.
 */
#include "runtime/api/chaos.h"

#include <coppice/chaos.h>

#include "runtime/actor/here.h"
#include "runtime/actor/name.h"
#include "runtime/actor/reason.h"
#include "runtime/actor/signal.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/worker.h"

enum { NOBODY = -1 };

/* The turn of a worker's that is to be slow. */
static struct {
    struct copi_actor *actor; /* NULL: none */
    cop_time since;
    unsigned factor;
} slow[COPI_WORKERS_MAX];

/* ------------------------------------------------------------------ who -- */

/* Those of the plan's own. */
static bool is_ours(const struct copi_actor *a)
{
    return a->label != NULL && strcmp(a->label, "chaos") == 0;
}

static bool is_called(struct copi_actor *a, const char *pattern)
{
    char name[COP_NAME_MAX + 1] = "";
    if (atomic_load_explicit(&a->naming, memory_order_relaxed) != 0)
        copi_name_of(a, name);
    if (name[0] == '\0' && a->label != NULL)
        return copi_plan_matches(pattern, a->label);
    return copi_plan_matches(pattern, name);
}

bool copi_chaos_is_meant(struct copi_actor *a, const char *pattern)
{
    if (a == NULL || a->is_guest)
        return pattern[0] == '\0' || copi_plan_matches(pattern, "");
    if (is_ours(a))
        return false;
    return pattern[0] == '\0' || is_called(a, pattern);
}

/* -------------------------------------------------------- native faults -- */

static volatile uintptr_t nowhere = 16;
static volatile int zero;
static volatile int endless = 1;

static void do_segv(void)
{
    *(volatile int *)nowhere = 1;
}

static void do_fpe(void)
{
    zero = 7 / zero; /* compilers know 1 / x without dividing */
}

static int do_overflow(int depth)
{
    volatile char room[512];
    room[0] = (char)depth;
    if (endless != 0)
        (void)do_overflow(depth + 1);
    return room[0];
}

/* Until then by the real clock: in virtual time nothing else would end it. */
static void burn(cop_time until)
{
    do {
        for (volatile int i = 0; i < 1000; i++)
            continue;
    } while (until == COP_FOREVER || copi_clock_real() < until);
}

static cop_time real_in(cop_time ns)
{
    return ns == 0 ? COP_FOREVER : copi_clock_real() + ns;
}

static void be_spoilt(enum copi_rule_kind kind, cop_time ns)
{
    switch (kind) {
    case COPI_RULE_SEGV:
        do_segv();
        break;
    case COPI_RULE_ABORT:
        __builtin_abort();
    case COPI_RULE_FPE:
        do_fpe();
        break;
    case COPI_RULE_OVERFLOW:
        (void)do_overflow(0);
        break;
    default:
        burn(real_in(ns));
    }
}

static bool is_outermost(void)
{
    return atomic_load_explicit(&copi_here()->in_runtime,
                                memory_order_relaxed) == 1;
}

/* ------------------------------------------------------------- striking -- */

/* What is to be done, when the plan may be switched off already. */
struct blow {
    uint16_t debt;
    enum copi_rule_kind kind;
    cop_time ns;
    char reason[COPI_PLAN_NAME];
};

static void take_blow(struct blow *b, unsigned i)
{
    const struct copi_rule *r = copi_inject_rule(i);
    b->debt = copi_inject_debt(i);
    b->kind = r->kind;
    b->ns = r->high_ns;
    memcpy(b->reason, r->reason, sizeof b->reason);
}

static bool is_signal(const struct blow *b)
{
    return b->kind == COPI_RULE_KILL || b->kind == COPI_RULE_EXIT;
}

static void send_signal(struct copi_actor *a, const struct blow *b)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_EXIT, 0, 0);
    if (m == NULL && b->kind == COPI_RULE_KILL)
        m = copi_msg_reserve(COPI_SIG_EXIT);
    if (m == NULL)
        return;
    cop_reason why =
        b->kind == COPI_RULE_KILL ? COP_KILL : cop_because(b->reason);
    m->sender = COP_NO_PID;
    m->tag = b->debt; /* paid when the signal is acted on */
    m->reason = copi_reason_inject(why);
    copi_signal_push(a, m);
}

void copi_chaos_strike(struct copi_actor *a, unsigned i)
{
    struct blow b;
    take_blow(&b, i);
    if (is_signal(&b)) {
        send_signal(a, &b);
        return;
    }
    /* seq_cst: before it is woken; pairs with pay */
    atomic_store(&a->inject, copi_inject_debt(i));
    copi_wake(a);
}

/* The rule by which it owes a fault. */
static int pay(struct copi_actor *a)
{
    if (atomic_load_explicit(&a->inject, memory_order_relaxed) == 0)
        return NOBODY;
    unsigned debt = atomic_exchange(&a->inject, 0); /* see copi_chaos_strike */
    int i = copi_inject_creditor(debt);
    return i >= 0 ? i : NOBODY;
}

static void owe_further(struct copi_actor *a, uint16_t debt)
{
    atomic_store(&a->inject, debt);
    atomic_store_explicit(&copi_here()->worker->ask, 1, memory_order_relaxed);
}

static void strike_oneself(struct copi_actor *a, const struct blow *b,
                           bool parked)
{
    if (is_signal(b)) {
        send_signal(a, b);
        return;
    }
    if (!is_outermost() || (parked && a->carrier->catches != NULL)) {
        owe_further(a, b->debt);
        return;
    }
    a->injected = true;
    copi_inject_strike(b->debt);
    copi_turn_user_begin();
    be_spoilt(b->kind, b->ns);
    copi_turn_user_end();
    a->injected = false;
}

/* ---------------------------------------------------------------- turns -- */

static void begin_slow(struct copi_actor *a, unsigned factor)
{
    unsigned w = copi_here()->worker->index;
    slow[w].actor = factor > 1 ? a : NULL;
    slow[w].factor = factor;
    if (factor > 1)
        slow[w].since = copi_clock_real();
}

/* The first rule that fires at this turn. */
static int choose(struct copi_actor *a, unsigned *factor)
{
    struct copi_shot shot;
    for (unsigned i = 0; i < copi_inject_count(); i++) {
        const struct copi_rule *r = copi_inject_rule(i);
        if (r->class != COPI_RULE_ACTOR || r->every_ns != 0 ||
            !copi_chaos_is_meant(a, r->who) || !copi_inject_fires(i, &shot))
            continue;
        if (r->kind != COPI_RULE_SLOW)
            return (int)i;
        *factor = COPI_MAX(*factor, r->factor);
    }
    return NOBODY;
}

static void on_turn(struct copi_actor *a, bool parked)
{
    struct blow b;
    unsigned factor = 1;
    if (a->dying != COPI_DYING_NOT || !copi_inject_enter())
        return;
    int i = pay(a);
    if (i == NOBODY)
        i = choose(a, &factor);
    if (i != NOBODY)
        take_blow(&b, (unsigned)i);
    copi_inject_leave();
    begin_slow(a, factor);
    if (i != NOBODY)
        strike_oneself(a, &b, parked);
}

static void on_leaving(struct copi_actor *a)
{
    unsigned w = copi_here()->worker->index;
    if (slow[w].actor != a)
        return;
    slow[w].actor = NULL;
    cop_time now = copi_clock_real();
    cop_time until = now + (now - slow[w].since) * (slow[w].factor - 1);
    if (!is_outermost()) {
        burn(until);
        return;
    }
    copi_turn_user_begin();
    burn(until);
    copi_turn_user_end();
}

void copi_chaos_open_door(void)
{
    copi_inject_door =
        (struct copi_inject_door){.turn = on_turn, .leaving = on_leaving};
}

bool cop_reason_is_injected(cop_reason reason)
{
    return copi_reason_is_injected(reason);
}
