/* SPDX-License-Identifier: MIT
 *
 * hibernate.c - stacks of coroutines that wait for long, put away. Rank: 4.
 *
 * A coroutine that waits keeps at least one page of stack, of which it uses a
 * few hundred bytes. Where cop_config.hibernate_ns asks for it, sysmon copies
 * these to a block of memory and gives the pages back; the bytes return to the
 * same addresses before the actor runs again. Its slot of address space stays.
 *
 * Every hibernate_ns sysmon makes a *round* over the table, a few actors at a
 * time, as it has turns to watch too. Who is seen waiting for the first time
 * gets a mark; who has it from the round before, and has spent no reduction
 * since, is put away. So that takes one to two times hibernate_ns.
 *
 * To touch a stack sysmon does what copi_backtrace_parked does: it unparks the
 * mailbox, which makes it the one who may run the actor, and parks it anew.
 *
 * Only an actor in a plain receive without a deadline is put away. A deadline's
 * record lies on the stack and hangs in a timer wheel; a job for a helper lies
 * there as well, but its actor is not parked. What programs let others reach on
 * an actor's stack is not known here: hence it is off unless it is asked for.
 *
 * Off under sanitizers and valgrind, which keep books of stacks, and in virtual
 * time, where what happens must not depend on the real clock.
 */
#include "runtime/scheduler/hibernate.h"

#include "runtime/actor/mailbox.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/wait.h"

/* In one look; some 3 ms if each is put away. */
enum { LOOK_SLOTS = 1024 };
/* What leaf functions may keep below the stack pointer. */
enum { RED_ZONE = 128 };

/* sysmon's */
static bool on;
static cop_time round_at;  /* when the next one begins */
static uint32_t next_slot; /* 0: between rounds */
static bool wanted;        /* there may be something for the next round */
static _Atomic size_t count;

void copi_hibernate_init(void)
{
    on = copi_rt.config.hibernate_ns > 0 && !copi_rt.config.virtual_time &&
         !COPI_ASAN && !COPI_TSAN && !copi_mem_is_watched;
    round_at = 0;
    next_slot = 0;
    wanted = false;
    atomic_store_explicit(&count, 0, memory_order_relaxed);
}

size_t copi_hibernate_count(void)
{
    return atomic_load_explicit(&count, memory_order_relaxed);
}

cop_time copi_hibernate_due(cop_time now)
{
    if (!on || (!wanted && next_slot == 0))
        return -1;
    return next_slot != 0 || now >= round_at ? 0 : round_at - now;
}

/* -------------------------------------------------------------- one stack --
 */

static char *used_low(const struct copi_carrier *c)
{
    return (char *)c->coro.ctx.sp - RED_ZONE;
}

static size_t used_bytes(const struct copi_carrier *c)
{
    const struct copi_stack *s = &c->coro.stack;
    COPI_ASSERT(c->coro.state == COPI_CORO_SUSPENDED);
    COPI_ASSERT(used_low(c) >= s->low && used_low(c) < s->top);
    return (size_t)(s->top - used_low(c));
}

/* Less than half of the pages that it lies on: else it is not worth it. */
static bool is_sparse(const struct copi_carrier *c)
{
    size_t page = copi_os_page_size();
    size_t below = (size_t)(used_low(c) - c->coro.stack.low) / page * page;
    size_t above = (size_t)(c->coro.stack.top - c->coro.stack.low) + page - 1;
    return used_bytes(c) <= (above / page * page - below) / 2;
}

static void put_away(struct copi_carrier *c)
{
    size_t n = used_bytes(c);
    if (!is_sparse(c))
        return;
    void *kept = copi_mem_alloc(n);
    if (kept == NULL)
        return;
    memcpy(kept, used_low(c), n);
    if (copi_os_decommit(c->coro.stack.low, c->coro.stack.size) != 0) {
        copi_mem_free(kept, n);
        return;
    }
    c->kept = kept;
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

/* Allocates and frees nothing: reports of a process's end come here. */
void copi_hibernate_show(struct copi_carrier *c)
{
    if (c->kept != NULL)
        memcpy(used_low(c), c->kept, used_bytes(c));
}

void copi_hibernate_restore(struct copi_carrier *c)
{
    copi_hibernate_show(c);
    copi_mem_free(c->kept, used_bytes(c));
    c->kept = NULL;
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
}

/* ----------------------------------------------------------------- rounds --
 */

static bool may_hibernate(struct copi_actor *a)
{
    return !a->is_guest &&
           atomic_load_explicit(&a->status, memory_order_relaxed) ==
               COP_STATUS_WAITING &&
           atomic_load_explicit(&a->wait, memory_order_relaxed) ==
               COP_WAIT_RECEIVE;
}

/* The actor is the caller's to run. */
static void look_closer(struct copi_actor *a)
{
    struct copi_carrier *c = a->carrier;
    uint32_t spent =
        (uint32_t)atomic_load_explicit(&a->reductions, memory_order_relaxed);
    if (c == NULL || c->kept != NULL || c->waiting != NULL)
        return;
    if (c->is_marked && c->mark == spent) {
        put_away(c);
        return;
    }
    c->is_marked = true;
    c->mark = spent;
    wanted = true;
}

static void look_at(struct copi_actor *a)
{
    if (!may_hibernate(a) || !copi_mailbox_unpark(a))
        return;
    look_closer(a);
    if (!copi_wait_commit(a))
        copi_sched_ready(a);
}

void copi_hibernate_look(cop_time now, bool turns)
{
    wanted |= on && turns;
    if (copi_hibernate_due(now) != 0)
        return;
    if (next_slot == 0) {
        round_at = now + copi_rt.config.hibernate_ns;
        wanted = turns;
    }
    uint32_t limit = copi_table_limit();
    uint32_t end = COPI_MIN(limit, next_slot + LOOK_SLOTS);
    unsigned section = copi_epoch_guest_enter();
    for (; next_slot < end; next_slot++) {
        struct copi_actor *a = copi_table_at(next_slot);
        if (a != NULL)
            look_at(a);
    }
    copi_epoch_guest_leave(section);
    if (next_slot >= limit)
        next_slot = 0;
}
