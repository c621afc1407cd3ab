/* SPDX-License-Identifier: MIT
 *
 * carrier.c - stacks for actors. Rank: 4.
 *
 * A *carrier* is a coroutine that runs actors one after another; each worker
 * keeps a few warm, and one in reserve for when no other can be had.
 */
#include "runtime/scheduler/carrier.h"

#include "runtime/base/check.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/life.h"

enum { WARM_MAX = 8 };

static struct copi_carrier *carrier_new(size_t stack_bytes)
{
    struct copi_carrier *c = copi_mem_zalloc(sizeof *c);
    if (c == NULL)
        return NULL;
    c->stack_bytes = stack_bytes;
    if (copi_coro_init(&c->coro, stack_bytes, copi_life_main, NULL) != 0) {
        copi_mem_free(c, sizeof *c);
        return NULL;
    }
    return c;
}

static void carrier_free(struct copi_carrier *c)
{
    copi_coro_fini(&c->coro);
    copi_mem_free(c, sizeof *c);
}

void copi_carrier_done(struct copi_worker *w, struct copi_carrier *c)
{
    if (c->stack_bytes == 0 && w->reserve == NULL) {
        w->reserve = c;
        return;
    }
    if (c->stack_bytes != 0 || w->warm_count >= WARM_MAX) {
        carrier_free(c);
        return;
    }
    c->next = w->warm;
    w->warm = c;
    w->warm_count++;
}

int copi_carrier_make_reserve(struct copi_worker *w)
{
    w->reserve = carrier_new(0);
    return w->reserve != NULL ? 0 : COP_ENOMEM;
}

void copi_carrier_free_warm(struct copi_worker *w)
{
    if (w->reserve != NULL)
        carrier_free(w->reserve);
    w->reserve = NULL;
    while (w->warm != NULL) {
        struct copi_carrier *c = w->warm;
        w->warm = c->next;
        carrier_free(c);
    }
    w->warm_count = 0;
}

bool copi_carrier_has_place(const struct copi_worker *w)
{
    return w->reserve == NULL || w->warm_count < WARM_MAX;
}

struct copi_carrier *copi_carrier_take_warm(struct copi_worker *w)
{
    struct copi_carrier *c = w->warm;
    if (c != NULL) {
        w->warm = c->next;
        w->warm_count--;
        copi_carrier_forget(c);
    }
    return c;
}

/* New coroutines do not get the reserve: they may keep it for ever. */
bool copi_carrier_give(struct copi_worker *w, struct copi_actor *a)
{
    /* what is left to do after a crash needs no more than the default */
    size_t want = a->crashed ? 0 : a->stack_bytes;
    bool ends_soon = a->crashed || copi_actor_handler(a) != NULL;
    struct copi_carrier *c = want == 0 ? copi_carrier_take_warm(w) : NULL;
    if (c == NULL)
        c = carrier_new(want);
    if (c == NULL && ends_soon && want == 0) {
        c = w->reserve;
        w->reserve = NULL;
    }
    if (c == NULL)
        return false;
    if (COPI_UNLIKELY(a->crashed))
        c->wreck = a->carrier;
    a->carrier = c;
    return true;
}

cop_reason copi_carrier_take_crash(struct copi_carrier *c)
{
    cop_reason why = c->crash;
    c->crash = COP_NORMAL;
    return why;
}

void copi_carrier_give_up(struct copi_worker *w, struct copi_carrier *c)
{
    cop_reason_release(copi_carrier_take_crash(c));
    copi_coro_reset(&c->coro, copi_life_main, NULL);
    c->wreck = NULL;
    c->catches = NULL;
    c->is_marked = false;
    COPI_ASSERT(c->kept == NULL);
    copi_carrier_done(w, c);
}
