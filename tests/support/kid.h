/* SPDX-License-Identifier: MIT
 *
 * kid.h - scripted servers and actors for tests of behaviours, and a notebook
 * in which they write what happens to them, in order.
 *
 *     static struct kid a = {.name = "a", .trap = true};
 *     ...
 *     kid_start(&a, true);                   linked to the caller
 *     kid_send(a.pid, KID_CRASH, 0, "boom");
 *     settle();
 *     notes_are("a start|a terminate boom|");
 *
 * As most tests run with virtual time (actor_test.h), settle() lets the system
 * come to rest: the clock moves only when nothing else can.
 */
#ifndef COPPICE_TESTS_KID_H
#define COPPICE_TESTS_KID_H

#include <pthread.h>
#include <stdarg.h>

#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

/* ------------------------------------------------------------- notebook -- */

static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;
static char notes_text[16384];
static size_t notes_used;

/* Any thread. */
__attribute__((format(printf, 1, 2), unused)) static void note(const char *fmt,
                                                               ...)
{
    va_list ap;
    char line[COP_REASON_TEXT + 128];
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&notes_lock);
    notes_used += (size_t)snprintf(notes_text + notes_used,
                                   sizeof notes_text - notes_used, "%s|", line);
    if (notes_used >= sizeof notes_text)
        notes_used = sizeof notes_text - 1;
    pthread_mutex_unlock(&notes_lock);
}

/* What was noted since the last time. */
__attribute__((unused)) static void notes_are(const char *want)
{
    char have[sizeof notes_text];
    pthread_mutex_lock(&notes_lock);
    memcpy(have, notes_text, sizeof have);
    notes_used = 0;
    notes_text[0] = '\0';
    pthread_mutex_unlock(&notes_lock);
    ck_assert_str_eq(have, want);
}

__attribute__((unused)) static void notes_forget(void)
{
    pthread_mutex_lock(&notes_lock);
    notes_used = 0;
    notes_text[0] = '\0';
    pthread_mutex_unlock(&notes_lock);
}

/* ----------------------------------------------------------------- kids -- */

struct kid {
    const char *name;
    bool trap;
    bool cont;        /* init says continue 0 */
    const char *init; /* "ok,ignore,fail:boom": the first, second ... start;
                         a `+` behind the last one repeats it */
    cop_time init_ns, terminate_ns;
    const char *terminate_exit; /* terminate exits with it */
    atomic_int starts;
    cop_pid pid; /* the newest, once its init began */
    cop_pid parent;
};

enum kid_tag {
    KID_ECHO = 1, /* calls: reply n */
    KID_ADD,      /* also a cast */
    KID_GET,
    KID_DEFER,  /* replies at a cast KID_REPLY */
    KID_STOP,   /* stop with `word`, reply n; also a cast */
    KID_STOPNR, /* the same without a reply */
    KID_CRASH,  /* cop_exit(word); also a cast and a message */
    KID_CONT,   /* reply n, continue n; also a cast */
    KID_LATE,   /* continue, which replies n */
    KID_SLOW,   /* busy for n ms; also a cast */
    KID_IDLE,   /* idle timeout of n ms; also a cast and a message */
    KID_SELF,   /* calls itself */
    KID_REPLY,  /* cast */
    KID_NOTE,   /* a message: noted */
    KID_UNLINK, /* a message: unlinks from its parent */
    KID_TRAP    /* a message: traps from now on if n */
};

struct kid_msg {
    int n;
    char word[24];
};

struct kid_state {
    struct kid *kid;
    int number;
    int ask;
    cop_from waiting;
    cop_from late;
};

static inline struct kid_msg kid_body(int n, const char *word)
{
    struct kid_msg b = {.n = n};
    snprintf(b.word, sizeof b.word, "%s", word ? word : "");
    return b;
}

static inline cop_reason kid_reason(const char *word)
{
    if (strncmp(word, "shutdown:", 9) == 0)
        return cop_shutdown_because(word + 9);
    return cop_because(word);
}

/* What this start comes to. */
static inline void kid_outcome(struct kid *k, char *out, size_t size)
{
    int at = atomic_fetch_add(&k->starts, 1);
    const char *p = k->init ? k->init : "";
    snprintf(out, size, "ok");
    for (int i = 0; *p != '\0'; i++) {
        size_t n = strcspn(p, ",");
        bool repeats = p[n - 1] == '+';
        if (i == at || (repeats && at > i)) {
            snprintf(out, size, "%.*s", (int)(n - repeats), p);
            return;
        }
        p += n + (p[n] == ',');
    }
}

static inline void kid_sleep(cop_time ns)
{
    if (ns > 0)
        cop_sleep(ns);
}

static inline cop_next kid_init(void *state, void *arg)
{
    struct kid_state *s = state;
    struct kid *k = arg;
    char outcome[32];
    ck_assert(s->kid == NULL && s->number == 0);
    s->kid = k;
    k->pid = cop_self();
    k->parent = cop_parent();
    if (k->trap)
        cop_trap_exit(true);
    kid_sleep(k->init_ns);
    kid_outcome(k, outcome, sizeof outcome);
    if (strcmp(outcome, "ok") == 0) {
        note("%s start", k->name);
        return k->cont ? cop_next_continue(0) : cop_next_wait();
    }
    note("%s %s", k->name, outcome);
    if (strcmp(outcome, "ignore") == 0)
        return cop_next_ignore();
    if (strncmp(outcome, "exit:", 5) == 0)
        cop_exit(cop_because(outcome + 5));
    return cop_next_stop(kid_reason(outcome + 5));
}

static inline void kid_reply(cop_from from, int n)
{
    (void)cop_reply(from, &n, sizeof n);
}

/* What calls and casts have in common. */
static inline cop_next kid_do(struct kid_state *s, cop_tag tag,
                              const struct kid_msg *b)
{
    switch (tag) {
    case KID_ADD:
        s->number += b->n;
        return cop_next_wait();
    case KID_STOPNR:
    case KID_STOP:
        return cop_next_stop(kid_reason(b->word));
    case KID_CRASH:
        cop_exit(kid_reason(b->word));
    case KID_CONT:
        return cop_next_continue((uint64_t)b->n);
    case KID_SLOW:
        cop_sleep(b->n * COP_MS);
        return cop_next_wait();
    case KID_IDLE:
        return cop_next_idle(b->n * COP_MS);
    default:
        return cop_next_wait();
    }
}

static inline cop_next kid_call_itself(void)
{
    int n = cop_call(cop_self(), KID_ECHO, NULL, 0, NULL, 0, COP_FOREVER);
    return cop_next_stop(
        cop_because(n == COP_EDEADLOCK ? "calling_self" : "strange"));
}

static inline cop_next kid_call(void *state, const cop_msg *m, cop_from from)
{
    struct kid_state *s = state;
    const struct kid_msg b = *cop_msg_as(m, struct kid_msg);
    cop_tag tag = cop_msg_tag(m);
    cop_next next;
    note("%s call %d", s->kid->name, (int)tag);
    switch (tag) {
    case KID_DEFER:
        s->waiting = from;
        return cop_next_wait();
    case KID_STOP:
        return cop_next_stop_reply(kid_reason(b.word), from, &b.n, sizeof b.n);
    case KID_LATE:
        s->late = from;
        return cop_next_continue((uint64_t)b.n);
    case KID_SELF:
        return kid_call_itself();
    default:
        next = kid_do(s, tag, &b);
        if (tag != KID_STOPNR)
            kid_reply(from, tag == KID_GET || tag == KID_ADD ? s->number : b.n);
        return next;
    }
}

static inline cop_next kid_cast(void *state, const cop_msg *m)
{
    struct kid_state *s = state;
    const struct kid_msg b = *cop_msg_as(m, struct kid_msg);
    note("%s cast %d", s->kid->name, (int)cop_msg_tag(m));
    if (cop_msg_tag(m) == KID_REPLY)
        kid_reply(s->waiting, b.n);
    return kid_do(s, cop_msg_tag(m), &b);
}

static inline void kid_note_message(const struct kid *k, const cop_msg *m)
{
    char why[COP_REASON_TEXT];
    switch (cop_msg_tag(m)) {
    case COP_EXIT:
    case COP_DOWN:
        note("%s got %s %s", k->name,
             cop_msg_tag(m) == COP_EXIT ? "EXIT" : "DOWN",
             cop_reason_str(cop_msg_reason(m), why, sizeof why));
        break;
    case COP_TIMEOUT:
        note("%s got TIMEOUT", k->name);
        break;
    default:
        note("%s got %u", k->name, (unsigned)cop_msg_tag(m));
    }
}

/* Of actors and servers: a message. */
static inline void kid_take(struct kid *k, const cop_msg *m)
{
    switch (cop_msg_tag(m)) {
    case KID_CRASH:
        cop_exit(kid_reason(cop_msg_as(m, struct kid_msg)->word));
    case KID_SLOW:
        cop_sleep(cop_msg_as(m, struct kid_msg)->n * COP_MS);
        break;
    case KID_UNLINK:
        ck_assert_int_eq(cop_unlink(cop_parent()), 0);
        break;
    case KID_TRAP:
        cop_trap_exit(cop_msg_as(m, struct kid_msg)->n != 0);
        break;
    default:
        kid_note_message(k, m);
    }
}

static inline cop_next kid_info(void *state, const cop_msg *m)
{
    struct kid_state *s = state;
    if (cop_msg_tag(m) == KID_IDLE)
        return cop_next_idle(cop_msg_as(m, struct kid_msg)->n * COP_MS);
    kid_take(s->kid, m);
    return cop_next_wait();
}

static inline cop_next kid_resume(void *state, uint64_t token)
{
    struct kid_state *s = state;
    note("%s continue %d", s->kid->name, (int)token);
    if (s->late.ref.id != 0)
        kid_reply(s->late, (int)token);
    s->late = (cop_from){0};
    if (token == 666)
        cop_exit(cop_because("resume"));
    return cop_next_wait();
}

static inline cop_next kid_timeout(void *state)
{
    struct kid_state *s = state;
    note("%s timeout", s->kid->name);
    return cop_next_wait();
}

static inline void kid_terminate(void *state, cop_reason why)
{
    struct kid_state *s = state;
    char text[COP_REASON_TEXT];
    note("%s terminate %s", s->kid->name,
         cop_reason_str(why, text, sizeof text));
    kid_sleep(s->kid->terminate_ns);
    if (s->kid->terminate_exit != NULL)
        cop_exit(cop_because(s->kid->terminate_exit));
}

static const cop_server kid_server = {
    .label = "kid",
    .state_bytes = sizeof(struct kid_state),
    .init = kid_init,
    .call = kid_call,
    .cast = kid_cast,
    .info = kid_info,
    .resume = kid_resume,
    .timeout = kid_timeout,
    .terminate = kid_terminate,
};

/* The same as a plain actor, the fn of a child. */
__attribute__((unused)) static void kid_actor(void *arg)
{
    struct kid *k = arg;
    const cop_msg *m;
    k->pid = cop_self();
    k->parent = cop_parent();
    if (k->trap)
        cop_trap_exit(true);
    atomic_fetch_add(&k->starts, 1);
    note("%s start", k->name);
    while (cop_recv(&m, COP_FOREVER) == 0)
        kid_take(k, m);
}

/* ------------------------------------------------------------- handling -- */

__attribute__((unused)) static int kid_start_why(struct kid *k, bool link,
                                                 cop_reason *why)
{
    const cop_server_opts opts = {.spawn.link = link};
    cop_pid pid;
    return cop_server_start(&pid, &kid_server, k, &opts, why);
}

__attribute__((unused)) static void kid_start(struct kid *k, bool link)
{
    ck_assert_int_eq(kid_start_why(k, link, NULL), 0);
}

/* Calls; the number that comes back, or the (negative) code. */
__attribute__((unused)) static int kid_ask(cop_pid pid, cop_tag tag, int n,
                                           const char *word)
{
    struct kid_msg b = kid_body(n, word);
    int answer = 0;
    int size = cop_call(pid, tag, &b, sizeof b, &answer, sizeof answer,
                        cop_in(5 * COP_SEC));
    if (size < 0)
        return size;
    ck_assert_int_eq(size, (int)sizeof answer);
    return answer;
}

__attribute__((unused)) static void kid_tell(cop_pid pid, cop_tag tag, int n,
                                             const char *word)
{
    struct kid_msg b = kid_body(n, word);
    ck_assert_int_eq(cop_cast(pid, tag, &b, sizeof b), 0);
}

__attribute__((unused)) static void kid_send(cop_pid pid, cop_tag tag, int n,
                                             const char *word)
{
    struct kid_msg b = kid_body(n, word);
    ck_assert_int_eq(cop_send(pid, tag, &b, sizeof b), 0);
}

/* Lets everything come to rest (virtual time only). */
__attribute__((unused)) static void settle(void)
{
    cop_sleep(2 * ACTOR_TEST_TICK_NS);
}

__attribute__((unused)) static void reason_is(cop_reason r, const char *want)
{
    char text[COP_REASON_TEXT];
    ck_assert_str_eq(cop_reason_str(r, text, sizeof text), want);
}

/* The same for one that the caller owns; releases it. */
__attribute__((unused)) static void reason_was(cop_reason r, const char *want)
{
    reason_is(r, want);
    cop_reason_release(r);
}

/* Waits for the DOWN of a monitor, or of a call, and checks its reason. */
__attribute__((unused)) static void down_says(cop_ref ref, const char *want)
{
    const cop_msg *m;
    ck_assert_int_eq(
        cop_recv_ref(&m, ref, cop_in(20 * COP_SEC * actor_test_slow())), 0);
    reason_is(cop_msg_reason(m), want);
}

/* Nothing is in the mailbox. */
__attribute__((unused)) static void mailbox_is_empty(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

/* The next EXIT is that of `pid`, with this reason. */
__attribute__((unused)) static void got_exit(cop_pid pid, const char *why)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, cop_in(5 * COP_SEC)), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), pid));
    reason_is(cop_msg_reason(m), why);
}

static const cop_config kid_virtual = {.workers = 2, .virtual_time = true};

/* A test whose body runs in virtual time. */
#define KID_TEST(test_name, body)                                              \
    START_TEST(test_name)                                                      \
    {                                                                          \
        actor_test(body, &kid_virtual);                                        \
    }                                                                          \
    END_TEST

#endif
