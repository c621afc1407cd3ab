/* SPDX-License-Identifier: MIT
 *
 * conserve.c - no message is lost, made up, doubled or out of order, whatever
 * happens to the actors.
 *
 * SLOTS tenants, half of them coroutines, half handlers, send to each other at
 * random, and do everything else that may disturb a mailbox meanwhile: they
 * link, monitor, set timers, receive selectively, call, use names and aliases,
 * spawn short-lived children, kill each other and break. A keeper puts a fresh
 * tenant into a slot whose tenant has died. When n messages have been sent all
 * stop sending; every eighth stops receiving as well, so that something is
 * left in mailboxes. When all is quiet:
 *
 *   1. sent = received + dead letters + dropped + queued, by the runtime's
 *      counters;
 *   2. what cop_info_get shows in the mailboxes is at least `queued` (EXIT and
 *      DOWN are shown, but not counted), and nothing once those who had
 *      stopped receiving have gone on; then 1 holds with queued = 0;
 *   3. the tenants' own counts fit: at most as many were received as the
 *      runtime says, and none that was meant for somebody else;
 *   4. each tenant has seen the numbers of one sender on one channel (a tag
 *      that keeps its order) grow only;
 *   5. the keeper got exactly one DOWN for each tenant that died;
 *   6. after the stop no byte of all this is left.
 *
 * A tenant writes its number for the receiving *slot* into each message. An
 * earlier tenant's messages may still arrive after its successor's, so numbers
 * are compared within one incarnation only.
 */
#include "tests/stress/common.h"

enum { SLOTS = 96, NAMED = 8, CHANNELS = 5, DEAF = 8, LIMIT = 32 };

/* The first CHANNELS tags are the channels. */
enum tag {
    TAG_A = 1,
    TAG_B,
    TAG_C,
    TAG_CAST,
    TAG_URGENT,
    TAG_TICK,
    TAG_ASK,
    TAG_LATER,
    TAG_CHILD,
    TAG_NEVER
};

struct mail {
    uint32_t from_slot;
    uint32_t incarnation;
    uint32_t number;
    uint64_t meant; /* the pid it was sent to; 0: by name or alias */
};

/* What others may see of a tenant. Written by the tenant, but for the pids
 * and the incarnation, which are the keeper's. */
struct slot {
    _Alignas(64) _Atomic uint64_t pid;
    _Atomic uint64_t stale;
    _Atomic uint64_t alias_pid, alias_ref;
    _Atomic uint64_t sent, got, links;
    uint32_t incarnation;
    cop_ref monitor;
};

struct last {
    uint32_t incarnation;
    uint32_t number;
};

/* A tenant's own. */
struct tenant {
    uint32_t slot;
    uint32_t incarnation;
    uint64_t rng;
    cop_ref watching;
    cop_pid linked;
    bool was_deaf;
    uint32_t next[SLOTS][CHANNELS];
    struct last last[SLOTS][CHANNELS];
};

static struct slot slots[SLOTS];
static _Atomic bool halt;
static _Atomic uint64_t deaths;
static uint64_t streams;

/* Relaxed throughout: the numbers are statistics, a pid is only a value, and
 * what is compared at the end is read when all is quiet. */
static uint64_t get(_Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static void put(_Atomic uint64_t *p, uint64_t v)
{
    atomic_store_explicit(p, v, memory_order_relaxed);
}

static bool halted(void)
{
    return atomic_load_explicit(&halt, memory_order_relaxed);
}

static uint32_t any(struct tenant *t, uint32_t n)
{
    return (uint32_t)stress_below(&t->rng, n);
}

/* ---------------------------------------------------------------- sending --
 */

static struct mail letter(struct tenant *t, uint32_t to, unsigned tag)
{
    return (struct mail){.from_slot = t->slot,
                         .incarnation = t->incarnation,
                         .number = ++t->next[to][tag - 1],
                         .meant = get(&slots[to].pid)};
}

static void count_sent(struct tenant *t, int rc)
{
    struct slot *s = &slots[t->slot];

    STRESS_CHECK(rc == 0 || rc == COP_ENOPROC, "send: %s", cop_error_str(rc));
    if (rc == 0)
        put(&s->sent, get(&s->sent) + 1);
}

static void send_plain(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    unsigned tag = TAG_A + any(t, 3);
    struct mail m = letter(t, to, tag);

    count_sent(t, cop_send((cop_pid){m.meant}, tag, &m, sizeof(m)));
}

static void send_stale(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    struct mail m = letter(t, to, TAG_A);

    m.meant = get(&slots[to].stale);
    count_sent(t, cop_send((cop_pid){m.meant}, TAG_A, &m, sizeof(m)));
}

static const char *const names[NAMED] = {"ash", "beech", "cherry", "elm",
                                         "fir", "hazel", "larch",  "oak"};

static void send_name(struct tenant *t)
{
    uint32_t to = any(t, NAMED);
    struct mail m = letter(t, to, TAG_B);

    m.meant = 0;
    count_sent(t, cop_send_name(names[to], TAG_B, &m, sizeof(m)));
}

/* The two words may be of two different aliases: one more kind of stale. */
static void send_alias(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    cop_alias a = {{get(&slots[to].alias_pid)}, {get(&slots[to].alias_ref)}};
    struct mail m = letter(t, to, TAG_C);

    m.meant = 0;
    if (a.pid.id != 0)
        count_sent(t, cop_send_alias(a, TAG_C, &m, sizeof(m)));
}

static void send_urgent(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    struct mail m = letter(t, to, TAG_URGENT);

    count_sent(t,
               cop_send_urgent((cop_pid){m.meant}, TAG_URGENT, &m, sizeof(m)));
}

static void send_cast(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    struct mail m = letter(t, to, TAG_CAST);

    count_sent(t, cop_cast((cop_pid){m.meant}, TAG_CAST, &m, sizeof(m)));
}

static void release_body(void *body, size_t size)
{
    (void)size;
    free(body);
}

static void send_moved(struct tenant *t)
{
    uint32_t to = any(t, SLOTS);
    struct mail *m = malloc(sizeof(*m) + 1000);
    cop_pid pid;
    cop_msg *msg;

    STRESS_CHECK(m != NULL, "out of memory");
    *m = letter(t, to, TAG_A);
    pid = (cop_pid){m->meant};
    STRESS_OK(cop_msg_new_moved(&msg, TAG_A, m, sizeof(*m), release_body));
    count_sent(t, cop_send_msg(pid, msg));
}

static void send_later(struct tenant *t)
{
    uint64_t to = get(&slots[any(t, SLOTS)].pid);
    cop_timer timer;

    STRESS_OK(cop_send_after(&timer, any(t, 2000) * COP_US, (cop_pid){to},
                             TAG_LATER, &to, sizeof(to)));
    if (any(t, 2) == 0)
        (void)cop_cancel_timer(timer);
}

/* ------------------------------------------------------------ other deeds --
 */

static void renew_alias(struct tenant *t)
{
    struct slot *s = &slots[t->slot];
    cop_alias a = {{get(&s->alias_pid)}, {get(&s->alias_ref)}};
    int mode = any(t, 2) ? COP_ALIAS_EXPLICIT : COP_ALIAS_REPLY;

    if (cop_pid_eq(a.pid, cop_self()))
        (void)cop_unalias(a.ref);
    STRESS_OK(cop_alias_new(&a, mode));
    put(&s->alias_pid, a.pid.id);
    put(&s->alias_ref, a.ref.id);
}

static void monitor_one(struct tenant *t)
{
    if (t->watching.id != 0)
        (void)cop_demonitor(t->watching, any(t, 2) == 0);
    STRESS_OK(
        cop_monitor(&t->watching, (cop_pid){get(&slots[any(t, SLOTS)].pid)}));
}

/* One link at a time of its own making: otherwise one death would be the
 * death of nearly all. */
static void link_one(struct tenant *t)
{
    if (t->linked.id != 0)
        STRESS_OK(cop_unlink(t->linked));
    t->linked = (cop_pid){get(&slots[any(t, SLOTS)].pid)};
    if (any(t, 4) == 0)
        STRESS_OK(cop_link(t->linked));
}

static void ask(struct tenant *t)
{
    cop_pid to = {get(&slots[any(t, SLOTS)].pid)};
    cop_ref ref;
    int rc = cop_request(&ref, to, TAG_ASK, &to, sizeof(to));

    STRESS_CHECK(rc == 0 || rc == COP_ENOPROC, "ask: %s", cop_error_str(rc));
    if (rc == 0 && any(t, 2) == 0)
        cop_request_cancel(ref);
}

static void call(struct tenant *t)
{
    cop_pid to = {get(&slots[any(t, SLOTS)].pid)};
    uint64_t answer = 0;
    int rc = cop_call(to, TAG_ASK, &to, sizeof(to), &answer, sizeof(answer),
                      cop_in(any(t, 300) * COP_US));

    STRESS_CHECK(rc < 0 || (rc == sizeof(answer) && answer == to.id),
                 "call: %d, answer of somebody else", rc);
}

static void kill_one(struct tenant *t)
{
    cop_pid victim = {get(&slots[any(t, SLOTS)].pid)};
    cop_reason why = any(t, 2) ? COP_KILL : cop_because("axe");

    STRESS_OK(cop_exit_signal(victim, why));
}

static void break_down(struct tenant *t)
{
    cop_exit(any(t, 2) ? COP_NORMAL : cop_because_fmt("rot", "%u", t->slot));
}

static void child(void *arg)
{
    uint64_t rng = cop_self().id ^ (uintptr_t)arg;

    for (int i = 0; i < 3; i++) {
        uint64_t to = get(&slots[stress_below(&rng, SLOTS)].pid);

        STRESS_OK(cop_send((cop_pid){to}, TAG_CHILD, &to, sizeof(to)));
    }
}

static void spawn_child(struct tenant *t)
{
    cop_ref ref;
    cop_opts opts = {.link = any(t, 2) == 0,
                     .monitor = any(t, 2) ? &ref : NULL};

    STRESS_OK(cop_spawn(NULL, child, NULL, &opts));
}

static void look(struct tenant *t)
{
    cop_pid pid = {get(&slots[any(t, SLOTS)].pid)};
    cop_info info;
    int rc = cop_info_get(pid, &info);

    STRESS_CHECK(rc == 0 || rc == COP_ENOPROC, "info: %s", cop_error_str(rc));
    (void)cop_is_alive(pid);
    (void)cop_whereis(names[any(t, NAMED)]);
}

static void yield(struct tenant *t)
{
    (void)t;
    cop_yield();
}

static const struct deed {
    unsigned weight; /* in 1024 */
    void (*fn)(struct tenant *t);
} deeds[] = {
    {590, send_plain}, {40, send_stale},  {60, send_name},  {60, send_alias},
    {40, send_urgent}, {40, send_cast},   {30, send_moved}, {30, send_later},
    {20, renew_alias}, {25, monitor_one}, {12, link_one},   {20, ask},
    {6, call},         {2, kill_one},     {2, break_down},  {10, spawn_child},
    {7, look},         {30, yield},
};

static uint8_t dice[1024];

static void fill_dice(void)
{
    unsigned at = 0;

    for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        for (unsigned k = 0; k < deeds[i].weight; k++)
            dice[at++] = (uint8_t)i;
    STRESS_CHECK(at == 1024, "weights sum up to %u", at);
}

static void act(struct tenant *t)
{
    for (unsigned k = 1 + any(t, 4); k > 0; k--)
        deeds[dice[any(t, 1024)]].fn(t);
}

/* -------------------------------------------------------------- receiving --
 */

static void check_order(struct tenant *t, const cop_msg *msg)
{
    const struct mail *m = cop_msg_body(msg);
    struct last *last = &t->last[m->from_slot][cop_msg_tag(msg) - 1];

    STRESS_CHECK(m->meant == 0 || m->meant == cop_self().id,
                 "mail for %" PRIx64 " came to %" PRIx64, m->meant,
                 cop_self().id);
    if (m->incarnation == last->incarnation)
        STRESS_CHECK(m->number > last->number,
                     "slot %u got %u after %u of slot %u, tag %u", t->slot,
                     m->number, last->number, m->from_slot, cop_msg_tag(msg));
    if (m->incarnation >= last->incarnation)
        *last = (struct last){m->incarnation, m->number};
}

static void check_meant(const cop_msg *msg)
{
    uint64_t meant = *(const uint64_t *)cop_msg_body(msg);

    STRESS_CHECK(meant == cop_self().id,
                 "tag %u for %" PRIx64 " came to %" PRIx64, cop_msg_tag(msg),
                 meant, cop_self().id);
}

static void take(struct tenant *t, const cop_msg *msg)
{
    struct slot *s = &slots[t->slot];
    cop_tag tag = cop_msg_tag(msg);

    if (tag <= TAG_NEVER)
        put(&s->got, get(&s->got) + 1);
    if (tag <= CHANNELS)
        check_order(t, msg);
    else if (tag <= TAG_CHILD && tag != TAG_TICK)
        check_meant(msg);
    if (tag == COP_EXIT && cop_pid_eq(cop_msg_sender(msg), COP_PID_INIT))
        cop_exit(COP_SHUTDOWN);
    if (tag == TAG_ASK && any(t, 8) != 0)
        (void)cop_reply(cop_msg_from(msg), cop_msg_body(msg),
                        cop_msg_size(msg));
}

static bool receive_some(struct tenant *t, const cop_msg **m)
{
    cop_match two[] = {{.tag = TAG_B},
                       {.from = {get(&slots[any(t, SLOTS)].pid)}}};

    switch (any(t, 16)) {
    case 0:
        return cop_recv_tag(m, TAG_C, COP_POLL) == 0;
    case 1:
        return cop_recv_from(m, two[1].from, COP_POLL) == 0;
    case 2:
        return cop_recv_match(m, two, 2, COP_POLL) >= 0;
    case 3:
        return cop_recv(m, cop_in(any(t, 100) * COP_US)) == 0;
    default:
        return cop_recv(m, COP_POLL) == 0;
    }
}

/* --------------------------------------------------------------- tenants -- */

static void move_in(struct tenant *t, uint32_t slot)
{
    t->slot = slot;
    t->incarnation = slots[slot].incarnation;
    t->rng = stress_stream((streams + t->incarnation) * SLOTS + slot);
    (void)cop_trap_exit(slot % 3 != 0);
    renew_alias(t);
}

static void coroutine(void *arg)
{
    struct tenant t = {0};
    const cop_msg *m;

    move_in(&t, (uint32_t)(uintptr_t)arg);
    while (!halted()) {
        act(&t);
        for (int i = 0; i < LIMIT && receive_some(&t, &m); i++)
            take(&t, m);
    }
    if (t.slot % DEAF == 0)
        STRESS_OK(cop_recv_tag(&m, TAG_NEVER, COP_FOREVER));
    while (cop_recv(&m, COP_FOREVER) == 0)
        take(&t, m);
}

static void tick(void)
{
    STRESS_OK(cop_send(cop_self(), TAG_TICK, NULL, 0));
}

static int handler_init(void *state, void *arg)
{
    move_in(state, (uint32_t)(uintptr_t)arg);
    tick();
    return 0;
}

static void handler_message(void *state, const cop_msg *m)
{
    struct tenant *t = state;
    cop_tag tag = cop_msg_tag(m);

    take(t, m);
    if (tag == TAG_TICK && !halted()) {
        act(t);
        tick();
    }
    if (!halted() || t->slot % DEAF != 1 || t->was_deaf)
        return;
    t->was_deaf = true;
    STRESS_OK(cop_recv_tag(&m, TAG_NEVER, COP_FOREVER));
}

static const cop_handler handler = {.state_bytes = sizeof(struct tenant),
                                    .init = handler_init,
                                    .message = handler_message,
                                    .label = "tenant"};

/* ---------------------------------------------------------------- keeper -- */

static void let(uint32_t slot)
{
    struct slot *s = &slots[slot];
    cop_opts opts = {.monitor = &s->monitor, .urgent = slot % 4 == 0};
    void *arg = (void *)(uintptr_t)slot;
    cop_pid pid;

    s->incarnation++;
    put(&s->stale, get(&s->pid));
    if (slot < NAMED)
        opts.name = names[slot];
    if (slot % 2 == 0)
        STRESS_OK(cop_spawn(&pid, coroutine, arg, &opts));
    else
        STRESS_OK(cop_spawn_handler(&pid, &handler, arg, &opts));
    put(&s->pid, pid.id);
}

static void keeper(void *arg)
{
    const cop_msg *m;

    (void)arg;
    for (uint32_t i = 0; i < SLOTS; i++)
        let(i);
    while (cop_recv(&m, COP_FOREVER) == 0) {
        cop_ref ref = cop_msg_ref(m);
        uint32_t i = 0;

        STRESS_CHECK(cop_msg_tag(m) == COP_DOWN, "keeper got tag %u",
                     cop_msg_tag(m));
        while (i < SLOTS && !cop_ref_eq(slots[i].monitor, ref))
            i++;
        STRESS_CHECK(i < SLOTS && cop_msg_sender(m).id == get(&slots[i].pid),
                     "a DOWN that nobody waits for");
        slots[i].monitor = COP_NO_REF;
        put(&deaths, get(&deaths) + 1);
        if (!halted())
            let(i);
    }
}

/* Nobody kills this one, so that mail is left whoever else has died. */
static void hermit(void *arg)
{
    const cop_msg *m;

    (void)arg;
    STRESS_OK(cop_recv_tag(&m, TAG_NEVER, COP_FOREVER));
    while (cop_recv(&m, COP_FOREVER) == 0)
        continue;
}

/* ------------------------------------------------------------------ main -- */

static uint64_t total(bool sent)
{
    uint64_t sum = 0;

    for (int i = 0; i < SLOTS; i++)
        sum += get(sent ? &slots[i].sent : &slots[i].got);
    return sum;
}

static uint64_t mailboxes(void)
{
    static cop_pid pids[SLOTS * 8];
    static cop_info info;
    size_t live = cop_actors(pids, SLOTS * 8);
    uint64_t sum = 0;

    STRESS_CHECK(live <= SLOTS * 8, "%zu actors left", live);
    for (size_t i = 0; i < live; i++)
        if (cop_info_get(pids[i], &info) == 0)
            sum += info.queue;
    return sum;
}

static cop_counters balance(void)
{
    uint64_t sum = mailboxes();
    cop_counters c;

    cop_counters_get(&c);
    STRESS_CHECK(c.sent == c.received + c.dead_letters + c.dropped + c.queued,
                 "sent=%" PRIu64 " received=%" PRIu64 " dead=%" PRIu64
                 " dropped=%" PRIu64 " queued=%" PRIu64,
                 c.sent, c.received, c.dead_letters, c.dropped, c.queued);
    STRESS_CHECK(sum >= c.queued, "mailboxes hold %" PRIu64 ", queued=%" PRIu64,
                 sum, c.queued);
    STRESS_CHECK(total(true) <= c.sent && total(false) <= c.received,
                 "own counts %" PRIu64 " and %" PRIu64 " are above",
                 total(true), total(false));
    return c;
}

static void quiesce(void)
{
    STRESS_OK(cop_ext_quiesce(30 * stress_slow() * COP_SEC));
}

static void check_with_mail_left(cop_pid alone)
{
    cop_counters c;

    for (int i = 0; i < LIMIT; i++)
        STRESS_OK(cop_send(alone, TAG_CHILD, NULL, 0));
    quiesce();
    c = balance();
    STRESS_CHECK(c.queued >= LIMIT, "only %" PRIu64 " left", c.queued);
}

static cop_counters check_with_none_left(cop_pid alone)
{
    cop_counters c;

    STRESS_OK(cop_send(alone, TAG_NEVER, NULL, 0));
    for (int i = 0; i < SLOTS; i++)
        STRESS_OK(cop_send((cop_pid){get(&slots[i].pid)}, TAG_NEVER, NULL, 0));
    quiesce();
    c = balance();
    STRESS_CHECK(c.queued == 0 && mailboxes() == 0, "mail was left");
    return c;
}

static void empty_slots(void)
{
    for (int i = 0; i < SLOTS; i++) {
        uint32_t incarnation = slots[i].incarnation;

        memset(&slots[i], 0, sizeof(slots[i]));
        slots[i].incarnation = incarnation;
    }
    atomic_store_explicit(&halt, false, memory_order_relaxed);
}

static cop_counters run(unsigned workers, uint64_t n, uint64_t before)
{
    cop_counters c;
    cop_pid alone;
    size_t bytes;

    empty_slots();
    bytes = cop_ext_bytes_in_use();
    stress_start(workers, NULL);
    STRESS_OK(cop_spawn(NULL, keeper, NULL, NULL));
    STRESS_OK(cop_spawn(&alone, hermit, NULL, NULL));
    while (total(true) < n) {
        stress_nap(COP_MS);
        stress_beat(before + total(true));
    }
    atomic_store_explicit(&halt, true, memory_order_relaxed);
    stress_nap(10 * COP_MS);
    check_with_mail_left(alone);
    c = check_with_none_left(alone);
    stress_stop();
    STRESS_CHECK(cop_ext_bytes_in_use() <= bytes, "%zu bytes left behind",
                 cop_ext_bytes_in_use() - bytes);
    return c;
}

int main(int argc, char **argv)
{
    static const unsigned workers[] = {1, 2, 8};
    uint64_t sent = 0, received = 0, dead = 0;
    unsigned runs;

    stress_begin(argc, argv,
                 "N messages among actors that spawn, link, kill and break; "
                 "on 1, 2 and 8 workers in turn.",
                 100000000);
    runs = stress.workers != 0 ? 1 : 3;
    fill_dice();
    (void)cop_because("axe");
    for (unsigned i = 0; i < runs; i++) {
        cop_counters c = run(workers[i], stress.n / runs + 1, sent);

        streams += 1000000;
        sent += c.sent;
        received += c.received;
        dead += c.dead_letters + c.dropped;
    }
    return stress_ok("sent=%" PRIu64 " received=%" PRIu64 " dead=%" PRIu64
                     " deaths=%" PRIu64,
                     sent, received, dead, get(&deaths));
}
