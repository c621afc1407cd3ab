/* SPDX-License-Identifier: MIT
 *
 * isolated_forge_test.c - what the process of an isolated actor writes of its
 * own making: nobody is spoken for, no call is answered that it was not given,
 * nothing is run that is no function of the program, and nobody else notices.
 *
 * The forger finds the memory that it shares with its proxy and writes records
 * there itself. From then on it must use nothing of the runtime that would.
 */
#include "tests/support/isolated.h"
#include "tests/support/scribble.h"

#include "runtime/api/isolated.h"

#include <coppice/inspect.h>

enum { TAG_GO = 1, TAG_ASK, TAG_ECHO, TAG_FORGED, TAG_OTHER };

/* What it is not to find in a message. */
#define VEIL UINT64_C(0x5a5a5a5a5a5a5a5a)

/* ---------------------------------------------------------------- forging */

static struct copi_pipe forged;

static void forge_begin(void)
{
    static struct scribble_range r[8];
    must(scribble_find(r, 8, "memfd:coppice") == 1);
    struct copi_isolated_shared *map = (void *)r[0].from;
    copi_pipe_init(&forged, &map->up);
    forged.at = atomic_load(&map->up.written);
}

static bool forge_put(void *unused, const void *p, size_t size)
{
    (void)unused;
    while (size > 0) {
        size_t n;
        must(copi_pipe_write(&forged, p, size, &n));
        p = (const char *)p + n;
        size -= n;
    }
    return true;
}

/* All that may be a bell is rung. */
static void forge(const struct copi_wire *w)
{
    const uint64_t one = 1;
    char link[64], path[64];
    must(copi_wire_emit(w, forge_put, NULL));
    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        if (strstr(link, "eventfd") != NULL)
            (void)!write(fd, &one, sizeof one);
    }
}

/* The orderly end, by the same way. */
static void forge_end(void)
{
    cop_reason why = cop_because("forged");
    forge(
        &(struct copi_wire){.head = {.kind = COPI_WIRE_ENDED}, .reason = &why});
    for (;;)
        cop_sleep(COP_SEC);
}

/* ---------------------------------------------------------------- replies */

struct task {
    cop_pid root, other;
    uint64_t veiled_pid, veiled_ref;
};

static void asker(void *arg)
{
    const struct task *t = arg;
    int got = 0;
    must(cop_call(t->other, TAG_ASK, NULL, 0, &got, sizeof got,
                  cop_in(20 * COP_SEC)) == (int)sizeof got);
    (void)cop_send(t->root, TAG_ECHO, &got, sizeof got);
}

static void answers_for_another(void *arg)
{
    const struct task *t = arg;
    const int lie = 666;
    forge_begin();
    forge(&(struct copi_wire){.head = {.kind = COPI_WIRE_MESSAGE,
                                       .flags = COPI_MSG_REPLY,
                                       .tag = COP_REPLY,
                                       .to = {t->veiled_pid ^ VEIL},
                                       .sender = t->root,
                                       .ref = {t->veiled_ref ^ VEIL}},
                              .body = &lie,
                              .body_bytes = sizeof lie});
    forge_end();
}

/* We are asked, and a forger answers before we do. */
static void body_reply(void *arg)
{
    struct task t = {cop_self(), cop_self(), 0, 0};
    const int truth = 7;
    const cop_msg *m;
    cop_ref down;
    cop_from from;
    cop_counters before, after;
    (void)arg;
    cop_dead_letters_to(cop_self());
    ck_assert_int_eq(
        cop_spawn(NULL, asker, &t, &(cop_opts){.arg_bytes = sizeof t}), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_ASK, patience()), 0);
    from = cop_msg_from(m);
    t.veiled_pid = from.pid.id ^ VEIL;
    t.veiled_ref = from.ref.id ^ VEIL;
    cop_counters_get(&before);
    cop_pid forger =
        isolated_with(answers_for_another, &t,
                      &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    ends_with(down, "forged");
    ck_assert_int_eq(cop_recv_tag(&m, COP_DEAD_LETTER, patience()), 0);
    const struct cop_dead_letter *d = cop_msg_as(m, struct cop_dead_letter);
    ck_assert_int_eq(d->reason, COP_DEAD_FORGED);
    ck_assert(cop_pid_eq(d->from, forger));
    ck_assert(cop_pid_eq(d->to, from.pid));
    cop_counters_get(&after);
    ck_assert_uint_gt(after.dead_letters, before.dead_letters);
    ck_assert_int_eq(cop_reply(from, &truth, sizeof truth), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_ECHO, patience()), 0);
    ck_assert_int_eq(*cop_msg_as(m, int), truth);
    cop_dead_letters_to(COP_NO_PID);
}

START_TEST(answers_no_call_of_anothers)
{
    isolated_test(body_reply);
}
END_TEST

/* Whom a call was passed on to may answer it: told in a message, in its
 * argument, or in an answer. */
static void answers_what_it_is_given(void *arg)
{
    const struct {
        cop_pid root;
        cop_from call;
    } *t = arg;
    const int n = 8;
    const cop_msg *m;
    cop_from in_answer;
    must(cop_reply(t->call, &n, sizeof n) == 0);
    must(cop_recv_tag(&m, TAG_GO, cop_in(10 * COP_SEC)) == 0);
    must(cop_reply(*cop_msg_as(m, cop_from), &n, sizeof n) == 0);
    must(cop_call(t->root, TAG_OTHER, NULL, 0, &in_answer, sizeof in_answer,
                  cop_in(10 * COP_SEC)) == (int)sizeof in_answer);
    must(cop_reply(in_answer, &n, sizeof n) == 0);
}

static cop_from asked(cop_pid self)
{
    struct task t = {self, self, 0, 0};
    const cop_msg *m;
    ck_assert_int_eq(
        cop_spawn(NULL, asker, &t, &(cop_opts){.arg_bytes = sizeof t}), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_ASK, patience()), 0);
    return cop_msg_from(m);
}

static void body_given(void *arg)
{
    struct {
        cop_pid root;
        cop_from call;
    } t = {cop_self(), asked(cop_self())};
    cop_from by_message = asked(cop_self()), by_answer = asked(cop_self());
    const cop_msg *m;
    cop_ref down;
    (void)arg;
    cop_pid p =
        isolated_with(answers_what_it_is_given, &t,
                      &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    ck_assert_int_eq(cop_send(p, TAG_GO, &by_message, sizeof by_message), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_OTHER, patience()), 0);
    ck_assert_int_eq(cop_reply(cop_msg_from(m), &by_answer, sizeof by_answer),
                     0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_recv_tag(&m, TAG_ECHO, patience()), 0);
        ck_assert_int_eq(*cop_msg_as(m, int), 8);
    }
    ends_with(down, "normal");
}

START_TEST(answers_calls_that_were_passed_on)
{
    isolated_test(body_given);
}
END_TEST

/* ---------------------------------------------------------------- senders */

static void speaks_for_another(void *arg)
{
    const struct task *t = arg;
    cop_reason why = cop_because("forged exit");
    forge_begin();
    forge(&(struct copi_wire){.head = {.kind = COPI_WIRE_MESSAGE,
                                       .tag = TAG_FORGED,
                                       .to = t->root,
                                       .sender = t->other}});
    forge(&(struct copi_wire){
        .head = {.kind = COPI_WIRE_EXIT, .to = t->root, .sender = t->other},
        .reason = &why});
    forge_end();
}

static void body_sender(void *arg)
{
    struct task t = {cop_self(), cop_parent(), 0, 0};
    const cop_msg *m;
    cop_ref down;
    (void)arg;
    (void)cop_trap_exit(true);
    cop_pid p =
        isolated_with(speaks_for_another, &t,
                      &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    ck_assert_int_eq(cop_recv_tag(&m, TAG_FORGED, patience()), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), p));
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, patience()), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), p));
    ends_with(down, "forged");
}

START_TEST(speaks_for_nobody_else)
{
    isolated_test(body_sender);
}
END_TEST

/* --------------------------------------------------------------- nonsense */

/* Each of these ends it. */
static const struct copi_wire_head nonsense[] = {
    {.kind = COPI_WIRE_ARG},
    {.kind = COPI_WIRE_DOWN},
    {.kind = COPI_WIRE_ANSWER},
    {.kind = COPI_WIRE_KINDS},
    {.kind = 255},
    {.kind = COPI_WIRE_MESSAGE, .tag = COP_TAG_ANY},
    {.kind = COPI_WIRE_MESSAGE, .tag = COP_DOWN},
    {.kind = COPI_WIRE_MESSAGE, .tag = COP_EXIT},
    {.kind = COPI_WIRE_MESSAGE, .tag = COP_DEAD_LETTER},
    {.kind = COPI_WIRE_MESSAGE, .tag = COP_TIMEOUT, .ref = {1}},
    {.kind = COPI_WIRE_MESSAGE, .tag = COPI_TAG_WAKE},
    {.kind = COPI_WIRE_MESSAGE, .tag = TAG_FORGED, .ref = {5}},
    {.kind = COPI_WIRE_MESSAGE,
     .tag = TAG_FORGED,
     .flags = COPI_MSG_CALL,
     .ref = {5}},
    {.kind = COPI_WIRE_MESSAGE,
     .tag = TAG_FORGED,
     .flags = COPI_MSG_CALL | COPI_MSG_ALIAS,
     .ref = {5}},
    {.kind = COPI_WIRE_MESSAGE, .tag = TAG_FORGED, .flags = COPI_MSG_ALIAS},
    {.kind = COPI_WIRE_MESSAGE, .tag = TAG_FORGED, .flags = COPI_MSG_SYSTEM},
    {.kind = COPI_WIRE_MESSAGE, .tag = TAG_FORGED, .flags = COPI_MSG_COUNTED},
    {.kind = COPI_WIRE_MESSAGE, .tag = TAG_FORGED, .flags = COPI_MSG_REPLY},
    {.kind = COPI_WIRE_MONITOR, .ref = {5}},
    {.kind = COPI_WIRE_ASK, .tag = COPI_ASK_COUNT},
    {.kind = COPI_WIRE_ASK, .tag = COPI_ASK_SPAWN},
};

struct nonsense_task {
    cop_pid root;
    size_t i;
};

static void talks_nonsense(void *arg)
{
    const struct nonsense_task *t = arg;
    struct copi_wire w = {.head = nonsense[t->i]};
    w.head.to = t->root;
    forge_begin();
    forge(&w);
    forge_end();
}

static void body_nonsense(void *arg)
{
    struct nonsense_task t = {cop_self(), 0};
    const cop_msg *m;
    (void)arg;
    for (t.i = 0; t.i < sizeof nonsense / sizeof nonsense[0]; t.i++) {
        cop_ref down;
        char why[COP_REASON_TEXT];
        isolated_with(talks_nonsense, &t,
                      &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
        reason_of(down, why);
        ck_assert_msg(strncmp(why, "{fault, protocol, ", 18) == 0,
                      "record %zu: %s", t.i, why);
        ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    }
}

START_TEST(nonsense_ends_it)
{
    isolated_test(body_nonsense);
}
END_TEST

/* ----------------------------------------------------------------- spawns */

static int ran;

static void ran_in_the_program(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

/* Addresses of all kinds for a function, a handler, an argument, a label. */
static void asks_for_wild_spawns(void *arg)
{
    uint64_t seed = *(const uint64_t *)arg;
    int local;
    forge_begin();
    for (int i = 0; i < 200; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned r = (unsigned)(seed >> 33);
        const uint64_t at[] = {(uintptr_t)&local,
                               (uintptr_t)&ran,
                               (uintptr_t)&nonsense[0] + r % 512,
                               (uintptr_t)ran_in_the_program + 1 + r % 3,
                               (uintptr_t)&free,
                               (uintptr_t)&system,
                               seed,
                               seed >> 17,
                               r,
                               (uintptr_t)forged.shared + r % 4096,
                               0};
        const size_t n = sizeof at / sizeof at[0];
        struct copi_wire_spawn w = {.entry = at[r % n],
                                    .flags = (r >> 8) & 1,
                                    .label = at[(r >> 4) % n],
                                    .arg = at[(r >> 12) % n]};
        forge(&(struct copi_wire){
            .head = {.kind = COPI_WIRE_ASK, .tag = COPI_ASK_SPAWN},
            .body = &w,
            .body_bytes = sizeof w});
    }
    forge_end();
}

static void body_spawns(void *arg)
{
    const cop_opts opts = {0};
    (void)arg;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        cop_ref down;
        cop_opts o = opts;
        o.monitor = &down;
        o.arg_bytes = sizeof seed;
        isolated_with(asks_for_wild_spawns, &seed, &o);
        ends_with(down, "forged");
    }
    ck_assert_int_eq(__atomic_load_n(&ran, __ATOMIC_RELAXED), 0);
}

static void swallow(const char *line)
{
    (void)line; /* each refusal says why */
}

START_TEST(wild_spawns_run_nothing)
{
    actor_test(body_spawns,
               &(cop_config){.workers = 2, .zygote = true, .log = swallow});
}
END_TEST

/* Records whose bodies are anything. */
static void asks_at_random(void *arg)
{
    uint64_t seed = *(const uint64_t *)arg;
    unsigned char body[256];
    forge_begin();
    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < sizeof body; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            body[k] = (unsigned char)(seed >> 56);
        }
        struct copi_wire w = {.head = {.kind = COPI_WIRE_ASK,
                                       .tag = body[1] % COPI_ASK_COUNT,
                                       .to = {body[2]},
                                       .ref = {body[3]}},
                              .body = body,
                              .body_bytes = sizeof body};
        if (w.head.tag != COPI_ASK_LINK)
            forge(&w);
    }
    forge_end();
}

static void body_random(void *arg)
{
    (void)arg;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        cop_ref down;
        char why[COP_REASON_TEXT];
        isolated_with(asks_at_random, &seed,
                      &(cop_opts){.arg_bytes = sizeof seed, .monitor = &down});
        reason_of(down, why);
        ck_assert_msg(strcmp(why, "forged") == 0 ||
                          strncmp(why, "{fault, protocol, ", 18) == 0,
                      "seed %d: %s", (int)seed, why);
    }
}

START_TEST(questions_may_be_anything)
{
    isolated_test(body_random);
}
END_TEST

static const TTest *const cases[] = {
    answers_no_call_of_anothers, answers_calls_that_were_passed_on,
    speaks_for_nobody_else,      nonsense_ends_it,
    wild_spawns_run_nothing,     questions_may_be_anything,
};
ISOLATED_MAIN("isolated_forge", cases)
