/* SPDX-License-Identifier: MIT
 *
 * given.c - which calls an isolated actor was given to answer. Rank: 5.
 *
 * References are numbers in a row, so whoever writes records of its own making
 * could answer a call that somebody else was asked. So the proxy keeps what it
 * passed down: of each request who asks and by which reference, and of each
 * body what looks like a cop_from, since a call may be answered by whom its
 * callee has told of it. That is any two words, at a multiple of eight bytes,
 * of which the first is the pid of an actor that lives, and the second, if it
 * is a cop_call's, what that actor waits for right now; of a long body only the
 * beginning is looked at. A reply to anything else is dropped.
 *
 * Replies mostly come in the order of their requests, so the search begins with
 * the oldest. What nobody waits for any more goes when the ring is full; beyond
 * GIVEN_MAX the oldest go.
 */
#include "runtime/api/given.h"

#include "runtime/actor/here.h"
#include "runtime/actor/table.h"
#include "runtime/memory/mem.h"

enum { GIVEN_MIN = 16, GIVEN_MAX = 1 << 16, SCAN_MAX = 64 << 10 };

void copi_given_fini(struct copi_given *g)
{
    copi_mem_free(g->at, g->room * sizeof *g->at);
    memset(g, 0, sizeof *g);
}

static cop_from *place(const struct copi_given *g, size_t i)
{
    return &g->at[(g->first + i) % g->room];
}

/* Somebody waits, or may be waiting. */
static bool is_open(cop_from call)
{
    const struct copi_actor *a = copi_table_find(call.pid);
    return a != NULL && call.ref.id != 0 &&
           (!copi_ref_is_call(call.ref) ||
            atomic_load_explicit(&a->call_ref, memory_order_relaxed) ==
                call.ref.id);
}

static void compact(struct copi_given *g)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++) {
        cop_from c = *place(g, i);
        if (c.pid.id != 0 && is_open(c))
            *place(g, kept++) = c;
    }
    g->count = kept;
}

static int grow(struct copi_given *g)
{
    size_t room = g->room == 0 ? GIVEN_MIN : 2 * g->room;
    cop_from *at = copi_mem_alloc(room * sizeof *at);
    if (at == NULL)
        return COP_ENOMEM;
    for (size_t i = 0; i < g->count; i++)
        at[i] = *place(g, i);
    copi_mem_free(g->at, g->room * sizeof *g->at);
    g->at = at;
    g->first = 0;
    g->room = room;
    return 0;
}

static void drop_oldest(struct copi_given *g)
{
    g->first = (g->first + 1) % g->room;
    g->count--;
}

/* There is no room: what is closed goes, and if that is little there is more
 * room, or the oldest quarter goes; so this is seldom. */
static int make_room(struct copi_given *g)
{
    compact(g);
    if (g->room < GIVEN_MAX)
        return g->count >= g->room / 2 ? grow(g) : 0;
    while (g->count > g->room / 4 * 3)
        drop_oldest(g);
    return 0;
}

int copi_given_add(struct copi_given *g, cop_from call)
{
    int rc = g->count == g->room ? make_room(g) : 0;
    if (rc != 0)
        return rc;
    g->count++;
    *place(g, g->count - 1) = call;
    return 0;
}

/* References are counted, from one or (those of isolated actors) from the
 * middle up; so most other words are known at once. */
static bool may_be(cop_from c)
{
    return c.pid.id != 0 && (c.ref.id >> 56 == 0 || c.ref.id >> 63 != 0);
}

int copi_given_scan(struct copi_given *g, const void *bytes, size_t size)
{
    size_t end = COPI_MIN(size, (size_t)SCAN_MAX);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at + sizeof(cop_from) <= end; at += 8) {
        cop_from c;
        memcpy(&c, (const char *)bytes + at, sizeof c);
        if (may_be(c) && is_open(c))
            rc = copi_given_add(g, c);
    }
    return rc;
}

bool copi_given_take(struct copi_given *g, cop_from call)
{
    for (size_t i = 0; i < g->count; i++) {
        cop_from *c = place(g, i);
        if (c->pid.id != call.pid.id || c->ref.id != call.ref.id)
            continue;
        if (copi_ref_is_call(call.ref))
            c->pid = COP_NO_PID;
        while (g->count > 0 && place(g, 0)->pid.id == 0)
            drop_oldest(g);
        return call.pid.id != 0;
    }
    return false;
}
