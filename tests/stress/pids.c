/* SPDX-License-Identifier: MIT
 *
 * pids.c - a pid that is stale, forged or made up reaches nobody, also where
 * the generations wrap.
 *
 * The runtime is started with generations a few short of the largest one (40
 * bits), and actors come and go so that slots are reused across the wrap. All
 * the while senders, actors and one foreign thread, send to pids of these
 * kinds, and each message carries the pid that it was meant for (the table is
 * small, so that the wrap is reached soon):
 *
 *   live    must be taken by exactly that actor;
 *   stale   of an actor that has ended: a dead letter;
 *   forged  a live one with another generation or slot, or a random word.
 *
 * An actor compares each message with its own pid: an arrival at anybody else
 * is a wrong delivery. A forged pid may by chance be that of a live actor; then
 * it is right that it arrives. Exit signals `stray` go to stale pids only, so
 * whoever dies of one was the wrong one; calls, links, monitors, timers and
 * looks are tried with them as well.
 */
#include "tests/stress/common.h"

enum { LIVE = 64, STALE = 1024, SENDERS = 3, BATCH = 16, TAG_MAIL = 1 };

#define SLOT_BITS 24
#define FIRST_GENERATION ((UINT64_C(1) << 40) - 2)

static _Atomic uint64_t live[LIVE];
static _Atomic uint64_t stale[STALE];
static _Atomic uint64_t sent[SENDERS + 1];
static _Atomic uint64_t arrived, at_live, by_chance, oldest, wrapped;
static _Atomic bool halt;

/* Relaxed everywhere: pids are only values here, counts are compared when all
 * is quiet. */
static uint64_t get(_Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static void put(_Atomic uint64_t *p, uint64_t v)
{
    atomic_store_explicit(p, v, memory_order_relaxed);
}

static void add(_Atomic uint64_t *p, uint64_t n)
{
    atomic_fetch_add_explicit(p, n, memory_order_relaxed);
}

struct mail {
    uint64_t meant;
    bool to_live;
};

/* ------------------------------------------------------------- receivers -- */

static void check_mail(const cop_msg *m)
{
    const struct mail *mail = cop_msg_body(m);

    STRESS_CHECK(cop_msg_tag(m) == TAG_MAIL, "a message with tag %x",
                 cop_msg_tag(m));
    STRESS_CHECK(mail->meant == cop_self().id,
                 "mail for %" PRIx64 " came to %" PRIx64, mail->meant,
                 cop_self().id);
    add(&arrived, 1);
    if (!mail->to_live)
        add(&by_chance, 1);
}

/* Lives for a random number of messages, then makes room. */
static void coroutine(void *arg)
{
    uint64_t rng = stress_stream((uintptr_t)arg);
    const cop_msg *m;

    for (uint64_t left = 1 + stress_below(&rng, 4); left > 0; left--) {
        STRESS_OK(cop_recv(&m, COP_FOREVER));
        check_mail(m);
    }
}

struct state {
    uint64_t left;
};

static int handler_init(void *state, void *arg)
{
    uint64_t rng = stress_stream((uintptr_t)arg);

    ((struct state *)state)->left = 1 + stress_below(&rng, 4);
    return 0;
}

static void handler_message(void *state, const cop_msg *m)
{
    struct state *s = state;

    check_mail(m);
    if (--s->left == 0)
        cop_exit(COP_NORMAL);
}

static const cop_handler handler = {.state_bytes = sizeof(struct state),
                                    .init = handler_init,
                                    .message = handler_message};

/* --------------------------------------------------------------- keeper -- */

static int spawn_one(cop_pid *out, cop_ref *monitor)
{
    static uint64_t count;
    cop_opts opts = {.monitor = monitor};
    void *arg = (void *)(uintptr_t)++count;

    return count % 2 == 0 ? cop_spawn(out, coroutine, arg, &opts)
                          : cop_spawn_handler(out, &handler, arg, &opts);
}

/* The small table may be used up for a moment. */
static void let(uint64_t i, cop_ref *monitor)
{
    cop_pid pid;
    int rc;

    while ((rc = spawn_one(&pid, monitor)) == COP_ELIMIT)
        cop_yield();
    STRESS_CHECK(rc == 0, "spawn: %s", cop_error_str(rc));
    put(&live[i], pid.id);
    if (pid.id >> SLOT_BITS < FIRST_GENERATION)
        put(&wrapped, get(&wrapped) + 1);
}

/* The one writer of `stale` and `oldest`. */
static void bury(uint64_t pid)
{
    uint64_t at = get(&oldest);

    put(&stale[at % STALE], pid);
    put(&oldest, at + 1);
}

static void keeper(void *arg)
{
    static cop_ref monitors[LIVE];
    const cop_msg *m;

    (void)arg;
    for (uint64_t i = 0; i < LIVE; i++)
        let(i, &monitors[i]);
    while (cop_recv(&m, COP_FOREVER) == 0) {
        uint64_t pid = cop_msg_sender(m).id, i = 0;
        cop_ref ref = cop_msg_ref(m);

        if (cop_msg_tag(m) == TAG_MAIL) {
            check_mail(m); /* forged, and ours by chance */
            continue;
        }
        STRESS_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL,
                     "somebody died of %s", cop_reason_name(cop_msg_reason(m)));
        while (i < LIVE && !cop_ref_eq(monitors[i], ref))
            i++;
        STRESS_CHECK(i < LIVE && pid == get(&live[i]), "a wrong DOWN");
        bury(pid);
        let(i, &monitors[i]);
    }
}

/* --------------------------------------------------------------- senders -- */

static uint64_t a_live(uint64_t *rng)
{
    return get(&live[stress_below(rng, LIVE)]);
}

/* 0 as long as nobody has ended. */
static uint64_t a_stale(uint64_t *rng)
{
    return get(&stale[stress_below(rng, STALE)]);
}

static uint64_t a_forged(uint64_t *rng)
{
    uint64_t generation = stress_below(rng, 16) << SLOT_BITS;
    uint64_t slot = stress_below(rng, 1u << SLOT_BITS);
    uint64_t mask = (1u << SLOT_BITS) - 1;

    switch (stress_below(rng, 6)) {
    case 0:
        return a_live(rng) + generation + (1u << SLOT_BITS);
    case 1:
        return a_live(rng) - generation - (1u << SLOT_BITS);
    case 2:
        return (a_live(rng) & ~mask) | slot;
    case 3:
        return generation | (a_live(rng) & mask);
    case 4:
        return UINT64_MAX - stress_below(rng, 4);
    default:
        return stress_rnd(rng);
    }
}

static void post(uint64_t *rng, uint64_t i)
{
    uint64_t kind = stress_below(rng, 16);
    struct mail m = {0, kind < 4};

    if (m.to_live)
        m.meant = a_live(rng);
    else
        m.meant = kind < 9 ? a_stale(rng) : a_forged(rng);
    if (i % 8 == 1)
        STRESS_OK(cop_cast((cop_pid){m.meant}, TAG_MAIL, &m, sizeof(m)));
    else
        STRESS_OK(cop_send((cop_pid){m.meant}, TAG_MAIL, &m, sizeof(m)));
    if (m.to_live)
        add(&at_live, 1);
}

/* What else takes a pid; any thread. A caller takes a place in the table, too.
 */
static void try_others(uint64_t *rng)
{
    uint64_t id = a_stale(rng);
    cop_pid pid = {id};
    cop_info info;
    struct mail m = {id, false};
    cop_timer timer;
    int rc;

    if (id == 0)
        return;
    STRESS_OK(cop_exit_signal(pid, cop_because("stray")));
    STRESS_CHECK(!cop_is_alive(pid), "a dead one is alive");
    STRESS_CHECK(cop_info_get(pid, &info) == COP_ENOPROC, "a view of a dead");
    STRESS_CHECK(cop_register("yew", pid) == COP_ENOPROC, "a dead one's name");
    STRESS_OK(
        cop_send_after(&timer, 100 * COP_US, pid, TAG_MAIL, &m, sizeof(m)));
    STRESS_OK(cop_send_urgent(pid, TAG_MAIL, &m, sizeof(m)));
    rc = cop_call(pid, TAG_MAIL, &m, sizeof(m), NULL, 0, cop_in(COP_SEC));
    STRESS_CHECK(rc == COP_ENOPROC || rc == COP_ELIMIT, "call of a dead: %s",
                 cop_error_str(rc));
}

/* What only actors may. */
static void try_as_actor(uint64_t *rng)
{
    cop_pid pid = {a_stale(rng)};
    const cop_msg *m;
    cop_ref ref;

    if (pid.id == 0)
        return;
    STRESS_OK(cop_monitor(&ref, pid));
    STRESS_OK(cop_recv_ref(&m, ref, cop_in(30 * stress_slow() * COP_SEC)));
    STRESS_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_NOPROC,
                 "monitor of a dead: %s", cop_reason_name(cop_msg_reason(m)));
    STRESS_OK(cop_link(pid));
    STRESS_OK(cop_recv_tag(&m, COP_EXIT, cop_in(30 * stress_slow() * COP_SEC)));
    STRESS_CHECK(cop_pid_eq(cop_msg_sender(m), pid),
                 "EXIT of %" PRIx64 " (%s), not of %" PRIx64,
                 cop_msg_sender(m).id, cop_reason_name(cop_msg_reason(m)),
                 pid.id);
}

static void send_batches(uint64_t who)
{
    uint64_t rng = stress_stream(1000000007 + who);
    bool actor = cop_self().id != 0;

    if (actor)
        (void)cop_trap_exit(true);
    for (uint64_t i = 0; !atomic_load_explicit(&halt, memory_order_relaxed);
         i++) {
        for (uint64_t k = 0; k < BATCH; k++)
            post(&rng, k);
        try_others(&rng);
        if (actor)
            try_as_actor(&rng);
        else
            stress_nap(50 * COP_US);
        put(&sent[who], (i + 1) * BATCH);
    }
}

static void sender(void *arg)
{
    send_batches((uintptr_t)arg);
}

static void *foreign(void *arg)
{
    (void)arg;
    send_batches(SENDERS);
    return NULL;
}

static uint64_t total(void)
{
    uint64_t sum = 0;

    for (int i = 0; i <= SENDERS; i++)
        sum += get(&sent[i]);
    return sum;
}

int main(int argc, char **argv)
{
    cop_config config = {0};
    pthread_t thread;

    stress_begin(argc, argv,
                 "N messages to stale, forged and random pids near the wrap "
                 "of the generations.",
                 100000000);
    config.first_generation = FIRST_GENERATION;
    config.actors_max = 1024;
    stress_start(2, &config);
    STRESS_OK(cop_spawn(NULL, keeper, NULL, NULL));
    for (uintptr_t i = 0; i < SENDERS; i++)
        STRESS_OK(cop_spawn(NULL, sender, (void *)i, NULL));
    thread = stress_thread(foreign, NULL);
    while (total() < stress.n || get(&wrapped) == 0) {
        stress_nap(COP_MS);
        stress_beat(total());
    }
    atomic_store_explicit(&halt, true, memory_order_relaxed);
    stress_join(thread);
    STRESS_OK(cop_ext_quiesce(30 * stress_slow() * COP_SEC));
    STRESS_CHECK(get(&arrived) > 0, "nothing arrived");
    stress_stop();
    return stress_ok("sent=%" PRIu64 " to_live=%" PRIu64 " arrived=%" PRIu64
                     " by_chance=%" PRIu64 " incarnations=%" PRIu64
                     " wrapped=%" PRIu64 " wrong=0",
                     total(), get(&at_live), get(&arrived), get(&by_chance),
                     get(&oldest), get(&wrapped));
}
