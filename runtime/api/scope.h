/* SPDX-License-Identifier: MIT
 *
 * scope.h - entering and leaving the runtime: what each public function begins
 * and ends with. Rank: 5.
 *
 * On a worker's thread entering marks the thread as inside the runtime, gives
 * the actor up if its worker was handed over meanwhile, and spends a reduction
 * of the turn's budget: that is where an actor yields. On any other thread it
 * holds the runtime open against a stop, and begins a section in which actors
 * may be looked up.
 */
#ifndef COPI_API_SCOPE_H
#define COPI_API_SCOPE_H

#include "runtime/actor/actor.h"
#include "runtime/actor/here.h"

struct copi_scope {
    struct copi_actor *self; /* the running actor, or NULL */
    struct copi_here *here;  /* the thread's, until the actor may be switched */
    bool outside;            /* not a worker's thread */
    bool late;               /* spends when it leaves */
    unsigned section;
};

/* False: the runtime is not running (then do not leave). */
bool copi_scope_enter(struct copi_scope *s);
void copi_scope_leave(struct copi_scope *s);

/* Enters in the way of most calls: by an actor, from its own code. NULL: it is
 * not so, and nothing was entered. */
struct copi_here *copi_scope_quick(void);
/* `h` as entered; nobody has switched since. */
static inline void copi_scope_quick_leave(struct copi_here *h)
{
    /* release: as copi_scope_leave */
    atomic_store_explicit(&h->in_runtime, 0, memory_order_release);
}

/* As copi_scope_enter, which most who call it need not ask all that it asks. */
static inline bool copi_scope_enter_quick(struct copi_scope *s)
{
    struct copi_here *h = copi_scope_quick();
    if (COPI_UNLIKELY(h == NULL))
        return copi_scope_enter(s);
    *s = (struct copi_scope){.self = h->actor, .here = h};
    return true;
}

/* As copi_scope_enter, but the actor yields only when it leaves. An actor that
 * yields may be ended there and then; so this is for calls that take something
 * over: it must be in safe hands by then. */
bool copi_scope_enter_late(struct copi_scope *s);

/* Enters for the running actor and returns it; outside an actor it reports
 * `call` and aborts. */
struct copi_actor *copi_scope_actor(struct copi_scope *s, const char *call);
struct copi_actor *copi_scope_actor_late(struct copi_scope *s,
                                         const char *call);

#endif
