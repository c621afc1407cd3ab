/* SPDX-License-Identifier: MIT
 *
 * step_call.c - the steps of clients: starting, calling and stopping servers.
 *
 * Coppice tells a caller at once that a cycle of calls can never be answered;
 * in OTP all in it wait until a timeout. A scenario asks what OTP does, so a
 * call that is refused so is made again as a request, which is the same but
 * for that. A server that calls itself is refused by OTP too.
 */
#include "tests/conformance/script.h"

#include <stdlib.h>

/* ----------------------------------------------------------------- calls -- */

static cop_reason plain(cop_reason why)
{
    char text[REASON_TEXT];

    return reason_of(reason_text(why, text));
}

static int take_number(const cop_msg *m, int64_t *out)
{
    *out = cop_msg_as(m, struct number)->n;
    return 0;
}

/* A call without the search for cycles. */
static int call_patiently(cop_pid to, cop_tag tag, struct number body,
                          cop_time deadline, int64_t *reply, cop_reason *why)
{
    const cop_msg *m;
    cop_ref ref;
    int rc = cop_request(&ref, to, tag, &body, sizeof body);

    if (rc == 0 && cop_recv_ref(&m, ref, deadline) != 0) {
        cop_request_cancel(ref);
        rc = COP_ETIMEDOUT;
    }
    if (rc == 0 && cop_msg_tag(m) == COP_REPLY)
        return take_number(m, reply);
    *why = rc == 0 ? plain(cop_msg_reason(m)) : cop_because("timeout");
    return -1;
}

/* What a call that failed with `rc` exits with. */
static cop_reason reason_of_call(int rc)
{
    switch (rc) {
    case COP_EDOWN:
        return plain(cop_call_reason());
    case COP_ENOPROC:
        return COP_NOPROC;
    case COP_ETIMEDOUT:
        return cop_because("timeout");
    case COP_EDEADLOCK:
        return cop_because("calling_self");
    default:
        return cop_because(cop_error_name(rc));
    }
}

int call_server(const char *target, cop_tag tag, int64_t n, cop_time deadline,
                int64_t *reply, cop_reason *why)
{
    const struct number body = {n};
    struct number answer = {0};
    cop_pid pid = target_pid(target);
    int rc;

    if (target[0] == '@')
        rc = cop_call_name(target + 1, tag, &body, sizeof body, &answer,
                           sizeof answer, deadline);
    else
        rc = cop_call(pid, tag, &body, sizeof body, &answer, sizeof answer,
                      deadline);
    if (rc >= 0) {
        *reply = answer.n;
        return 0;
    }
    if (rc == COP_EDEADLOCK && !cop_pid_eq(pid, cop_self()))
        return call_patiently(pid, tag, body, deadline, reply, why);
    *why = reason_of_call(rc);
    return -1;
}

void step_call(const char *me, const struct step *s)
{
    const cop_time deadline = deadline_of(s->n > 5 ? s->word[5] : "5000");
    char text[REASON_TEXT];
    int64_t reply;
    cop_reason why;

    if (call_server(s->word[2], tag_of(s->word[3]), atoll(s->word[4]), deadline,
                    &reply, &why) == 0)
        world_log(me, "call %s -> %lld", s->word[2], (long long)reply);
    else
        world_log(me, "call %s -> exit %s", s->word[2], reason_text(why, text));
}

void step_cast(const char *me, const struct step *s)
{
    const char *target = s->word[2];
    const cop_tag tag = tag_of(s->word[3]);
    const struct number body = {atoll(s->word[4])};

    (void)me;
    if (target[0] == '@')
        (void)cop_cast_name(target + 1, tag, &body, sizeof body);
    else
        (void)cop_cast(target_pid(target), tag, &body, sizeof body);
}

/* ------------------------------------------------------ starts and stops -- */

void step_start_server(const char *me, const struct step *s)
{
    struct role *role = scenario_alloc(sizeof *role);
    cop_server_opts opts = {0};
    cop_reason why = COP_NORMAL;
    char text[REASON_TEXT];
    cop_pid pid;
    int rc;

    role->who = role->counted = world_entity(s->word[2]);
    role->opts = options_of(s, 3);
    opts.spawn.link = !role->opts.nolink;
    opts.spawn.name = role->opts.reg;
    opts.spawn.label = role->who->name;
    rc = cop_server_start(&pid, &scripted_server, role, &opts, &why);
    if (rc == 0)
        world_log(me, "start_server %s -> ok", s->word[2]);
    else if (rc == COP_EIGNORE)
        world_log(me, "start_server %s -> ignore", s->word[2]);
    else if (rc == COP_ESTARTED)
        world_log(me, "start_server %s -> error already_started", s->word[2]);
    else if (rc == COP_EDOWN)
        world_log(me, "start_server %s -> error %s", s->word[2],
                  reason_text(why, text));
    else
        world_log(me, "start_server %s -> error %s", s->word[2],
                  cop_error_name(rc));
    cop_reason_release(why);
}

void step_stop(const char *me, const struct step *s)
{
    const cop_time deadline = s->n > 4 ? deadline_of(s->word[4]) : COP_FOREVER;
    cop_pid pid = target_pid(s->word[2]);
    cop_reason why = COP_NORMAL;
    char text[REASON_TEXT];
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(pid))
        rc = cop_server_stop(pid, reason_of(s->word[3]), deadline, &why);
    if (rc == 0) {
        world_log(me, "stop %s -> ok", s->word[2]);
    } else {
        cop_reason said = rc == COP_EDOWN ? why : reason_of_call(rc);
        world_log(me, "stop %s -> exit %s", s->word[2],
                  reason_text(said, text));
    }
    cop_reason_release(why);
}
