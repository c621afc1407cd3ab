/* SPDX-License-Identifier: MIT
 *
 * saboteur.c - a server that kills workers at random, so many a second.
 *
 * One victim in three gets the signal `kill`, one the signal `boom`, one a
 * poison message that makes it end by itself, half-way through its next
 * chunk. It wakes every millisecond at the most and then kills as many as are
 * due, at most what a tenth of a second brings, whatever it slept through.
 *
 * It must not win: were workers killed faster than any of them can count a
 * chunk (few workers, many kills, a slow machine), the work would never end.
 * So it stops after PATIENCE kills until another chunk has been confirmed.
 */
#include "wordcount.h"

enum { PATIENCE = 64 };

struct saboteur {
    const struct job *job;
    uint64_t random;
    cop_time last;      /* up to here all kills have been done */
    uint64_t confirmed; /* when it last looked */
    unsigned since;     /* kills since that number moved */
    struct kills kills;
    bool enough;
};

/* splitmix64: a counter in steps of an odd number, well mixed. */
static uint64_t next_random(struct saboteur *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void kill_one(struct saboteur *s)
{
    const char *name = worker_name(next_random(s) % s->job->workers);
    cop_pid victim = cop_whereis(name);
    uint64_t way = next_random(s) % 3;

    s->since++;
    if (cop_pid_is_none(victim))
        return;
    if (way == 0 && cop_exit_signal(victim, COP_KILL) == 0)
        s->kills.killed++;
    if (way == 1 && cop_exit_signal(victim, cop_because("boom")) == 0)
        s->kills.boomed++;
    if (way == 2 && cop_send(victim, TAG_POISON, NULL, 0) == 0)
        s->kills.poisoned++;
}

static void look_at_progress(struct saboteur *s)
{
    struct progress p;

    if (reader_progress(&p) == sizeof p && p.confirmed != s->confirmed) {
        s->confirmed = p.confirmed;
        s->since = 0;
    }
}

/* How long between two kills; for ever at a rate of zero. */
static cop_time interval(const struct saboteur *s)
{
    unsigned rate = s->job->kills_per_second;

    return rate == 0 || s->enough ? COP_FOREVER : COP_SEC / rate;
}

/* Until the next kill is due, in steps of at least a millisecond. */
static cop_next wait_for_next(const struct saboteur *s)
{
    cop_time due, now = cop_now();

    if (interval(s) == COP_FOREVER)
        return cop_next_wait();
    due = s->last + interval(s) - now;
    return cop_next_idle(due > COP_MS ? due : COP_MS);
}

static cop_next init(void *state, void *arg)
{
    struct saboteur *s = state;

    s->job = arg;
    s->random = s->job->seed;
    s->last = cop_now();
    return wait_for_next(s);
}

static cop_next timeout(void *state)
{
    struct saboteur *s = state;
    cop_time now = cop_now(), step = interval(s);

    if (now - s->last > COP_SEC / 10 + step)
        s->last = now - COP_SEC / 10 - step;
    look_at_progress(s);
    while (s->last + step <= now) {
        s->last += step;
        if (s->since < PATIENCE)
            kill_one(s);
    }
    return wait_for_next(s);
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct saboteur *s = state;

    if (cop_msg_tag(m) == TAG_ENOUGH)
        s->enough = true;
    else if (cop_msg_tag(m) != TAG_KILLS)
        return cop_next_stop(cop_because("unexpected_call"));
    cop_reply(from, &s->kills, sizeof s->kills);
    return wait_for_next(s);
}

/* Nothing sends it plain messages; one would cancel its timeout. */
static cop_next info(void *state, const cop_msg *m)
{
    (void)m;
    return wait_for_next(state);
}

const cop_server saboteur_server = {
    .label = "saboteur",
    .state_bytes = sizeof(struct saboteur),
    .init = init,
    .call = call,
    .info = info,
    .timeout = timeout,
};

static int ask(cop_tag tag, struct kills *out)
{
    return cop_call_name("saboteur", tag, NULL, 0, out, sizeof *out,
                         cop_in(10 * COP_SEC));
}

int saboteur_kills(struct kills *out)
{
    return ask(TAG_KILLS, out);
}

int saboteur_enough(struct kills *out)
{
    return ask(TAG_ENOUGH, out);
}
