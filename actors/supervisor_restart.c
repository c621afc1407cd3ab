/* SPDX-License-Identifier: MIT
 *
 * supervisor_restart.c - when a child is restarted, who else with it, and when
 * the supervisor gives up.
 *
 * A child that ended by itself is restarted if its specification says so. The
 * restart is counted first: more than `intensity` in the last `period` are too
 * many, and the supervisor ends with `shutdown`. One death is one restart,
 * however many children are restarted with it.
 *
 * A *pass* brings a child back: it stops those that go with it, in reverse
 * order, and starts them all in order. It ends at the first start that fails.
 * That child is then *restarting*, and the supervisor sends itself a RETRY,
 * behind what is in its mailbox: so it serves requests between two tries. The
 * retry is counted as a restart and is a pass that begins at that child. Thus
 * rest_for_one goes on where it failed, and one_for_all begins again.
 *
 * With a backoff there is a pause before a pass: the child is restarting, and
 * the RETRY comes from a timer. A death is counted when it happens, so the
 * RETRY of its pause is not counted again.
 *
 * Whoever sends a message may fail for want of memory. Then the pass goes on by
 * a continue, which always works, but serves no requests before.
 *
 * The jitter comes from a generator of its own, seeded by pid, child and try:
 * a run that is replayed has the same pauses.
 */
#include "actors/supervisor.h"

#include <coppice/memory.h>
#include <coppice/report.h>
#include <coppice/time.h>

#include <stdlib.h>

struct retry {
    uint64_t serial; /* of the child */
    bool counted;    /* as a restart */
};

/* ------------------------------------------------------------ intensity -- */

static bool grow(struct copi_window *w, size_t limit)
{
    size_t room = w->room == 0 ? 4 : 2 * w->room;
    cop_time *at;

    if (room > limit)
        room = limit;
    at = cop_common_malloc(room * sizeof *at);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < w->count; i++)
        at[i] = w->at[(w->first + i) % w->room];
    free(w->at);
    *w = (struct copi_window){at, room, 0, w->count};
    return true;
}

/* Counts a restart. False: too many. (Or no memory to count: then it is not
 * the time to restart either.) */
static bool count_restart(struct copi_sup *s)
{
    size_t limit = (size_t)copi_spec_intensity(s->spec);
    struct copi_window *w = &s->window;
    cop_time now = cop_now();
    cop_time since = now - copi_spec_period_ns(s->spec);

    while (w->count > 0 && w->at[w->first] < since) {
        w->first = (w->first + 1) % w->room;
        w->count--;
    }
    if (w->count >= limit || (w->count == w->room && !grow(w, limit)))
        return false;
    w->at[(w->first + w->count++) % w->room] = now;
    return true;
}

/* -------------------------------------------------------------- backoff -- */

/* One step of splitmix64 (Sebastiano Vigna, public domain). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static cop_time spread(cop_time delay, unsigned percent, uint64_t seed)
{
    uint64_t span = (uint64_t)delay / 100 * percent;

    if (span == 0)
        return delay;
    return delay - (cop_time)span + (cop_time)(mix(seed) % (2 * span + 1));
}

/* How long to pause before the next try, and one step further. 0: not. */
static cop_time backoff_step(const struct copi_sup *s, struct copi_child *c)
{
    const cop_backoff *b = &c->spec->backoff;
    cop_time reset =
        b->reset_ns > 0 ? b->reset_ns : copi_spec_period_ns(s->spec);
    cop_time max = b->max_ns > 0 ? b->max_ns : COP_FOREVER / 4;
    unsigned factor = b->factor > 0 ? b->factor : 2;
    cop_time delay = b->min_ns;

    if (delay <= 0)
        return 0;
    if (cop_now() - c->tried_ns >= reset)
        c->backoff_level = 0;
    for (unsigned i = 0; i < c->backoff_level && delay < max && factor > 1; i++)
        delay = delay > max / factor ? max : delay * factor;
    c->backoff_level++;
    return spread(delay, b->jitter_percent,
                  cop_self().id ^ (c->serial << 32) ^ c->backoff_level);
}

/* ----------------------------------------------------------------- pass -- */

static struct copi_child *pass_begin(struct copi_sup *s, struct copi_child *c)
{
    return s->spec->strategy == COP_ONE_FOR_ALL ? s->first : c;
}

/* Stops all from `from` on, the last one first, and forgets the temporary ones
 * among them. `c`, which is dead, is among them and stays. */
static void stop_group(struct copi_sup *s, const struct copi_child *from,
                       struct copi_child *c)
{
    struct copi_child *prev;

    copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
    for (struct copi_child *k = s->last;; k = prev) {
        bool is_first = k == from;
        prev = k->prev;
        copi_child_stop(s, k);
        if (k != c && k->spec->restart == COP_TEMPORARY)
            copi_child_forget(s, k);
        if (is_first)
            return;
    }
}

/* Starts again; false: failed. An instance whose start says ignore is gone. */
static bool start_again(struct copi_sup *s, struct copi_child *c)
{
    cop_reason why;
    int err = copi_child_start(s, c, &why);

    if (err != 0 && err != COP_EIGNORE) {
        cop_reason_release(why);
        return false;
    }
    if (err == 0)
        cop_note_restart(c->pid, (uint32_t)++c->restarts);
    if (copi_sup_is_pool(s) && err == 0)
        copi_child_to_end(s, c);
    else if (copi_sup_is_pool(s))
        copi_child_forget(s, c);
    return true;
}

/* Brings c back. The child whose start failed, or NULL. */
static struct copi_child *pass(struct copi_sup *s, struct copi_child *c)
{
    struct copi_child *k;

    if (copi_sup_is_pool(s) || s->spec->strategy == COP_ONE_FOR_ONE)
        return start_again(s, c) ? NULL : c;
    stop_group(s, pass_begin(s, c), c);
    for (k = pass_begin(s, c); k != NULL; k = k->next)
        if (!start_again(s, k))
            return k;
    return NULL;
}

/* ---------------------------------------------------------------- retry -- */

static bool send_retry(struct copi_child *c, struct retry r, cop_time delay)
{
    if (delay == 0)
        return cop_send(cop_self(), COPI_SUP_RETRY, &r, sizeof r) == 0;
    c->has_timer = cop_send_after(&c->timer, delay, cop_self(), COPI_SUP_RETRY,
                                  &r, sizeof r) == 0;
    return c->has_timer;
}

/* c is restarting from now on; goes on later. */
static cop_next try_later(struct copi_sup *s, struct copi_child *c,
                          bool counted, cop_time delay)
{
    copi_child_become(s, c, COP_CHILD_RESTARTING, COP_NO_PID);
    if (send_retry(c, (struct retry){c->serial, counted}, delay))
        return cop_next_wait();
    return cop_next_continue(c->serial);
}

static cop_next pass_now(struct copi_sup *s, struct copi_child *c)
{
    struct copi_child *failed = pass(s, c);

    if (failed == NULL)
        return cop_next_wait();
    return try_later(s, failed, false, backoff_step(s, failed));
}

static cop_next give_up(struct copi_sup *s, struct copi_child *c)
{
    copi_child_retire(s, c);
    return cop_next_stop(COP_SHUTDOWN);
}

static cop_next restart(struct copi_sup *s, struct copi_child *c)
{
    cop_time delay;

    if (!count_restart(s))
        return give_up(s, c);
    delay = backoff_step(s, c);
    if (delay == 0)
        return pass_now(s, c);
    if (s->spec->strategy == COP_ONE_FOR_ALL ||
        s->spec->strategy == COP_REST_FOR_ONE)
        stop_group(s, pass_begin(s, c), c);
    return try_later(s, c, true, delay);
}

static cop_next retry(struct copi_sup *s, struct retry r)
{
    struct copi_child *c = copi_child_by_serial(s, r.serial);

    if (c == NULL)
        return cop_next_wait(); /* it was stopped, or started, meanwhile */
    if (!r.counted && !count_restart(s))
        return give_up(s, c);
    return pass_now(s, c);
}

cop_next copi_restart_retry(struct copi_sup *s, const cop_msg *m)
{
    return retry(s, *cop_msg_as(m, struct retry));
}

cop_next copi_restart_resume(struct copi_sup *s, uint64_t serial)
{
    return retry(s, (struct retry){serial, false});
}

/* --------------------------------------------------------------- ending -- */

/* It ends for good, which may be the end of the supervisor. */
static cop_next ended_for_good(struct copi_sup *s, struct copi_child *c)
{
    bool significant = c->spec->significant;
    cop_auto_shutdown mode = s->spec->auto_shutdown;

    copi_child_retire(s, c);
    if (significant &&
        (mode == COP_AUTO_ANY || (mode == COP_AUTO_ALL && s->significant == 0)))
        return cop_next_stop(COP_SHUTDOWN);
    return cop_next_wait();
}

cop_next copi_restart_ended(struct copi_sup *s, struct copi_child *c,
                            bool orderly)
{
    copi_child_route(s, c, COP_NO_PID);
    switch (c->spec->restart) {
    case COP_PERMANENT:
        return restart(s, c);
    case COP_TRANSIENT:
        return orderly ? ended_for_good(s, c) : restart(s, c);
    default:
        return ended_for_good(s, c);
    }
}
