/* SPDX-License-Identifier: MIT
 *
 * supervisor.c - a supervisor, with the rules of OTP's.
 *
 * A supervisor is a server (server.c): so it is started, stopped, and ends
 * with its parent as every server does. It traps exits. Here are its init, the
 * requests of its clients, and what it makes of messages:
 *
 *     EXIT of a child    it ended by itself: supervisor_restart.c
 *     EXIT of another    ignored; so is every stray message
 *     RETRY              goes on with a child whose start had failed
 *
 * While it starts or stops a child it does nothing else, as OTP's. What it does
 * then is in supervisor_child.c alone, so that this can change.
 *
 * Memory. The specification lies in the argument, which the runtime releases.
 * Children and tables are freed by a deferred function, as a supervisor that
 * is killed does not terminate.
 */
#include "actors/supervisor.h"

#include <coppice/memory.h>

#include "actors/answer.h"
#include "actors/server.h"
#include "actors/start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- init -- */

static void sup_fini(void *arg)
{
    struct copi_sup *s = arg;

    copi_index_fini(&s->by_pid, NULL);
    copi_index_fini(&s->by_id, NULL);
    copi_index_fini(&s->by_serial, NULL);
    copi_child_free_all(s);
    copi_route_release(s->route);
    free(s->window.at);
}

static cop_reason spec_reason(const cop_sup *spec, const char *text)
{
    bool no_template =
        spec->strategy == COP_SIMPLE_ONE_FOR_ONE && spec->nchildren != 1;

    return cop_because_fmt(no_template ? "bad_start_spec" : "start_spec", "%s",
                           text);
}

/* Starts the children in order. False: one failed. */
static bool start_all(struct copi_sup *s)
{
    struct copi_child *next;
    cop_reason why;
    int err;

    for (struct copi_child *c = s->first; c != NULL; c = next) {
        next = c->next;
        err = copi_child_start(s, c, &why);
        if (err == COP_EIGNORE && c->spec->restart == COP_TEMPORARY)
            copi_child_forget(s, c);
        if (err == 0 || err == COP_EIGNORE)
            continue;
        cop_reason_release(why);
        return false;
    }
    return true;
}

/* The children of the specification, without processes. */
static bool make_children(struct copi_sup *s)
{
    const cop_sup *spec = s->spec;

    if (copi_sup_is_pool(s))
        return true;
    for (size_t i = 0; i < spec->nchildren; i++)
        if (copi_child_new(s, &spec->children[i], copi_spec_given(spec, i),
                           NULL) == NULL)
            return false;
    return true;
}

/* Of a partitioned one: where its children can be found. */
static bool make_route(struct copi_sup *s, const struct copi_spec *spec)
{
    if (!spec->is_routed)
        return true;
    s->route = copi_route_claim(cop_self(), spec->sup.nchildren);
    return s->route != NULL;
}

static cop_next sup_init(void *state, void *arg)
{
    struct copi_sup *s = state;
    char text[COPI_SPEC_TEXT];

    s->spec = copi_spec_open(arg);
    s->is_from_isolated = ((const struct copi_spec *)arg)->is_from_isolated;
    if (copi_spec_check(s->spec, text) != 0 ||
        copi_spec_check_crossed(arg, text) != 0)
        return cop_next_stop(spec_reason(s->spec, text));
    copi_index_init(&s->by_pid);
    copi_index_init(&s->by_id);
    copi_index_init(&s->by_serial);
    if (cop_defer(sup_fini, s) != 0 || !make_route(s, arg) || !make_children(s))
        return cop_next_stop(cop_because("nomem"));
    if (!start_all(s)) {
        copi_child_stop_all(s);
        return cop_next_stop(cop_shutdown_because("failed_to_start_child"));
    }
    return cop_next_wait();
}

static void sup_terminate(void *state, cop_reason why)
{
    (void)why;
    copi_child_stop_all(state);
}

/* --------------------------------------------------- requests: changing -- */

static void answer(cop_from to, int code, cop_pid pid, cop_reason why)
{
    copi_answer_send(to, (struct copi_answer){code, pid, why});
}

static void answer_code(cop_from to, int code)
{
    answer(to, code, COP_NO_PID, COP_NORMAL);
}

/* What a start came to; err as copi_child_start gave it. */
static void answer_start(cop_from to, int err, cop_pid pid, cop_reason why)
{
    bool failed = err != 0 && err != COP_EIGNORE;

    answer(to, failed ? COP_EFAILED : err, pid, why);
}

/* An instance takes its argument from the request. */
static int set_arg(struct copi_child *c, const cop_child *asked)
{
    if (asked->arg == NULL)
        return 0;
    c->arg = asked->arg;
    if (asked->arg_bytes > 0) {
        c->arg = cop_common_malloc(asked->arg_bytes);
        if (c->arg == NULL)
            return COP_ENOMEM;
        memcpy(c->arg, asked->arg, asked->arg_bytes);
    }
    c->arg_bytes = asked->arg_bytes;
    c->has_arg = true;
    return 0;
}

static void start_instance(struct copi_sup *s, const cop_child *asked,
                           cop_from from)
{
    struct copi_child *c = copi_child_new(s, &s->spec->children[0],
                                          copi_spec_given(s->spec, 0), NULL);
    cop_reason why;
    cop_pid pid;
    int err;

    if (c == NULL || set_arg(c, asked) != 0) {
        if (c != NULL)
            copi_child_forget(s, c);
        answer_code(from, COP_ENOMEM);
        return;
    }
    err = copi_child_start(s, c, &why);
    pid = c->pid;
    if (err != 0)
        copi_child_forget(s, c);
    answer_start(from, err, pid, why);
}

/* A child that is new. `own` is taken. */
static void start_new(struct copi_sup *s, struct copi_spec *own, cop_from from)
{
    struct copi_child *c = copi_child_new(s, &own->sup.children[0],
                                          copi_spec_given(&own->sup, 0), own);
    cop_reason why;
    cop_pid pid;
    int err;

    if (c == NULL) {
        free(own);
        answer_code(from, COP_ENOMEM);
        return;
    }
    err = copi_child_start(s, c, &why);
    pid = c->pid;
    if (err != 0 && (err != COP_EIGNORE || copi_sup_is_pool(s) ||
                     c->spec->restart == COP_TEMPORARY))
        copi_child_forget(s, c);
    answer_start(from, err, pid, why);
}

/* `own` is taken. */
static void start_in_pool(struct copi_sup *s, struct copi_spec *own,
                          cop_from from)
{
    if (s->spec->max_children == 0 || s->count < s->spec->max_children) {
        start_new(s, own, from);
        return;
    }
    free(own);
    answer_code(from, COP_ELIMIT);
}

/* `own` is taken. */
static void start_child(struct copi_sup *s, struct copi_spec *own,
                        cop_from from)
{
    const cop_child *spec = &own->sup.children[0];
    char text[COPI_SPEC_TEXT];
    struct copi_child *old;

    if (copi_sup_is_simple(s)) {
        start_instance(s, spec, from);
    } else if (copi_spec_check_child(spec, s->spec, text) != 0) {
        answer_code(from, COP_ESPEC);
    } else if (copi_sup_is_pool(s)) {
        start_in_pool(s, own, from);
        return;
    } else if ((old = copi_child_by_id(s, spec->id)) == NULL) {
        start_new(s, own, from);
        return;
    } else if (old->state == COP_CHILD_UP) {
        answer(from, COP_ESTARTED, old->pid, COP_NORMAL);
    } else {
        answer_code(from, COP_EPRESENT);
    }
    free(own);
}

static void handle_start(struct copi_sup *s, const cop_msg *m, cop_from from)
{
    struct copi_spec *own = copi_spec_copy(cop_msg_body(m), cop_msg_size(m));

    if (own == NULL)
        answer_code(from, COP_ENOMEM);
    else if (own->sup.nchildren != 1)
        free(own); /* no client of ours */
    else
        start_child(s, own, from);
}

static void handle_terminate(struct copi_sup *s, const char *id, cop_from from)
{
    struct copi_child *c;

    if (copi_sup_is_pool(s)) {
        answer_code(from, COP_ESIMPLE);
        return;
    }
    c = copi_child_by_id(s, id);
    if (c == NULL) {
        answer_code(from, COP_ENOENT);
        return;
    }
    copi_child_stop(s, c);
    copi_child_retire(s, c);
    answer_code(from, 0);
}

/* By pid. Of simple_one_for_one one that is dead counts as stopped, as in OTP;
 * of a dynamic one it does not, as in Elixir. */
static void handle_terminate_pid(struct copi_sup *s, cop_pid pid, cop_from from)
{
    struct copi_child *c =
        copi_sup_is_pool(s) ? copi_child_by_pid(s, pid) : NULL;

    if (c != NULL) {
        copi_child_stop(s, c);
        copi_child_forget(s, c);
        answer_code(from, 0);
    } else {
        answer_code(
            from, copi_sup_is_simple(s) && !cop_is_alive(pid) ? 0 : COP_ENOENT);
    }
}

/* The child without a process that `id` names; NULL: answered already. */
static struct copi_child *find_idle(struct copi_sup *s, const char *id,
                                    cop_from from)
{
    struct copi_child *c = copi_sup_is_pool(s) ? NULL : copi_child_by_id(s, id);

    if (copi_sup_is_pool(s))
        answer_code(from, COP_ESIMPLE);
    else if (c == NULL)
        answer_code(from, COP_ENOENT);
    else if (c->state == COP_CHILD_UP)
        answer_code(from, COP_ERUNNING);
    else if (c->state == COP_CHILD_RESTARTING)
        answer_code(from, COP_ERESTARTING);
    else
        return c;
    return NULL;
}

static void handle_restart(struct copi_sup *s, const char *id, cop_from from)
{
    struct copi_child *c = find_idle(s, id, from);
    cop_reason why;
    int err;

    if (c == NULL)
        return;
    err = copi_child_start(s, c, &why);
    answer_start(from, err, c->pid, why);
}

static void handle_delete(struct copi_sup *s, const char *id, cop_from from)
{
    struct copi_child *c = find_idle(s, id, from);

    if (c == NULL)
        return;
    copi_child_forget(s, c);
    answer_code(from, 0);
}

/* ---------------------------------------------------- requests: looking -- */

static void fill_row(struct copi_sup_row *row, const struct copi_child *c)
{
    cop_child_info *info = &row->info;

    if (c->spec->id != NULL)
        strncpy(info->id, c->spec->id, sizeof info->id - 1);
    info->state = c->state;
    info->pid = c->state == COP_CHILD_UP ? c->pid : COP_NO_PID;
    info->is_supervisor = copi_spec_is_supervisor(c->spec);
    info->restart = c->spec->restart;
    info->restarts = c->restarts;
    row->kind = copi_child_kind(c->spec);
}

static void handle_which(struct copi_sup *s, size_t cap, cop_from from)
{
    size_t n = cap < s->count ? cap : s->count;
    size_t size =
        sizeof(struct copi_sup_list) + n * sizeof(struct copi_sup_row);
    struct copi_sup_list *list;
    const struct copi_child *c = s->first;

    while ((list = cop_common_calloc(1, size)) == NULL)
        cop_sleep(COP_MS);
    list->total = s->count;
    list->listed = n;
    list->strategy = s->spec->strategy;
    for (size_t i = 0; i < n; i++, c = c->next)
        fill_row(&list->rows[i], c);
    copi_answer_block(from, list, size);
}

/* In a pool nobody asks each child whether it lives. */
static bool is_active(const struct copi_sup *s, const struct copi_child *c)
{
    return c->state == COP_CHILD_UP &&
           (copi_sup_is_pool(s) || cop_is_alive(c->pid));
}

static cop_child_counts count_children(const struct copi_sup *s)
{
    cop_child_counts n = {.specs = copi_sup_is_simple(s) ? 1 : s->count};

    for (const struct copi_child *c = s->first; c != NULL; c = c->next) {
        if (is_active(s, c))
            n.active++;
        if (copi_spec_is_supervisor(c->spec))
            n.supervisors++;
        else
            n.workers++;
    }
    return n;
}

static void handle_count(const struct copi_sup *s, cop_from from)
{
    cop_child_counts n = count_children(s);

    copi_answer_bytes(from, &n, sizeof n);
}

static void handle_spec(const struct copi_sup *s, const char *id, cop_from from)
{
    struct copi_sup_found found = {.code = COP_ENOENT};
    const cop_child *given = NULL;
    struct copi_child *c;

    if (s->is_from_isolated || cop_is_isolated()) {
        found.code = COP_ENOTSUP;
    } else if (s->spec->strategy == COP_DYNAMIC) {
        found.code = COP_ESIMPLE;
    } else if (!copi_sup_is_simple(s)) {
        c = copi_child_by_id(s, id);
        given = c != NULL ? c->given : NULL;
    } else if (strcmp(s->spec->children[0].id, id) == 0) {
        given = copi_spec_given(s->spec, 0);
    }
    if (given != NULL)
        found = (struct copi_sup_found){0, *given};
    copi_answer_bytes(from, &found, sizeof found);
}

/* ------------------------------------------------------------- messages -- */

/* The text in a request's body. */
static const char *text_of(const cop_msg *m)
{
    const char *text = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    return size > 0 && text[size - 1] == '\0' ? text : "";
}

/* A request that no client of ours sends gets no answer. */
static cop_next sup_call(void *state, const cop_msg *m, cop_from from)
{
    struct copi_sup *s = state;

    switch (cop_msg_tag(m)) {
    case COPI_SUP_START:
        handle_start(s, m, from);
        break;
    case COPI_SUP_TERMINATE:
        handle_terminate(s, text_of(m), from);
        break;
    case COPI_SUP_TERMINATE_PID:
        if (cop_msg_size(m) == sizeof(cop_pid))
            handle_terminate_pid(s, *cop_msg_as(m, cop_pid), from);
        break;
    case COPI_SUP_RESTART:
        handle_restart(s, text_of(m), from);
        break;
    case COPI_SUP_DELETE:
        handle_delete(s, text_of(m), from);
        break;
    case COPI_SUP_WHICH:
        if (cop_msg_size(m) == sizeof(size_t))
            handle_which(s, *cop_msg_as(m, size_t), from);
        break;
    case COPI_SUP_COUNT:
        handle_count(s, from);
        break;
    case COPI_SUP_SPEC:
        handle_spec(s, text_of(m), from);
        break;
    default:
        break;
    }
    return cop_next_wait();
}

static cop_next sup_cast(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    return cop_next_wait();
}

static cop_next sup_info(void *state, const cop_msg *m)
{
    struct copi_sup *s = state;
    struct copi_child *c;

    if (cop_msg_tag(m) == COPI_SUP_RETRY)
        return copi_restart_retry(s, m);
    if (cop_msg_tag(m) != COP_EXIT)
        return cop_next_wait();
    c = copi_child_by_pid(s, cop_msg_sender(m));
    if (c == NULL || c->state != COP_CHILD_UP)
        return cop_next_wait();
    return copi_restart_ended(s, c, cop_reason_is_orderly(cop_msg_reason(m)));
}

static cop_next sup_resume(void *state, uint64_t token)
{
    return copi_restart_resume(state, token);
}

static const cop_server sup_server = {
    .label = "supervisor",
    .state_bytes = sizeof(struct copi_sup),
    .init = sup_init,
    .call = sup_call,
    .cast = sup_cast,
    .info = sup_info,
    .resume = sup_resume,
    .terminate = sup_terminate,
};

static cop_sup_state state_of(const struct copi_sup *s)
{
    return (cop_sup_state){
        .intensity = (size_t)copi_spec_intensity(s->spec),
        .period_ns = copi_spec_period_ns(s->spec),
        .restarts = s->window.count,
        .children = s->count,
        .restarting = s->restarting,
    };
}

/* Its record is made of pointers: what it shows is made for who looks. */
static void *sup_view(void *state, size_t *bytes)
{
    struct copi_sup *s = state;

    memset(&s->shown, 0, sizeof s->shown);
    s->shown = state_of(s);
    *bytes = sizeof s->shown;
    return &s->shown;
}

/* The specification lies in the supervisor's own argument. */
static int sup_changed(void *state)
{
    struct copi_sup *s = state;
    cop_sup *spec = (cop_sup *)(uintptr_t)s->spec;
    const cop_sup_state want = s->shown, is = state_of(s);

    if (want.restarts != is.restarts || want.children != is.children ||
        want.restarting != is.restarting || want.intensity > INT_MAX ||
        want.period_ns <= 0)
        return COP_EINVAL;
    spec->intensity =
        want.intensity > 0 ? (int)want.intensity : COP_INTENSITY_ZERO;
    spec->period_ns = want.period_ns;
    return 0;
}

static void sup_status(void *state, char *buf, size_t size)
{
    const struct copi_sup *s = state;

    snprintf(buf, size, "%zu children, %zu restarting", s->count,
             s->restarting);
}

static void sup_message(void *state, const cop_msg *m)
{
    copi_server_message(state, m);
}

static const cop_handler sup_handler = {
    .state_bytes = sizeof(void *),
    .init = copi_server_init,
    .message = sup_message,
    .terminate = copi_server_terminate,
    .label = "supervisor",
};

bool copi_sup_is(const cop_info *i)
{
    return i->is_handler && i->function == (uintptr_t)sup_message;
}

static const struct copi_server_hooks sup_hooks = {
    .behaviour = "supervisor",
    .handler = &sup_handler,
    .view = sup_view,
    .changed = sup_changed,
    .status = sup_status,
};

/* ---------------------------------------------------------------- start -- */

/* Whether a start failed with what spec_reason makes. */
static bool is_spec_reason(cop_reason why)
{
    const char *name = cop_reason_name(why);

    return cop_reason_kind(why) == COP_R_USER &&
           (strcmp(name, "start_spec") == 0 ||
            strcmp(name, "bad_start_spec") == 0);
}

static int pack(struct copi_spec **out, const cop_sup *sup,
                const struct copi_sup_how *how, cop_reason *why)
{
    int err = copi_spec_pack(out, sup, how->source);

    if (err == COP_ESPEC)
        *why = cop_because_fmt("start_spec",
                               "supervisor: more than %d below each other; "
                               "does one contain itself?",
                               COPI_SPEC_DEPTH);
    if (err == 0)
        (*out)->is_routed = how->is_routed;
    return err;
}

/* One whose children can be found by a route needs the starter's memory. To
 * another process the specification goes as a copy. */
static int start(cop_pid *out, const cop_sup *sup,
                 const struct copi_sup_how *how, cop_server_opts *opts,
                 cop_reason *why)
{
    bool crosses = copi_start_crosses(&opts->spawn);
    struct copi_spec *spec;
    int err =
        crosses && how->is_routed ? COP_ENOTSUP : pack(&spec, sup, how, why);

    if (err != 0)
        return err;
    spec->is_from_isolated = cop_is_isolated();
    opts->spawn.trap_exit = true;
    opts->spawn.arg_bytes = crosses ? spec->size : 0;
    opts->spawn.arg_release = crosses ? NULL : free;
    err = copi_server_start(out, &sup_server, &sup_hooks, spec, opts,
                            how->keep_exit, why);
    if (crosses || !copi_start_took_arg(err))
        free(spec);
    return err == COP_EDOWN && is_spec_reason(*why) ? COP_ESPEC : err;
}

int copi_sup_start(cop_pid *out, const cop_sup *sup,
                   const struct copi_sup_how *how, const cop_opts *opts,
                   cop_reason *why)
{
    cop_server_opts own = {0};
    cop_reason reason = COP_NORMAL;
    int err;

    if (opts != NULL)
        own.spawn = *opts;
    if (own.spawn.mailbox_max > 0)
        return COP_EINVAL; /* it must lose no request, nor its own retries */
    own.spawn.link = how->link;
    err = start(out, sup, how, &own, &reason);
    copi_answer_give(why, reason);
    return err;
}

int cop_sup_start(cop_pid *out, const cop_sup *sup, const cop_opts *opts,
                  cop_reason *why)
{
    const struct copi_sup_how how = {.source = COPI_SPEC_GIVEN,
                                     .link = !cop_pid_is_none(cop_self())};

    if (out == NULL || sup == NULL)
        return COP_EINVAL;
    return copi_sup_start(out, sup, &how, opts, why);
}
