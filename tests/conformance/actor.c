/* SPDX-License-Identifier: MIT
 *
 * actor.c - scripted actors, and how any process begins.
 *
 * A scripted actor is a coroutine actor. One that is not eager receives by the
 * tag of steps alone, so that its mailbox keeps everything else.
 *
 * As the child of a supervisor it is a plain function, if nothing depends on
 * when it begins to run (step_sup.c). Else it is started by a function of our
 * own, as anything may be that is neither a plain function, a server nor a
 * supervisor: its init can take time and fail, and the supervisor waits for it.
 * The wait is for the child's ack, or its DOWN; whatever a failed one leaves is
 * consumed.
 */
#include "tests/conformance/script.h"

#include <stdlib.h>
#include <string.h>

/* An actor's argument. */
struct boot {
    const struct role *role;
    cop_alias ack; /* zero: nobody waits */
};

/* ------------------------------------------------------------- beginning -- */

void begin_as(const struct role *role)
{
    sup_announce(role, cop_parent());
    world_bind(role->who, cop_self());
    if (role->opts.trap)
        (void)cop_trap_exit(true);
}

/* The n-th of "ok,fail:boom,ignore+", n from 1. Not closed by a zero. */
static const char *nth_outcome(const char *list, unsigned n, size_t *length)
{
    const char *comma;

    while ((comma = strchr(list, ',')) != NULL && n-- > 1)
        list = comma + 1;
    *length = strcspn(list, ",");
    if (comma != NULL || n <= 1)
        return list;
    return list[*length - 1] == '+' ? list : NULL; /* past the last one */
}

enum outcome init_as(const struct role *role, cop_reason *why)
{
    unsigned n = world_count_start(role->counted);
    char word[LINE_TEXT] = "ok";
    char reason[REASON_TEXT];
    const char *o = NULL;
    size_t length = 0;

    if (role->opts.initslow > 0)
        cop_sleep(role->opts.initslow);
    if (role->opts.init != NULL)
        o = nth_outcome(role->opts.init, n, &length);
    if (o != NULL) {
        memcpy(word, o, length);
        word[length] = '\0';
        word[strcspn(word, "+")] = '\0';
    }
    if (strcmp(word, "ok") == 0) {
        world_started(role->who, cop_self());
        return START_OK;
    }
    world_start_failed(cop_self());
    if (strncmp(word, "fail:", 5) != 0) {
        world_log(role->who->name, "start ignore");
        return START_IGNORE;
    }
    *why = reason_of(word + 5);
    world_log(role->who->name, "start fail %s", reason_text(*why, reason));
    return START_FAIL;
}

/* ------------------------------------------------------------- the actor -- */

static void say_started(const struct boot *b, int code)
{
    if (!cop_pid_is_none(b->ack.pid))
        (void)cop_send_alias(b->ack, TAG_ACK, &code, sizeof code);
}

static void take_steps(const struct role *role)
{
    const char *me = role->who->name;
    const cop_msg *m;
    int rc;

    for (;;) {
        rc = role->opts.eager ? cop_recv(&m, COP_FOREVER)
                              : cop_recv_tag(&m, TAG_STEP, COP_FOREVER);
        if (rc != 0)
            abort();
        if (cop_msg_tag(m) == TAG_STEP)
            step_run(me, cop_msg_as(m, struct order)->step);
        else
            log_message(me, "got", m);
    }
}

static void actor_main(void *arg)
{
    const struct boot *b = arg;
    cop_reason why;

    begin_as(b->role);
    switch (init_as(b->role, &why)) {
    case START_OK:
        say_started(b, 0);
        take_steps(b->role);
        break;
    case START_IGNORE:
        say_started(b, COP_EIGNORE);
        break;
    case START_FAIL:
        cop_exit(why);
    }
}

static int spawn(cop_pid *out, const struct boot *b, cop_opts opts)
{
    opts.arg_bytes = sizeof *b;
    opts.label = b->role->who->name;
    return cop_spawn(out, actor_main, (void *)b, &opts);
}

int actor_spawn(cop_pid *out, const struct role *role, cop_opts opts)
{
    const struct boot b = {.role = role};

    opts.trap_exit = role->opts.trap;
    return spawn(out, &b, opts);
}

/* ------------------------------------------------------------ as a child -- */

void actor_child(void *arg)
{
    const struct role *role = arg;
    cop_reason why;

    begin_as(role);
    if (init_as(role, &why) == START_OK)
        take_steps(role);
}

/* Takes a message out of the mailbox if it is there. */
static bool consume(const cop_match *what)
{
    const cop_msg *m;

    return cop_recv_match(&m, what, 1, COP_POLL) == 0;
}

static int await_child(cop_pid child, cop_alias ack, cop_ref monitor,
                       cop_reason *why)
{
    const cop_match either[] = {{.tag = TAG_ACK, .ref = ack.ref},
                                {.tag = COP_DOWN, .ref = monitor}};
    const cop_match its_exit = {.tag = COP_EXIT, .from = child};
    const cop_msg *m;
    int code = COP_EDOWN;

    if (cop_recv_match(&m, either, 2, COP_FOREVER) == 0) {
        code = *cop_msg_as(m, int);
        if (code == 0) {
            (void)cop_demonitor(monitor, true);
            return 0;
        }
        if (cop_recv_ref(&m, monitor, COP_FOREVER) != 0)
            abort();
    } else {
        (void)cop_unalias(ack.ref);
        *why = cop_reason_retain(cop_msg_reason(m));
    }
    (void)consume(&its_exit);
    return code;
}

int actor_start_child(cop_pid *out, void *arg, cop_reason *why)
{
    struct boot b = {.role = arg};
    cop_opts opts = {.link = true};
    cop_ref monitor;
    int rc;

    sup_announce(b.role, cop_self());
    rc = cop_alias_new(&b.ack, COP_ALIAS_REPLY);
    if (rc != 0)
        return rc;
    opts.monitor = &monitor;
    rc = spawn(out, &b, opts);
    if (rc != 0)
        return rc;
    return await_child(*out, b.ack, monitor, why);
}
