/* SPDX-License-Identifier: MIT
 *
 * supervisor_tree.c - a supervision tree as text:
 *
 *     root one_for_one
 *       db      server       up          restarts=0  0.12.1
 *       pool    one_for_all  up          restarts=2  0.13.4
 *         w1    actor        up          restarts=5  0.17.9
 *         w2    actor        restarting  restarts=4  -
 *
 * A supervisor shows its strategy as its kind. The tree is asked for level by
 * level, so it is no snapshot: what restarts meanwhile may be seen in either
 * state. One that does not answer in time says so; the rest is shown all the
 * same. Rows beyond what the text has room for are not even asked for.
 */
#include "actors/supervisor.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>
#include <coppice/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MIN = 16 /* bytes of text, at least */ };

#define PATIENCE (5 * COP_SEC) /* with one supervisor */

struct row {
    unsigned depth;
    struct copi_sup_row child;
    const char *kind;
};

struct tree {
    struct row *rows;
    size_t count, room, limit;
    int id_width, kind_width;
};

static const char *strategy_name(cop_strategy strategy)
{
    static const char *const names[] = {
        [COP_ONE_FOR_ONE] = "one_for_one",
        [COP_ONE_FOR_ALL] = "one_for_all",
        [COP_REST_FOR_ONE] = "rest_for_one",
        [COP_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
        [COP_DYNAMIC] = "dynamic",
    };

    return names[strategy];
}

/* Some supervisors are in other processes: whatever they say, it is one. */
static const char *state_name(cop_child_state state)
{
    static const char *const names[] = {"undefined", "restarting", "up"};

    return names[(unsigned)state <= COP_CHILD_UP ? state : COP_CHILD_UNDEFINED];
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [COPI_KIND_ACTOR] = "actor",
        [COPI_KIND_SERVER] = "server",
        [COPI_KIND_SUPERVISOR] = "supervisor",
        [COPI_KIND_START] = "start",
    };

    return names[kind <= COPI_KIND_START ? kind : COPI_KIND_START];
}

/* ----------------------------------------------------------- collecting -- */

static bool add_row(struct tree *t, unsigned depth,
                    const struct copi_sup_row *child)
{
    size_t room = t->room > 0 ? 2 * t->room : 16;
    struct row *rows = t->rows;

    if (t->count >= t->limit)
        return false;
    if (t->count == t->room) {
        rows = cop_common_realloc(t->rows, room * sizeof *rows);
        if (rows == NULL)
            return false;
        t->rows = rows;
        t->room = room;
    }
    rows[t->count++] = (struct row){depth, *child, kind_name(child->kind)};
    return true;
}

static void ask_children(struct tree *t, cop_pid sup, unsigned depth,
                         const char **kind);

static void add_child(struct tree *t, unsigned depth,
                      const struct copi_sup_row *child)
{
    size_t at = t->count;
    const char *kind = kind_name(child->kind);

    if (!add_row(t, depth, child))
        return;
    if (child->info.is_supervisor && child->info.state == COP_CHILD_UP &&
        depth < COPI_SPEC_DEPTH)
        ask_children(t, child->info.pid, depth + 1, &kind);
    t->rows[at].kind = kind;
}

/* Adds what is below `sup`; *kind is its strategy then, or what is wrong. */
static void ask_children(struct tree *t, cop_pid sup, unsigned depth,
                         const char **kind)
{
    size_t cap = t->limit - t->count;
    const struct copi_sup_list *list;
    cop_msg *reply;
    int err = copi_sup_ask_list(&reply, &list, sup, cap, cop_in(PATIENCE));

    if (err != 0) {
        *kind = cop_error_str(err);
        return;
    }
    *kind = strategy_name(list->strategy);
    for (size_t i = 0; i < list->listed; i++)
        add_child(t, depth, &list->rows[i]);
    cop_msg_free(reply);
}

/* ------------------------------------------------------------- printing -- */

struct text {
    char *bytes;
    size_t size, used;
};

static void append(struct text *t, const char *line)
{
    size_t room = t->size - t->used;
    size_t n = strlen(line);

    if (n >= room)
        n = room - 1;
    memcpy(t->bytes + t->used, line, n);
    t->used += n;
    t->bytes[t->used] = '\0';
}

static void measure(struct tree *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct row *r = &t->rows[i];
        int id = (int)(2 * r->depth + strlen(r->child.info.id));
        int kind = (int)strlen(r->kind);
        t->id_width = id > t->id_width ? id : t->id_width;
        t->kind_width = kind > t->kind_width ? kind : t->kind_width;
    }
}

static void print_row(struct text *out, const struct tree *t,
                      const struct row *r)
{
    const cop_child_info *info = &r->child.info;
    char pid[COP_PID_TEXT] = "-";
    char line[512];
    int indent = (int)(2 * r->depth);
    const char *id = info->id[0] != '\0' ? info->id : "-";

    if (!cop_pid_is_none(info->pid))
        (void)cop_pid_str(info->pid, pid, sizeof pid);
    snprintf(line, sizeof line, "%*s%-*s  %-*s  %-10s  restarts=%llu  %s\n",
             indent, "", t->id_width - indent, id, t->kind_width, r->kind,
             state_name(info->state), (unsigned long long)info->restarts, pid);
    append(out, line);
}

static void print_head(struct text *out, cop_pid sup, const char *kind)
{
    char pid[COP_PID_TEXT];
    cop_info info;
    const char *name;

    if (cop_info_get(sup, &info) != 0)
        info.name[0] = '\0';
    name = info.name[0] != '\0' ? info.name : cop_pid_str(sup, pid, sizeof pid);
    append(out, name);
    append(out, " ");
    append(out, kind);
    append(out, "\n");
}

char *cop_sup_tree(cop_pid sup, char *buf, size_t size)
{
    struct tree t = {.limit = size / ROW_MIN + 1};
    struct text out = {buf, size, 0};
    const char *kind;

    if (buf == NULL || size == 0)
        return buf;
    buf[0] = '\0';
    ask_children(&t, sup, 1, &kind);
    measure(&t);
    print_head(&out, sup, kind);
    for (size_t i = 0; i < t.count && out.used + 1 < size; i++)
        print_row(&out, &t, &t.rows[i]);
    free(t.rows);
    return buf;
}
