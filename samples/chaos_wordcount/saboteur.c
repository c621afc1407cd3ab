/* SPDX-License-Identifier: MIT
 *
 * saboteur.c - a server that strikes workers at random, so many times a
 * second, and keeps the book of what they died of.
 *
 * Whom it strikes and how comes from one stream of random numbers that nothing
 * else draws from: two numbers for each fault, whether somebody is there to
 * strike or not. So a seed gives the same sequence of faults in each run, on
 * whatever machine; when each of them strikes, and how many there are before
 * the work is done, is left to the clock. The signature is a hash of the first
 * faults of the sequence.
 *
 * The book: it monitors each worker before it strikes it for the first time,
 * so it hears of each death that it caused, with the reason, in exactly one
 * DOWN. A victim that was struck several times dies once, by the fault whose
 * reason the DOWN tells; the others came too late, as do all that are sent to
 * one who is dead already (noproc). A death by something that was never sent is
 * unexplained. At the end the deaths in the book must be the restarts that the
 * supervisor has counted, or something else kills workers. Who is there to be
 * struck is asked of the supervisor, whose pids are of actors that run.
 *
 * Who was sent a loop is spared from then on: a signal would end the loop, and
 * what is to be seen is that its limit does.
 *
 * It must not win: were workers struck faster than any of them can count a
 * chunk (few workers, many kills, a slow machine), the work would never end.
 * So it stops after PATIENCE faults until another chunk has been confirmed.
 */
#include "wordcount.h"

enum { PATIENCE = 64, SIGNED_FAULTS = 64 };

struct victim { /* one incarnation of a worker that was struck */
    cop_pid pid;
    cop_ref ref;
    unsigned sent[FAULTS];
};

struct saboteur {
    const struct job *job;
    uint64_t random;
    cop_time last;      /* up to here all that was due has been done */
    uint64_t confirmed; /* when it last looked */
    unsigned since;     /* faults since that number moved */
    struct book book;
    cop_child_info pool[MAX_WORKERS]; /* as the supervisor has just said */
    int npool;                        /* or a code */
    struct victim *victims;           /* its own memory: goes with it */
    size_t nvictims, victims_size;
    bool enough, hidden;
};

/* splitmix64: a counter in steps of an odd number, well mixed. */
static uint64_t next_random(struct saboteur *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ------------------------------------------------------------------- book */

static void sign(struct book *b, unsigned target, enum fault f)
{
    if (b->signed_faults == SIGNED_FAULTS)
        return;
    b->signed_faults++;
    b->signature = (b->signature ^ (target * FAULTS + f + 1)) * 0x100000001b3u;
}

static struct victim *victim_of(struct saboteur *s, cop_pid pid)
{
    struct victim *v = s->victims;

    for (size_t i = 0; i < s->nvictims; i++)
        if (cop_pid_eq(v[i].pid, pid))
            return &v[i];
    if (s->nvictims == s->victims_size) {
        size_t size = s->victims_size == 0 ? 16 : 2 * s->victims_size;

        v = cop_realloc(v, size * sizeof *v);
        if (v == NULL)
            return NULL;
        s->victims = v;
        s->victims_size = size;
    }
    v = &s->victims[s->nvictims];
    *v = (struct victim){.pid = pid};
    if (cop_monitor(&v->ref, pid) != 0)
        return NULL;
    s->nvictims++;
    return v;
}

static void enter_death(struct saboteur *s, const struct victim *v,
                        cop_reason why)
{
    enum fault f = fault_of(why);
    struct book *b = &s->book;

    for (int i = 0; i < FAULTS; i++)
        b->late[i] += v->sent[i];
    if (cop_reason_kind(why) == COP_R_NOPROC)
        return;
    if (s->job->sabotage == SABOTAGE_HIDE && !s->hidden) {
        s->hidden = true;
    } else if (f < FAULTS && v->sent[f] > 0) {
        b->late[f]--;
        b->deaths[f]++;
    } else if (b->unexplained++ == 0) {
        cop_reason_str(why, b->unexplained_why, sizeof b->unexplained_why);
    }
}

static void victim_down(struct saboteur *s, const cop_msg *m)
{
    for (size_t i = 0; i < s->nvictims; i++) {
        if (!cop_ref_eq(s->victims[i].ref, cop_msg_ref(m)))
            continue;
        enter_death(s, &s->victims[i], cop_msg_reason(m));
        s->victims[i] = s->victims[--s->nvictims];
        break;
    }
}

/* ---------------------------------------------------------------- striking */

static void strike(struct saboteur *s)
{
    unsigned target = (unsigned)(next_random(s) % s->job->workers);
    enum fault f = fault_draw(next_random(s), s->job->crashes);
    cop_pid pid = (int)target < s->npool ? s->pool[target].pid : COP_NO_PID;
    struct victim *v = NULL;

    sign(&s->book, target, f);
    s->since++;
    if (!cop_pid_is_none(pid))
        v = victim_of(s, pid);
    if (v == NULL || v->sent[FAULT_LOOP] > 0 || fault_send(f, pid) != 0) {
        s->book.missed++;
        return;
    }
    v->sent[f]++;
    s->book.sent[f]++;
}

/* How far the work is, and who is there to strike. */
static void look_around(struct saboteur *s)
{
    cop_pid pool = cop_whereis("pool");
    struct progress p;

    s->npool = cop_pid_is_none(pool)
                   ? 0
                   : cop_sup_which_children(pool, s->pool, MAX_WORKERS);
    if (reader_progress(&p) == sizeof p && p.confirmed != s->confirmed) {
        s->confirmed = p.confirmed;
        s->since = 0;
    }
}

/* How long between two faults; for ever at a rate of zero. */
static cop_time interval(const struct saboteur *s)
{
    unsigned rate = s->job->kills_per_second;

    return rate == 0 || s->enough ? COP_FOREVER : COP_SEC / rate;
}

/* Does what is due, at most what a tenth of a second brings, whatever it slept
 * through. The answer: until the next is due, a millisecond at least. */
static cop_next go_on(struct saboteur *s)
{
    cop_time now = cop_now(), step = interval(s), due;

    if (step == COP_FOREVER)
        return cop_next_wait();
    if (now - s->last > COP_SEC / 10 + step)
        s->last = now - COP_SEC / 10 - step;
    if (s->last + step <= now)
        look_around(s);
    while (s->last + step <= now) {
        s->last += step;
        if (s->since < PATIENCE)
            strike(s);
    }
    due = s->last + step - now;
    return cop_next_idle(due > COP_MS ? due : COP_MS);
}

/* --------------------------------------------------------------- callbacks */

static cop_next init(void *state, void *arg)
{
    struct saboteur *s = state;

    s->job = arg;
    s->random = s->job->seed;
    s->book.signature = 0xcbf29ce484222325u;
    s->last = cop_now();
    return go_on(s);
}

static cop_next timeout(void *state)
{
    return go_on(state);
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct saboteur *s = state;

    if (cop_msg_tag(m) == TAG_ENOUGH)
        s->enough = true;
    else if (cop_msg_tag(m) != TAG_BOOK)
        return cop_next_stop(cop_because("unexpected_call"));
    cop_reply(from, &s->book, sizeof s->book);
    return go_on(s);
}

static cop_next info(void *state, const cop_msg *m)
{
    if (cop_msg_tag(m) == COP_DOWN)
        victim_down(state, m);
    return go_on(state);
}

const cop_server saboteur_server = {
    .label = "saboteur",
    .state_bytes = sizeof(struct saboteur),
    .init = init,
    .call = call,
    .info = info,
    .timeout = timeout,
};

/* ----------------------------------------------------------------- clients */

static int ask(cop_tag tag, struct book *out)
{
    return cop_call_name("saboteur", tag, NULL, 0, out, sizeof *out,
                         cop_in(10 * COP_SEC));
}

int saboteur_book(struct book *out)
{
    return ask(TAG_BOOK, out);
}

int saboteur_enough(struct book *out)
{
    return ask(TAG_ENOUGH, out);
}

uint64_t book_sum(const uint64_t *column)
{
    uint64_t sum = 0;

    for (int i = 0; i < FAULTS; i++)
        sum += column[i];
    return sum;
}
