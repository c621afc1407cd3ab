/* SPDX-License-Identifier: MIT
 *
 * stormdeath.c - in a random graph of links and monitors in which many die at
 * once, each survivor hears of each death exactly once per link and monitor.
 *
 * A round has SOULS actors, half coroutines, half handlers, one in five of
 * which does not trap exits. Each links to random others and monitors random
 * others, and takes some of that back, while some of them end by themselves
 * half-way, for one reason or another, and the keeper kills others. When all
 * is quiet the keeper knows the dead from its own monitors, and asks the
 * survivors to compare:
 *
 *   my link to a dead one        one EXIT;   to a live one      none
 *   a dead one's link to me      one EXIT
 *   my monitor of a dead one     one DOWN;   of a live one      none
 *   unlinked, demonitored        nothing after that call
 *   not trapping                 no EXIT, and no linked one died abnormally
 *
 * A pair is linked from one side only, since a link to one that is dead
 * already is answered by an EXIT of its own. What a soul does to another is
 * noted in a shared table before and after the call, so that a death in the
 * middle of it is seen as what it is: undecided, one EXIT or none.
 *
 * n counts links and monitors; at each round's end all of them are judged.
 */
#include "tests/stress/common.h"

enum { SOULS = 96, TRIES = 8, KILLS = 16 };
enum { TAG_ROUND = 1, TAG_CLOSE, TAG_GO, TAG_JUDGE, TAG_JUDGED };
enum fate { ALIVE, DIED_NORMAL, DIED };
enum tie { NONE, TYING, TIED, UNTYING, UNTIED };

/* Between actors. `ties[a][b]` is written by a, and read by b when all is
 * quiet; `pids` and `fates` are the keeper's, sent with its messages. */
static _Atomic uint8_t ties[SOULS][SOULS];
static cop_pid pids[SOULS], the_keeper;
static uint8_t fates[SOULS];
static uint64_t round_no, judged, exits_seen, downs_seen, undecided, deaths;
static _Atomic uint64_t done;

struct watch {
    cop_ref ref;
    uint32_t whom;
    uint32_t downs;
    bool over;
};

/* One actor's own. */
struct soul {
    uint32_t me;
    bool fragile;
    uint64_t rng;
    uint32_t exits[SOULS];
    uint32_t exits_at_unlink[SOULS];
    struct watch watches[TRIES];
    uint32_t nwatches;
};

struct verdict {
    uint64_t ties, exits, downs, undecided;
};

static enum tie tie_get(uint32_t a, uint32_t b)
{
    /* Relaxed: read when all is quiet, or by the writer. */
    return (enum tie)atomic_load_explicit(&ties[a][b], memory_order_relaxed);
}

static void tie_set(uint32_t a, uint32_t b, enum tie t)
{
    atomic_store_explicit(&ties[a][b], (uint8_t)t, memory_order_relaxed);
}

static uint32_t any(struct soul *s, uint32_t n)
{
    return (uint32_t)stress_below(&s->rng, n);
}

static uint32_t index_of(cop_pid pid)
{
    uint32_t i = 0;

    while (i < SOULS && !cop_pid_eq(pids[i], pid))
        i++;
    STRESS_CHECK(i < SOULS, "notice of a stranger");
    return i;
}

/* -------------------------------------------------------- what souls hear --
 */

static void hear(struct soul *s, const cop_msg *m)
{
    if (cop_msg_tag(m) == COP_EXIT) {
        if (cop_pid_eq(cop_msg_sender(m), the_keeper))
            cop_exit(cop_because("hail"));
        s->exits[index_of(cop_msg_sender(m))]++;
        return;
    }
    for (uint32_t i = 0; i < s->nwatches; i++) {
        struct watch *w = &s->watches[i];

        if (!cop_ref_eq(w->ref, cop_msg_ref(m)))
            continue;
        STRESS_CHECK(!w->over, "a DOWN after demonitor");
        STRESS_CHECK(cop_pid_eq(cop_msg_sender(m), pids[w->whom]),
                     "DOWN of another");
        w->downs++;
        return;
    }
    stress_fail("a DOWN that nobody waits for");
}

/* --------------------------------------------------------- what souls do -- */

static void link_to(struct soul *s, uint32_t whom)
{
    if (whom <= s->me || tie_get(s->me, whom) != NONE)
        return;
    tie_set(s->me, whom, TYING);
    STRESS_OK(cop_link(pids[whom]));
    tie_set(s->me, whom, TIED);
}

static void unlink_from(struct soul *s, uint32_t whom)
{
    const cop_msg *m;
    cop_match exit_of = {.tag = COP_EXIT, .from = pids[whom]};

    if (tie_get(s->me, whom) != TIED)
        return;
    tie_set(s->me, whom, UNTYING);
    STRESS_OK(cop_unlink(pids[whom]));
    while (cop_recv_match(&m, &exit_of, 1, COP_POLL) == 0)
        hear(s, m);
    s->exits_at_unlink[whom] = s->exits[whom];
    tie_set(s->me, whom, UNTIED);
}

static void watch(struct soul *s, uint32_t whom)
{
    struct watch *w = &s->watches[s->nwatches];

    if (whom == s->me)
        return;
    *w = (struct watch){.whom = whom};
    if (any(s, 2) == 0)
        STRESS_OK(cop_monitor(&w->ref, pids[whom]));
    else
        STRESS_OK(cop_monitor_alias(&w->ref, pids[whom], COP_ALIAS_DEMONITOR));
    s->nwatches++;
}

static void unwatch(struct soul *s, struct watch *w)
{
    const cop_msg *m;
    bool flush = any(s, 2) == 0;

    (void)cop_demonitor(w->ref, flush);
    if (!flush)
        while (cop_recv_ref(&m, w->ref, COP_POLL) == 0)
            hear(s, m);
    w->over = true;
}

/* One in six ends in the middle of it. */
static void go(struct soul *s)
{
    uint32_t end = any(s, 6) == 0 ? any(s, TRIES) : TRIES;

    for (uint32_t i = 0; i < end; i++) {
        link_to(s, any(s, SOULS));
        watch(s, any(s, SOULS));
        if (any(s, 4) == 0)
            unlink_from(s, any(s, SOULS));
        if (any(s, 8) == 0 && s->nwatches > 0)
            unwatch(s, &s->watches[any(s, s->nwatches)]);
        if (any(s, 3) == 0)
            cop_yield();
    }
    if (end < TRIES)
        cop_exit(any(s, 2) ? COP_NORMAL : cop_because_fmt("woe", "%u", end));
}

/* ------------------------------------------------------- what souls judge --
 */

static void judge_exits(struct soul *s, struct verdict *v, uint32_t whom)
{
    enum tie tie = whom > s->me ? tie_get(s->me, whom) : tie_get(whom, s->me);
    uint32_t got = s->exits[whom];
    uint32_t want = tie == TIED && fates[whom] != ALIVE;

    v->ties += tie != NONE;
    v->exits += got;
    if (s->fragile) {
        STRESS_CHECK(got == 0, "an EXIT for one that does not trap");
        STRESS_CHECK(tie != TIED || fates[whom] != DIED,
                     "survived the death of a linked one");
    } else if (tie == TYING || tie == UNTYING) {
        v->undecided++;
        STRESS_CHECK(got <= 1, "%u EXITs of one", got);
    } else if (tie == UNTIED && whom < s->me) {
        STRESS_CHECK(got <= 1, "%u EXITs of one that unlinked", got);
    } else if (tie == UNTIED) {
        STRESS_CHECK(got == s->exits_at_unlink[whom], "an EXIT after unlink");
    } else {
        STRESS_CHECK(got == want, "%u EXITs of %u for %u, not %u (%d %d)", got,
                     whom, s->me, want, (int)tie, (int)fates[whom]);
    }
}

static struct verdict judge(struct soul *s)
{
    struct verdict v = {0};

    for (uint32_t i = 0; i < SOULS; i++)
        if (i != s->me)
            judge_exits(s, &v, i);
    for (uint32_t i = 0; i < s->nwatches; i++) {
        struct watch *w = &s->watches[i];
        uint32_t want = fates[w->whom] != ALIVE;

        v.ties++;
        v.downs += w->downs;
        STRESS_CHECK(w->over || w->downs == want, "%u DOWNs, not %u", w->downs,
                     want);
    }
    return v;
}

static void message(struct soul *s, const cop_msg *m)
{
    cop_pid from = cop_msg_sender(m);
    struct verdict v;

    if (cop_msg_tag(m) == TAG_GO) {
        go(s);
    } else if (cop_msg_tag(m) == TAG_JUDGE) {
        v = judge(s);
        STRESS_OK(cop_send(from, TAG_JUDGED, &v, sizeof(v)));
    } else {
        hear(s, m);
    }
}

static void soul_init(struct soul *s, uintptr_t me)
{
    s->me = (uint32_t)me;
    s->fragile = me % 5 == 0;
    s->rng = stress_stream(round_no * SOULS + me);
}

static void coroutine(void *arg)
{
    struct soul s = {0};
    const cop_msg *m;

    soul_init(&s, (uintptr_t)arg);
    while (cop_recv(&m, COP_FOREVER) == 0)
        message(&s, m);
}

static int handler_init(void *state, void *arg)
{
    soul_init(state, (uintptr_t)arg);
    return 0;
}

static void handler_message(void *state, const cop_msg *m)
{
    message(state, m);
}

static const cop_handler handler = {.state_bytes = sizeof(struct soul),
                                    .init = handler_init,
                                    .message = handler_message};

/* ---------------------------------------------------------------- keeper -- */

static cop_ref monitors[SOULS];

static void spawn_souls(void)
{
    for (uintptr_t i = 0; i < SOULS; i++) {
        cop_opts opts = {.monitor = &monitors[i], .trap_exit = i % 5 != 0};
        void *arg = (void *)i;

        if (i % 2 == 0)
            STRESS_OK(cop_spawn(&pids[i], coroutine, arg, &opts));
        else
            STRESS_OK(cop_spawn_handler(&pids[i], &handler, arg, &opts));
        fates[i] = ALIVE;
        for (uint32_t k = 0; k < SOULS; k++)
            tie_set((uint32_t)i, k, NONE);
    }
}

static void storm(uint64_t *rng)
{
    round_no++;
    spawn_souls();
    for (int i = 0; i < SOULS; i++)
        STRESS_OK(cop_send(pids[i], TAG_GO, NULL, 0));
    for (uint64_t i = stress_below(rng, KILLS); i > 0; i--) {
        cop_reason why = stress_below(rng, 2) ? COP_KILL : cop_because("hail");

        if (stress_below(rng, 2) == 0)
            cop_yield();
        STRESS_OK(cop_exit_signal(pids[stress_below(rng, SOULS)], why));
    }
}

static void bury(const cop_msg *m)
{
    uint32_t i = index_of(cop_msg_sender(m));
    bool normal = cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL;

    STRESS_CHECK(cop_ref_eq(monitors[i], cop_msg_ref(m)), "a wrong DOWN");
    STRESS_CHECK(fates[i] == ALIVE, "died twice");
    fates[i] = normal ? DIED_NORMAL : DIED;
    deaths++;
}

static void collect_verdict(cop_pid soul)
{
    const struct verdict *v;
    const cop_msg *m;

    STRESS_OK(cop_send(soul, TAG_JUDGE, NULL, 0));
    STRESS_OK(cop_recv_tag(&m, TAG_JUDGED, COP_FOREVER));
    v = cop_msg_as(m, struct verdict);
    judged += v->ties;
    exits_seen += v->exits;
    downs_seen += v->downs;
    undecided += v->undecided;
}

static void close_round(void)
{
    const cop_msg *m;
    int left = 0;

    while (cop_recv_tag(&m, COP_DOWN, COP_POLL) == 0)
        bury(m);
    for (int i = 0; i < SOULS; i++)
        if (fates[i] == ALIVE)
            collect_verdict(pids[i]);
    STRESS_CHECK(cop_recv(&m, COP_POLL) == COP_ETIMEDOUT,
                 "a late notice for the keeper");
    for (int i = 0; i < SOULS; i++) {
        if (fates[i] != ALIVE)
            continue;
        STRESS_OK(cop_exit_signal(pids[i], COP_KILL));
        left++;
    }
    for (; left > 0; left--) {
        STRESS_OK(cop_recv_tag(&m, COP_DOWN, COP_FOREVER));
        bury(m);
    }
}

static void keeper(void *arg)
{
    uint64_t rng = stress_stream(1);
    const cop_msg *m;

    (void)arg;
    for (;;) {
        cop_from from;

        STRESS_OK(cop_recv_tag(&m, TAG_ROUND, COP_FOREVER));
        from = cop_msg_from(m);
        storm(&rng);
        STRESS_OK(cop_reply(from, NULL, 0));
        STRESS_OK(cop_recv_tag(&m, TAG_CLOSE, COP_FOREVER));
        from = cop_msg_from(m);
        close_round();
        atomic_store_explicit(&done, judged, memory_order_relaxed);
        STRESS_OK(cop_reply(from, NULL, 0));
    }
}

static void one_round(void)
{
    cop_time limit = 30 * stress_slow() * COP_SEC;

    STRESS_OK(cop_call(the_keeper, TAG_ROUND, NULL, 0, NULL, 0, cop_in(limit)));
    STRESS_OK(cop_ext_quiesce(limit));
    STRESS_OK(cop_call(the_keeper, TAG_CLOSE, NULL, 0, NULL, 0, cop_in(limit)));
}

int main(int argc, char **argv)
{
    cop_opts opts = {.stack_bytes = 256 * 1024};
    stress_begin(argc, argv,
                 "N links and monitors in random graphs of dying actors.",
                 5000000);
    stress_start(4, NULL);
    STRESS_OK(cop_spawn(&the_keeper, keeper, NULL, &opts));
    do {
        one_round();
        stress_beat(atomic_load_explicit(&done, memory_order_relaxed));
    } while (atomic_load_explicit(&done, memory_order_relaxed) < stress.n);
    stress_stop();
    STRESS_CHECK(exits_seen > 0 && downs_seen > 0, "nothing was heard");
    return stress_ok("rounds=%" PRIu64 " deaths=%" PRIu64 " ties=%" PRIu64
                     " exits=%" PRIu64 " downs=%" PRIu64 " undecided=%" PRIu64,
                     round_no, deaths, judged, exits_seen, downs_seen,
                     undecided);
}
