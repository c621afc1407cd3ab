/* SPDX-License-Identifier: MIT
 *
 * view_sups.c - asks supervisors for ids, strategies and restarts of their
 * children.
 *
 * A supervisor is known by the function that it runs, whatever its label. Only
 * one that waits with an empty mailbox is asked: it answers at once, if any
 * worker is free to run it. So a view neither adds to the work of one that is
 * busy, nor piles up questions at one that is stuck:
 * the first of them is still in its mailbox. All together have 200 ms; what is
 * not known by then is left out. The restarts of those who were restarted are
 * known without an answer, too: supervisors note them (cop_note_restart).
 */
#include "actors/supervisor.h"
#include "actors/view.h"

#include <coppice/memory.h>
#include <coppice/time.h>

#include <stdlib.h>
#include <string.h>

#define PATIENCE (200 * COP_MS)

struct key {
    uint64_t pid;
    struct copi_view_row *row;
};

static int by_pid(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;

    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void note_child(const struct key *keys, size_t n,
                       const cop_child_info *child)
{
    const struct key wanted = {child->pid.id, NULL};
    const struct key *k = bsearch(&wanted, keys, n, sizeof wanted, by_pid);

    if (k == NULL)
        return;
    k->row->has_child = true;
    memcpy(k->row->child_id, child->id, sizeof k->row->child_id);
    k->row->restarts = child->restarts;
}

/* One that waits for something is in the middle of a request. */
static bool is_idle(const cop_info *i)
{
    return i->status == COP_STATUS_WAITING && i->wait == COP_WAIT_NONE &&
           i->queue == 0;
}

static void ask(struct copi_view_row *sup, const struct key *keys, size_t n,
                cop_time deadline)
{
    const struct copi_sup_list *list;
    cop_msg *reply;

    if (copi_sup_ask_list(&reply, &list, sup->info.pid, n, deadline) != 0)
        return;
    sup->has_answer = true;
    sup->strategy = list->strategy;
    for (size_t i = 0; i < list->listed; i++)
        if (list->rows[i].info.state == COP_CHILD_UP)
            note_child(keys, n, &list->rows[i].info);
    cop_msg_free(reply);
}

void copi_view_ask_sups(struct copi_view_row *rows, size_t n, bool may_ask)
{
    cop_time deadline = cop_in(PATIENCE);
    struct key *keys = n > 0 ? cop_common_malloc(n * sizeof *keys) : NULL;

    if (keys == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        rows[i].is_sup = copi_sup_is(&rows[i].info);
        keys[i] = (struct key){rows[i].info.pid.id, &rows[i]};
    }
    qsort(keys, n, sizeof *keys, by_pid);
    for (size_t i = 0; may_ask && i < n && cop_now() < deadline; i++)
        if (rows[i].is_sup && is_idle(&rows[i].info))
            ask(&rows[i], keys, n, deadline);
    free(keys);
}
