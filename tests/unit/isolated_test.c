/* SPDX-License-Identifier: MIT
 *
 * isolated_test.c - isolated actors are actors: what others see of them and
 * what they see of others. How they end is in isolated_end_test.c.
 *
 * Code that runs in the other process checks with `must`, which ends it by
 * abort(): the check library's bookkeeping is this process'.
 */
#include "tests/support/isolated.h"

/* What an isolated actor is told to do. */
enum {
    TAG_ECHO = 1,
    TAG_PING,
    TAG_PONG,
    TAG_TO,
    TAG_NAMED,
    TAG_CALL_IT,
    TAG_TICK,
    TAG_GO,
    TAG_DONE
};

/* --------------------------------------------------------------- messages */

static void echo(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;) {
        must(cop_recv(&m, COP_FOREVER) == 0);
        if (cop_msg_how(m) == COP_MSG_CALL)
            must(cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m)) ==
                 0);
        else
            must(cop_send(cop_msg_sender(m), cop_msg_tag(m), cop_msg_body(m),
                          cop_msg_size(m)) == 0);
    }
}

static void body_calls(void *arg)
{
    cop_pid p = isolated(echo, NULL);
    (void)arg;
    for (int i = 0; i < 100; i++) {
        int got = -1;
        ck_assert_int_eq(
            cop_call(p, TAG_ECHO, &i, sizeof i, &got, sizeof got, patience()),
            (int)sizeof i);
        ck_assert_int_eq(got, i);
    }
}

START_TEST(answers_calls)
{
    isolated_test(body_calls);
}
END_TEST

/* More than the pipes hold, both ways at once, and in order. */
static void body_streams(void *arg)
{
    enum { N = 200, SIZE = 30000 };
    static char block[SIZE];
    cop_pid p = isolated(echo, NULL);
    const cop_msg *m;
    (void)arg;
    for (int i = 0; i < N; i++) {
        memset(block, i, sizeof block);
        ck_assert_int_eq(cop_send(p, TAG_PING, block, sizeof block), 0);
    }
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PING, patience()), 0);
        ck_assert_uint_eq(cop_msg_size(m), sizeof block);
        memset(block, i, sizeof block);
        ck_assert_int_eq(memcmp(cop_msg_body(m), block, sizeof block), 0);
    }
}

START_TEST(streams_more_than_fits)
{
    isolated_test(body_streams);
}
END_TEST

static void body_large(void *arg)
{
    size_t size = 5 << 20;
    unsigned char *block = malloc(size);
    cop_pid p = isolated(echo, NULL);
    cop_msg *reply;
    (void)arg;
    for (size_t i = 0; i < size; i++)
        block[i] = (unsigned char)(i * 7 + i / 4096);
    ck_assert_int_eq(cop_call_msg(&reply, p, TAG_ECHO, block, size, patience()),
                     0);
    ck_assert_uint_eq(cop_msg_size(reply), size);
    ck_assert_int_eq(memcmp(cop_msg_body(reply), block, size), 0);
    cop_msg_free(reply);
    free(block);
}

START_TEST(sends_large_bodies_in_pieces)
{
    isolated_test(body_large);
}
END_TEST

struct task {
    cop_pid who;
    int number;
};

static void calls_out(void *arg)
{
    const struct task *t = arg;
    int got = 0;
    int rc = cop_call(t->who, TAG_ECHO, &t->number, sizeof t->number, &got,
                      sizeof got, cop_in(10 * COP_SEC));
    must(rc == (int)sizeof got && got == t->number + 1);
    cop_ref r;
    must(cop_request(&r, t->who, TAG_ECHO, &got, sizeof got) == 0);
    const cop_msg *m;
    must(cop_recv_ref(&m, r, cop_in(10 * COP_SEC)) == 0);
    must(*cop_msg_as(m, int) == t->number + 2);
    /* nobody answers that */
    must(cop_call(t->who, TAG_GO, NULL, 0, NULL, 0, cop_in(20 * COP_MS)) ==
         COP_ETIMEDOUT);
    must(cop_send(t->who, TAG_DONE, &got, sizeof got) == 0);
    must(cop_recv_tag(&m, TAG_DONE, cop_in(10 * COP_SEC)) == 0);
}

static void body_calls_out(void *arg)
{
    struct task t = {cop_self(), 41};
    const cop_msg *m;
    cop_from late = {0};
    cop_ref down;
    (void)arg;
    cop_pid p = isolated_with(
        calls_out, &t, &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    for (;;) {
        ck_assert_int_eq(cop_recv(&m, patience()), 0);
        if (cop_msg_tag(m) == TAG_DONE)
            break;
        ck_assert(cop_pid_eq(cop_msg_sender(m), p));
        if (cop_msg_tag(m) == TAG_GO) {
            late = cop_msg_from(m);
            continue;
        }
        ck_assert_int_eq(cop_msg_tag(m), TAG_ECHO);
        int n = *cop_msg_as(m, int) + 1;
        ck_assert_int_eq(cop_reply(cop_msg_from(m), &n, sizeof n), 0);
    }
    ck_assert_int_eq(*cop_msg_as(m, int), 42);
    ck_assert_int_eq(cop_reply(late, NULL, 0), COP_EREPLIED);
    ck_assert_int_eq(cop_send(p, TAG_DONE, NULL, 0), 0);
    ends_with(down, "normal");
}

START_TEST(calls_others)
{
    isolated_test(body_calls_out);
}
END_TEST

/* ----------------------------------------------------------------- names */

static void has_names(void *arg)
{
    const cop_pid *root = arg;
    must(cop_pid_eq(cop_whereis("born_with"), cop_self()));
    must(cop_pid_is_none(cop_whereis("nobody")));
    must(cop_unregister("born_with") == 0);
    must(cop_unregister("born_with") == COP_ENOENT);
    must(cop_register("chosen", cop_self()) == 0);
    must(cop_register("root", cop_self()) == COP_ETAKEN);
    must(cop_register("", cop_self()) == COP_ENAME);
    must(cop_pid_eq(cop_whereis("root"), *root));
    must(cop_pid_eq(cop_parent(), *root));
    must(cop_is_alive(*root));
    must(!cop_is_alive((cop_pid){root->id + (1ull << 24)}));
    must(cop_send_name("root", TAG_NAMED, NULL, 0) == 0);
    must(cop_send_name("nobody", TAG_NAMED, NULL, 0) == COP_ENOPROC);
    must(cop_send_after(NULL, 2 * COP_MS, *root, TAG_TICK, NULL, 0) == 0);
    must(cop_send_after_name(NULL, 4 * COP_MS, "root", TAG_GO, NULL, 0) == 0);
    const cop_msg *m;
    must(cop_send_after(NULL, COP_MS, cop_self(), TAG_TICK, NULL, 0) == 0);
    must(cop_recv_tag(&m, TAG_TICK, cop_in(5 * COP_SEC)) == 0);
    must(cop_recv_tag(&m, TAG_DONE, cop_in(5 * COP_SEC)) == 0);
}

static void body_names(void *arg)
{
    cop_pid self = cop_self();
    const cop_msg *m;
    cop_ref down;
    (void)arg;
    ck_assert_int_eq(cop_register("root", self), 0);
    cop_pid p = isolated_with(has_names, &self,
                              &(cop_opts){.arg_bytes = sizeof self,
                                          .name = "born_with",
                                          .monitor = &down});
    ck_assert_int_eq(cop_recv_tag(&m, TAG_NAMED, patience()), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), p));
    ck_assert_int_eq(cop_recv_tag(&m, TAG_TICK, patience()), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, patience()), 0);
    ck_assert(cop_pid_eq(cop_whereis("chosen"), p));
    ck_assert_int_eq(cop_send_name("chosen", TAG_DONE, NULL, 0), 0);
    ends_with(down, "normal");
    ck_assert(cop_pid_is_none(cop_whereis("chosen")));
}

START_TEST(names_and_timers_work_across)
{
    isolated_test(body_names);
}
END_TEST

/* -------------------------------------------------------- links, monitors */

static void watches(void *arg)
{
    const cop_pid *who = arg;
    const cop_msg *m;
    cop_ref r, gone, named;
    must(cop_monitor(&gone, *who) == 0);
    must(cop_demonitor(gone, true));
    must(cop_monitor_name(&named, "victim") == 0);
    must(cop_monitor(&r, *who) == 0);
    must(cop_exit_signal(*who, cop_because("shot")) == 0);
    must(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)) == 0);
    must(strcmp(cop_reason_name(cop_msg_reason(m)), "shot") == 0);
    must(cop_pid_eq(cop_msg_sender(m), *who));
    must(cop_recv_ref(&m, named, cop_in(5 * COP_SEC)) == 0);
    must(strcmp(cop_msg_name(m), "victim") == 0);
    must(cop_recv_ref(&m, gone, COP_POLL) == COP_ETIMEDOUT);
    must(cop_monitor(&r, *who) == 0);
    must(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)) == 0);
    must(cop_reason_kind(cop_msg_reason(m)) == COP_R_NOPROC);
    must(!cop_is_alive(*who));
    cop_exit(cop_because_fmt("well", "%s", "done"));
}

static void idles(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;)
        must(cop_recv(&m, COP_FOREVER) == 0);
}

static void body_monitors(void *arg)
{
    cop_pid victim;
    cop_ref down;
    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&victim, idles, NULL, &(cop_opts){.name = "victim"}), 0);
    isolated_with(watches, &victim,
                  &(cop_opts){.arg_bytes = sizeof victim, .monitor = &down});
    ends_with(down, "{well, \"done\"}");
}

START_TEST(monitors_others)
{
    isolated_test(body_monitors);
}
END_TEST

static void traps(void *arg)
{
    const cop_pid *who = arg;
    const cop_msg *m;
    must(!cop_trap_exit(true));
    must(cop_link(*who) == 0);
    must(cop_unlink(*who) == 0);
    must(cop_link(*who) == 0);
    must(cop_exit_signal(*who, cop_because("shot")) == 0);
    must(cop_recv_tag(&m, COP_EXIT, cop_in(5 * COP_SEC)) == 0);
    must(cop_pid_eq(cop_msg_sender(m), *who));
    must(strcmp(cop_reason_name(cop_msg_reason(m)), "shot") == 0);
    must(cop_link(*who) == 0);
    must(cop_recv_tag(&m, COP_EXIT, cop_in(5 * COP_SEC)) == 0);
    must(cop_reason_kind(cop_msg_reason(m)) == COP_R_NOPROC);
    must(cop_exit_signal(cop_self(), cop_because("mine")) == 0);
    must(cop_recv_tag(&m, COP_EXIT, COP_POLL) == 0);
    must(cop_trap_exit(false));
    must(cop_link(*who) == 0);
    must(false);
}

static void body_traps(void *arg)
{
    cop_pid victim;
    cop_ref down;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&victim, idles, NULL, NULL), 0);
    isolated_with(traps, &victim,
                  &(cop_opts){.arg_bytes = sizeof victim, .monitor = &down});
    ends_with(down, "noproc");
}

START_TEST(links_and_traps)
{
    isolated_test(body_traps);
}
END_TEST

static void unlinks_in_a_storm(void *arg)
{
    const cop_pid *who = arg;
    const cop_msg *m;
    (void)cop_trap_exit(true);
    must(cop_link(*who) == 0);
    must(cop_send(*who, TAG_GO, NULL, 0) == 0);
    must(cop_recv_tag(&m, TAG_TICK, cop_in(5 * COP_SEC)) == 0);
    must(cop_unlink(*who) == 0);
    int before = cop_recv_tag(&m, COP_EXIT, COP_POLL) == 0;
    must(cop_recv_tag(&m, TAG_DONE, cop_in(5 * COP_SEC)) == 0);
    must(cop_recv_tag(&m, COP_EXIT, cop_in(5 * COP_MS)) == COP_ETIMEDOUT);
    cop_exit(cop_because(before ? "before" : "never"));
}

static void dies_when_told(void *arg)
{
    const cop_msg *m;
    (void)arg;
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
    cop_pid to = cop_msg_sender(m);
    for (int i = 0; i < 300; i++)
        (void)cop_send(to, TAG_TICK, NULL, 0);
    (void)cop_send(to, TAG_DONE, NULL, 0);
    cop_exit(cop_because("told"));
}

/* After an unlink has returned no exit signal arrives any more. */
static void body_unlink(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        cop_pid p;
        cop_ref down;
        char why[COP_REASON_TEXT];
        ck_assert_int_eq(cop_spawn(&p, dies_when_told, NULL, NULL), 0);
        isolated_with(unlinks_in_a_storm, &p,
                      &(cop_opts){.arg_bytes = sizeof p, .monitor = &down});
        reason_of(down, why);
        ck_assert_msg(strcmp(why, "before") == 0 || strcmp(why, "never") == 0,
                      "%s", why);
    }
}

START_TEST(unlink_is_exact)
{
    isolated_test(body_unlink);
}
END_TEST

static void body_linked(void *arg)
{
    const cop_msg *m;
    char text[COP_REASON_TEXT];
    (void)arg;
    (void)cop_trap_exit(true);
    cop_pid p = isolated_with(idles, NULL, &(cop_opts){.link = true});
    ck_assert_int_eq(cop_exit_signal(p, cop_because("go")), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, patience()), 0);
    ck_assert_str_eq(cop_reason_str(cop_msg_reason(m), text, sizeof text),
                     "go");
    ck_assert(cop_pid_eq(cop_msg_sender(m), p));
}

START_TEST(spawned_linked)
{
    isolated_test(body_linked);
}
END_TEST

/* --------------------------------------------------------------- handlers */

struct count {
    int n;
};

static int count_init(void *state, void *arg)
{
    ((struct count *)state)->n = *(const int *)arg;
    return 0;
}

static void count_message(void *state, const cop_msg *m)
{
    struct count *c = state;
    c->n++;
    if (cop_msg_how(m) == COP_MSG_CALL)
        (void)cop_reply(cop_msg_from(m), &c->n, sizeof c->n);
}

static const cop_handler count_handler = {.state_bytes = sizeof(struct count),
                                          .init = count_init,
                                          .message = count_message};

static void body_handler(void *arg)
{
    cop_pid p;
    int first = 5, got = 0;
    const cop_opts opts = {.isolation = COP_ISOLATED,
                           .arg_bytes = sizeof first};
    (void)arg;
    ck_assert_int_eq(cop_spawn_handler(&p, &count_handler, &first, &opts), 0);
    ck_assert_int_eq(cop_send(p, TAG_PING, NULL, 0), 0);
    ck_assert_int_eq(
        cop_call(p, TAG_ECHO, NULL, 0, &got, sizeof got, patience()),
        (int)sizeof got);
    ck_assert_int_eq(got, 7);
}

START_TEST(runs_handlers)
{
    isolated_test(body_handler);
}
END_TEST

/* ---------------------------------------------------------------- servers */

struct sum {
    int n;
};

static cop_next sum_init(void *state, void *arg)
{
    ((struct sum *)state)->n = *(const int *)arg;
    return ((struct sum *)state)->n < 0 ? cop_next_stop(cop_because("negative"))
                                        : cop_next_wait();
}

static cop_next sum_call(void *state, const cop_msg *m, cop_from from)
{
    struct sum *s = state;
    s->n += *cop_msg_as(m, int);
    must(cop_reply(from, &s->n, sizeof s->n) == 0);
    return cop_next_wait();
}

static const cop_server sum_server = {
    .state_bytes = sizeof(struct sum), .init = sum_init, .call = sum_call};

static void body_server(void *arg)
{
    int n = 5, two = 2, got = 0;
    const cop_server_opts opts = {
        .spawn = {.isolation = COP_ISOLATED, .arg_bytes = sizeof n}};
    cop_reason why;
    cop_pid p;
    char text[COP_REASON_TEXT];
    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &sum_server, &n, &opts, &why), 0);
    for (int i = 1; i <= 10; i++) {
        ck_assert_int_eq(cop_call(p, TAG_ECHO, &two, sizeof two, &got,
                                  sizeof got, patience()),
                         (int)sizeof got);
        ck_assert_int_eq(got, 5 + 2 * i);
    }
    ck_assert_int_eq(cop_server_stop(p, COP_SHUTDOWN, patience(), &why), 0);
    ck_assert(!cop_is_alive(p));
    n = -1;
    ck_assert_int_eq(cop_server_start(&p, &sum_server, &n, &opts, &why),
                     COP_EDOWN);
    ck_assert_str_eq(cop_reason_str(why, text, sizeof text), "negative");
    cop_reason_release(why);
}

START_TEST(runs_servers)
{
    isolated_test(body_server);
}
END_TEST

static void body_supervised_server(void *arg)
{
    static int first = 100;
    static const cop_child kids[] = {
        {.id = "sum",
         .server = &sum_server,
         .arg = &first,
         .opts = {.name = "sum", .isolation = COP_ISOLATED}}};
    static const cop_sup spec = {
        .intensity = 10, .children = kids, .nchildren = 1};
    int two = 2, got = 0;
    cop_pid sup;
    (void)arg;
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    for (int i = 0; i < 5; i++) {
        cop_pid p = cop_whereis("sum");
        ck_assert_int_eq(cop_call(p, TAG_ECHO, &two, sizeof two, &got,
                                  sizeof got, patience()),
                         (int)sizeof got);
        ck_assert_int_eq(got, 102);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        cop_time end = patience();
        while ((cop_pid_eq(cop_whereis("sum"), p) ||
                cop_pid_is_none(cop_whereis("sum"))) &&
               cop_now() < end)
            cop_sleep(COP_MS);
    }
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, patience(), NULL), 0);
    ck_assert(cop_pid_is_none(cop_whereis("sum")));
}

START_TEST(supervised_servers)
{
    isolated_test(body_supervised_server);
}
END_TEST

/* -------------------------------------------------------------- refusals */

static void spawns_within(void *arg)
{
    static const cop_event_handler none;
    cop_pid p;
    const cop_pid *root = arg;
    must(cop_send(*root, COP_TAG_BEHAVIOUR, NULL, 0) == COP_ENOTSUP);
    must(cop_sup_start_child(*root, &p, &(cop_child){.id = "x", .fn = idles},
                             NULL) == COP_ENOTSUP);
    must(cop_sys_suspend(*root, COP_FOREVER) == COP_ENOTSUP);
    must(cop_event_add_handler(*root, (cop_event_id){&none, 0}, NULL, 0,
                               NULL) == COP_ENOTSUP);
    must(cop_app_stop("none") == COP_ENOTSUP);
    must(cop_start_timer(NULL, 1, *root, NULL, 0) == COP_ENOTSUP);
    must(cop_spawn(&p, idles, NULL, NULL) == 0);
}

static void release(void *arg)
{
    (void)arg;
}

static void body_refusals(void *arg)
{
    const cop_limits limits = {.cpu_seconds = 1};
    cop_pid self = cop_self();
    cop_ref down;
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, idles, NULL,
                               &(cop_opts){.isolation = COP_ISOLATED,
                                           .arg_release = release}),
                     COP_EINVAL);
    ck_assert_int_eq(cop_spawn(&p, idles, NULL, &(cop_opts){.limits = &limits}),
                     COP_EINVAL);
    ck_assert_int_eq(
        cop_spawn(&p, idles, NULL, &(cop_opts){.seccomp = COP_SECCOMP_COMPUTE}),
        COP_EINVAL);
    ck_assert_int_eq(
        cop_event_start(&p, &(cop_opts){.isolation = COP_ISOLATED}),
        COP_ENOTSUP);
    isolated_with(spawns_within, &self,
                  &(cop_opts){.monitor = &down, .arg_bytes = sizeof self});
    ends_with(down, "normal");
}

START_TEST(refuses_what_it_cannot)
{
    isolated_test(body_refusals);
}
END_TEST

static void body_without(void *arg)
{
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&p, idles, NULL, &(cop_opts){.isolation = COP_ISOLATED}),
        COP_ENOTSUP);
}

START_TEST(needs_a_zygote)
{
    actor_test(body_without, NULL);
}
END_TEST

START_TEST(starts_and_stops_again)
{
    for (int i = 0; i < 3; i++)
        isolated_test(body_calls);
}
END_TEST

static const TTest *const cases[] = {
    answers_calls,
    streams_more_than_fits,
    sends_large_bodies_in_pieces,
    calls_others,
    names_and_timers_work_across,
    monitors_others,
    links_and_traps,
    unlink_is_exact,
    spawned_linked,
    runs_handlers,
    runs_servers,
    supervised_servers,
    refuses_what_it_cannot,
    needs_a_zygote,
    starts_and_stops_again,
};
ISOLATED_MAIN("isolated", cases)
