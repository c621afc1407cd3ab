/* SPDX-License-Identifier: MIT
 *
 * server_sys.c - the services of sys.h inside a server.
 *
 * A request is copied first: what it runs may receive, and the message would
 * be gone. It is answered whatever happens, for want of memory with COP_ENOMEM
 * (and that once there is memory, answer.h).
 *
 * What changes the state works on one of two copies and keeps the other in the
 * record (`spare`), so that a kill in the middle leaks neither:
 *
 *     replace_state  spare is how it was; put back if fn fails
 *     change_code    spare is the new one; takes the old one's place at success
 *
 * Callbacks run under cop_catch, so a failure of theirs is the asker's, not
 * the server's.
 */
#include "actors/server_inside.h"

#include "actors/answer.h"
#include "actors/sys.h"
#include "actors/sys_debug.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- answers -- */

static void answer_code(cop_from from, int code)
{
    const struct copi_sys_answer a = {.code = code};

    copi_answer_bytes(from, &a, sizeof a);
}

/* An answer with room for `bytes`; NULL: there was no memory, and that was the
 * answer. */
static cop_msg *answer_new(cop_from from, size_t bytes, char **data)
{
    struct copi_sys_answer *a;
    cop_msg *m;

    if (cop_msg_new(&m, 1, sizeof *a + bytes) != 0) {
        answer_code(from, COP_ENOMEM);
        return NULL;
    }
    a = cop_msg_fill(m);
    a->code = 0;
    *data = a->data;
    return m;
}

static void answer_bytes(cop_from from, const void *bytes, size_t size)
{
    char *data;
    cop_msg *m = answer_new(from, size, &data);

    if (m == NULL)
        return;
    if (size > 0)
        memcpy(data, bytes, size);
    /* who asked may have gone */
    (void)cop_reply_msg(from, m);
}

/* ---------------------------------------------------------------- state -- */

/* The state that is shown and changed; NULL: none. */
static void *view(const struct copi_server *s, size_t *bytes)
{
    if (s->hooks != NULL && s->hooks->view != NULL)
        return s->hooks->view(s->state, bytes);
    *bytes = s->state_bytes;
    return s->state;
}

static void get_state(const struct copi_server *s, cop_from from)
{
    size_t bytes = 0;
    const void *state = view(s, &bytes);

    if (state == NULL)
        answer_code(from, COP_ENOTSUP);
    else
        answer_bytes(from, state, bytes);
}

/* What runs under cop_catch. */
struct change {
    struct copi_server *s;
    struct copi_sys_request *r;
    void *state;
    size_t bytes;
    const cop_code_change *from;
    int result;
};

static void run_replace(void *arg)
{
    struct change *c = arg;
    const struct copi_server_hooks *hooks = c->s->hooks;
    void *data = c->r->data_bytes > 0 ? c->r->data : c->r->arg;

    c->result = c->r->fn(c->state, c->bytes, data);
    if (c->result == 0 && hooks != NULL && hooks->changed != NULL)
        c->result = hooks->changed(c->s->state);
}

static int caught(void (*run)(void *), struct change *c)
{
    if (cop_catch(run, c, NULL) != 0 || c->result != 0)
        return COP_EFAILED;
    return 0;
}

static int replace_state(struct copi_server *s, struct copi_sys_request *r)
{
    struct change c = {.s = s, .r = r};
    int err;

    c.state = view(s, &c.bytes);
    if (c.state == NULL)
        return COP_ENOTSUP;
    s->spare = cop_common_malloc(c.bytes > 0 ? c.bytes : 1);
    if (s->spare == NULL)
        return COP_ENOMEM;
    memcpy(s->spare, c.state, c.bytes);
    err = caught(run_replace, &c);
    if (err != 0)
        memcpy(c.state, s->spare, c.bytes);
    free(s->spare);
    s->spare = NULL;
    return err;
}

/* --------------------------------------------------------- code changes -- */

static void run_code_change(void *arg)
{
    struct change *c = arg;
    const cop_server *def = c->r->def;

    c->result = def->code_change(c->state, c->from);
}

static void run_hook_code_change(void *arg)
{
    struct change *c = arg;

    c->result = c->s->hooks->change_code(c->s->state, c->r->def, c->r->data,
                                         c->r->data_bytes);
}

static void adopt(struct copi_server *s, const cop_server *def)
{
    free(s->own_state);
    s->own_state = s->spare;
    s->spare = NULL;
    s->state = s->own_state;
    s->state_bytes = def->state_bytes;
    s->def = def;
}

static int change_server(struct copi_server *s, struct copi_sys_request *r)
{
    const cop_server *def = r->def;
    const cop_code_change from = {.old = s->state,
                                  .old_bytes = s->state_bytes,
                                  .old_version = s->def->version,
                                  .extra = r->data,
                                  .extra_bytes = r->data_bytes};
    struct change c = {.s = s, .r = r, .from = &from};
    int err;

    if (def->code_change == NULL)
        return COP_ENOTSUP;
    if (def->state_bytes >= COPI_SERVER_STATE_MAX)
        return COP_EINVAL;
    s->spare = cop_common_calloc(1, copi_server_round_up(def->state_bytes + 1));
    if (s->spare == NULL)
        return COP_ENOMEM;
    c.state = s->spare;
    err = caught(run_code_change, &c);
    if (err == 0) {
        adopt(s, def);
    } else {
        free(s->spare);
        s->spare = NULL;
    }
    return err;
}

static int change_code(struct copi_server *s, struct copi_sys_request *r)
{
    struct change c = {.s = s, .r = r};

    if (!s->is_suspended)
        return COP_EINVAL;
    if (s->hooks == NULL)
        return change_server(s, r);
    if (s->hooks->change_code == NULL)
        return COP_ENOTSUP;
    return caught(run_hook_code_change, &c);
}

/* --------------------------------------------------------------- status -- */

struct text {
    struct copi_server *s;
    char *buf;
    size_t size;
};

static void run_format(void *arg)
{
    struct text *t = arg;
    const struct copi_server_hooks *hooks = t->s->hooks;

    if (hooks != NULL && hooks->status != NULL)
        hooks->status(t->s->state, t->buf, t->size);
    else
        t->s->def->format_status(t->s->state, t->buf, t->size);
}

/* The state as text. False: it has no text. */
static bool format_state(struct copi_server *s, char *buf, size_t size)
{
    struct text t = {s, buf, size};
    bool has_hook = s->hooks != NULL && s->hooks->status != NULL;

    buf[0] = '\0';
    if (!has_hook && s->def->format_status == NULL)
        return false;
    if (cop_catch(run_format, &t, NULL) != 0)
        snprintf(buf, size, "(format_status failed)");
    buf[size - 1] = '\0';
    return true;
}

__attribute__((format(printf, 4, 5))) static void
add(char *buf, size_t size, size_t *used, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf + *used, size - *used, fmt, ap);
    va_end(ap);
    if (n > 0)
        *used += (size_t)n;
    if (*used >= size)
        *used = size - 1;
}

static size_t write_status(struct copi_server *s, char *buf, size_t size)
{
    const struct copi_server_hooks *h = s->hooks;
    char pid[COP_PID_TEXT], parent[COP_PID_TEXT];
    cop_info info = {0};
    size_t used = 0;

    (void)!cop_info_get(cop_self(), &info);
    add(buf, size, &used, "behaviour: %s\n",
        h != NULL && h->behaviour != NULL ? h->behaviour : "server");
    add(buf, size, &used, "label: %s\n", info.label != NULL ? info.label : "");
    add(buf, size, &used, "pid: %s\nname: %s\n",
        cop_pid_str(cop_self(), pid, sizeof pid), info.name);
    add(buf, size, &used, "parent: %s\n",
        cop_pid_str(s->parent, parent, sizeof parent));
    add(buf, size, &used, "status: %s\nevents logged: %zu\nstate: ",
        s->is_suspended ? "suspended" : "running", copi_debug_logged(s->debug));
    if (!format_state(s, buf + used, size - used))
        add(buf, size, &used, "%zu bytes", s->state_bytes);
    return used + strlen(buf + used);
}

static void get_status(struct copi_server *s, cop_from from)
{
    char text[COP_SYS_STATUS_TEXT];

    answer_bytes(from, text, write_status(s, text, sizeof text));
}

void copi_server_show_state(struct copi_server *s)
{
    char text[COP_SYS_LINE];

    if (copi_debug_wants_state(s->debug) && format_state(s, text, sizeof text))
        copi_debug_state(s->debug, text);
}

/* ------------------------------------------------------------- requests -- */

static void get_statistics(const struct copi_server *s, cop_from from)
{
    cop_sys_stats stats;
    int err = copi_debug_get_statistics(s->debug, &stats);

    if (err != 0)
        answer_code(from, err);
    else
        answer_bytes(from, &stats, sizeof stats);
}

static void get_log(const struct copi_server *s, cop_from from)
{
    char *data;
    cop_msg *m = answer_new(from, copi_debug_log_bytes(s->debug), &data);

    if (m == NULL)
        return;
    copi_debug_log_write(s->debug, data);
    (void)cop_reply_msg(from, m);
}

/* What is answered with a code alone. */
static int carry_out(struct copi_server *s, struct copi_sys_request *r)
{
    switch (r->op) {
    case COPI_SYS_SUSPEND:
        s->is_suspended = true;
        return 0;
    case COPI_SYS_RESUME:
        s->is_suspended = false;
        return 0;
    case COPI_SYS_REPLACE_STATE:
        return replace_state(s, r);
    case COPI_SYS_CHANGE_CODE:
        return change_code(s, r);
    case COPI_SYS_STATISTICS:
        return copi_debug_statistics(&s->debug, r->n != 0);
    case COPI_SYS_TRACE:
        return copi_debug_trace(&s->debug, r->n != 0);
    case COPI_SYS_LOG:
        return copi_debug_log(&s->debug, r->n);
    default:
        return COP_EINVAL;
    }
}

/* False: it is no request of sys.c. */
static bool read_request(struct copi_sys_request *r, const cop_msg *m)
{
    size_t head = offsetof(struct copi_sys_request, data);
    size_t size = cop_msg_size(m);

    if (cop_msg_how(m) != COP_MSG_CALL || size < head || size > sizeof *r)
        return false;
    memcpy(r, cop_msg_body(m), size);
    return r->data_bytes == size - head;
}

void copi_server_sys(struct copi_server *s, const cop_msg *m)
{
    cop_from from = cop_msg_from(m);
    struct copi_sys_request r;

    if (!read_request(&r, m))
        return;
    switch (r.op) {
    case COPI_SYS_GET_STATE:
        get_state(s, from);
        break;
    case COPI_SYS_GET_STATUS:
        get_status(s, from);
        break;
    case COPI_SYS_GET_STATISTICS:
        get_statistics(s, from);
        break;
    case COPI_SYS_GET_LOG:
        get_log(s, from);
        break;
    default:
        answer_code(from, carry_out(s, &r));
    }
}
