/* SPDX-License-Identifier: MIT
 *
 * supervisor_client.c - the requests that one sends to a supervisor. What they
 * say is in supervisor.h, "protocol". A request carries all it needs by value:
 * who sends it may die before the supervisor reads it.
 */
#include "actors/supervisor.h"

#include <coppice/inspect.h>

#include "actors/answer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A request whose answer is a code, and may be a pid and a reason. */
static int ask(cop_pid sup, cop_tag tag, const void *body, size_t size,
               cop_pid *out, cop_reason *why)
{
    struct copi_answer a;
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    err = copi_answer_call(&a, sup, tag, body, size);
    if (err != 0)
        return err;
    if (out != NULL)
        *out = a.pid;
    copi_answer_give(why, a.why);
    return a.code;
}

static int ask_id(cop_pid sup, cop_tag tag, const char *id, cop_pid *out,
                  cop_reason *why)
{
    if (id == NULL)
        return COP_EINVAL;
    return ask(sup, tag, id, strlen(id) + 1, out, why);
}

int cop_sup_start_child(cop_pid sup, cop_pid *out, const cop_child *spec,
                        cop_reason *why)
{
    static const cop_child nothing;
    const cop_sup one = {.children = spec != NULL ? spec : &nothing,
                         .nchildren = 1};
    bool is_actor = !cop_pid_is_none(cop_self());
    struct copi_spec *packed;
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    err = copi_spec_pack(&packed, &one, COPI_SPEC_GIVEN);
    if (err != 0)
        return err;
    /* the caller may be ended while it waits */
    if (is_actor && cop_defer(free, packed) != 0)
        err = COP_ENOMEM;
    else
        err = ask(sup, COPI_SUP_START, packed, packed->size, out, why);
    if (is_actor)
        (void)cop_undefer(free, packed);
    free(packed);
    return err;
}

int cop_sup_terminate_child(cop_pid sup, const char *id)
{
    return ask_id(sup, COPI_SUP_TERMINATE, id, NULL, NULL);
}

int cop_sup_terminate_pid(cop_pid sup, cop_pid child)
{
    return ask(sup, COPI_SUP_TERMINATE_PID, &child, sizeof child, NULL, NULL);
}

int cop_sup_restart_child(cop_pid sup, cop_pid *out, const char *id,
                          cop_reason *why)
{
    return ask_id(sup, COPI_SUP_RESTART, id, out, why);
}

int cop_sup_delete_child(cop_pid sup, const char *id)
{
    return ask_id(sup, COPI_SUP_DELETE, id, NULL, NULL);
}

static bool is_list(const cop_msg *m)
{
    const struct copi_sup_list *list = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    return size >= sizeof *list &&
           (size - sizeof *list) / sizeof list->rows[0] == list->listed &&
           (unsigned)list->strategy <= COP_DYNAMIC;
}

/* Ids are closed, whoever sent them. */
static void close_ids(struct copi_sup_list *list)
{
    for (size_t i = 0; i < list->listed; i++) {
        cop_child_info *info = &list->rows[i].info;
        info->id[sizeof info->id - 1] = '\0';
    }
}

int copi_sup_ask_list(cop_msg **reply, const struct copi_sup_list **list,
                      cop_pid sup, size_t cap, cop_time deadline)
{
    int err =
        cop_call_msg(reply, sup, COPI_SUP_WHICH, &cap, sizeof cap, deadline);

    if (err < 0)
        return err;
    if (!is_list(*reply)) {
        cop_msg_free(*reply);
        return COP_EINVAL;
    }
    close_ids(cop_msg_fill(*reply));
    *list = cop_msg_body(*reply);
    return 0;
}

int cop_sup_which_children(cop_pid sup, cop_child_info *out, size_t cap)
{
    const struct copi_sup_list *list;
    cop_msg *reply;
    size_t total;
    int err;

    if (out == NULL && cap > 0)
        return COP_EINVAL;
    err = copi_sup_ask_list(&reply, &list, sup, cap, COP_FOREVER);
    if (err != 0)
        return err;
    for (size_t i = 0; i < list->listed && i < cap; i++)
        out[i] = list->rows[i].info;
    total = list->total;
    cop_msg_free(reply);
    return total < INT_MAX ? (int)total : INT_MAX;
}

/* A request whose answer has a fixed size. */
static int ask_fixed(cop_pid sup, cop_tag tag, const char *id, void *answer,
                     size_t size)
{
    int n = cop_call(sup, tag, id, id != NULL ? strlen(id) + 1 : 0, answer,
                     size, COP_FOREVER);

    if (n < 0)
        return n;
    return (size_t)n == size ? 0 : COP_EINVAL;
}

int cop_sup_count_children(cop_pid sup, cop_child_counts *out)
{
    if (out == NULL)
        return COP_EINVAL;
    return ask_fixed(sup, COPI_SUP_COUNT, NULL, out, sizeof *out);
}

int cop_sup_get_childspec(cop_pid sup, const char *id, cop_child *out)
{
    struct copi_sup_found found;
    cop_info info;
    int err;

    if (id == NULL || out == NULL)
        return COP_EINVAL;
    if (cop_info_get(sup, &info) == 0 && info.is_isolated)
        return COP_ENOTSUP;
    err = ask_fixed(sup, COPI_SUP_SPEC, id, &found, sizeof found);
    if (err != 0)
        return err;
    if (found.code == 0)
        *out = found.spec;
    return found.code;
}
