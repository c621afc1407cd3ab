/* SPDX-License-Identifier: MIT
 *
 * partition.c - partitioned supervisors: n children of one template, and a
 * table that says who is which.
 *
 * It is a supervisor like any other (supervisor.c), started with n children
 * made from the template and the wish for a *route*: a table that it keeps of
 * where its children are (route.c). Whoever has a key reads that table.
 *
 * What each child gets for its argument, a cop_partition and behind it what the
 * template has copied, is a sized argument of its specification; so it is
 * copied once more for each start, and lives as long as who got it. A table
 * of arguments beside the supervisor would be gone before its children, if it
 * is killed.
 */
#include <coppice/memory.h>
#include <coppice/partition.h>

#include "actors/answer.h"
#include "actors/index.h"
#include "actors/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_ROOM = 8 /* "65535" */, ARG_ALIGN = 16 };

/* The children, as cop_sup takes them. */
struct plan {
    size_t n;
    size_t stride; /* bytes from an argument to the next one */
    cop_child *kids;
    char *ids;
    char *args;
};

static void plan_free(struct plan *p)
{
    free(p->kids);
    free(p->ids);
    free(p->args);
}

static size_t arg_bytes_of(const cop_child *child)
{
    return sizeof(cop_partition) + child->arg_bytes;
}

static void plan_child(struct plan *p, size_t i, const cop_child *child)
{
    cop_child *kid = &p->kids[i];
    char *id = p->ids + i * ID_ROOM;
    char *arg = p->args + i * p->stride;
    const cop_partition head = {.number = i,
                                .count = p->n,
                                .arg = child->arg,
                                .arg_bytes = child->arg_bytes};

    snprintf(id, ID_ROOM, "%u", (unsigned)i & 0xffff);
    memcpy(arg, &head, sizeof head);
    if (child->arg_bytes > 0)
        memcpy(arg + sizeof head, child->arg, child->arg_bytes);
    *kid = *child;
    kid->id = id;
    kid->arg = child->sup == NULL ? arg : NULL;
    kid->arg_bytes = child->sup == NULL ? arg_bytes_of(child) : 0;
}

/* False: no memory, and nothing to free. */
static bool plan_make(struct plan *p, size_t n, const cop_child *child)
{
    size_t bytes = arg_bytes_of(child) + ARG_ALIGN - 1;

    p->n = n;
    p->stride = bytes - bytes % ARG_ALIGN;
    p->kids = cop_common_calloc(n, sizeof *p->kids);
    p->ids = cop_common_calloc(n, ID_ROOM);
    p->args = cop_common_calloc(n, p->stride);
    if (p->kids == NULL || p->ids == NULL || p->args == NULL) {
        plan_free(p);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        plan_child(p, i, child);
    return true;
}

/* NULL: nothing. What else may be wrong with the child, cop_sup_start finds. */
static const char *what_is_wrong(const cop_partitions *ps)
{
    const cop_child *c = ps->child;

    if ((unsigned)ps->strategy > COP_REST_FOR_ONE)
        return "strategy is none of one_for_one, one_for_all, rest_for_one";
    if (ps->count > COP_PARTITIONS_MAX)
        return "count is more than 65536";
    if (c->opts.name != NULL)
        return "opts.name is set (partitions cannot share a name)";
    if (ps->opts.monitor != NULL)
        return "opts.monitor is set";
    if (c->arg_bytes > 0 && c->arg == NULL)
        return "arg_bytes is set, arg is NULL";
    if (c->arg_bytes > SIZE_MAX / 4 / COP_PARTITIONS_MAX)
        return "arg_bytes is absurd";
    return NULL;
}

static int start(cop_pid *out, const cop_partitions *ps,
                 const struct copi_sup_how *how, cop_reason *why)
{
    size_t n = ps->count > 0 ? ps->count : cop_workers();
    struct plan plan;
    cop_sup sup = {.strategy = ps->strategy,
                   .intensity = ps->intensity,
                   .period_ns = ps->period_ns,
                   .nchildren = n};
    int err;

    if (n == 0)
        return COP_ESTOPPED;
    if (!plan_make(&plan, n, ps->child))
        return COP_ENOMEM;
    sup.children = plan.kids;
    err = copi_sup_start(out, &sup, how, &ps->opts, why);
    plan_free(&plan);
    return err;
}

static int start_checked(cop_pid *out, const cop_partitions *ps,
                         const struct copi_sup_how *how, cop_reason *why)
{
    const char *wrong;

    if (why != NULL)
        *why = COP_NORMAL;
    if (out == NULL || ps == NULL || ps->child == NULL)
        return COP_EINVAL;
    wrong = what_is_wrong(ps);
    if (wrong == NULL)
        return start(out, ps, how, why);
    copi_answer_give(why,
                     cop_because_fmt("start_spec", "partitions: %s", wrong));
    return COP_ESPEC;
}

int cop_partition_start(cop_pid *out, const cop_partitions *partitions,
                        cop_reason *why)
{
    const struct copi_sup_how how = {.source = COPI_SPEC_GIVEN,
                                     .link = !cop_pid_is_none(cop_self()),
                                     .is_routed = true};

    return start_checked(out, partitions, &how, why);
}

int cop_partition_start_child(cop_pid *out, void *partitions, cop_reason *why)
{
    const struct copi_sup_how how = {.source = COPI_SPEC_GIVEN,
                                     .link = true,
                                     .keep_exit = true,
                                     .is_routed = true};

    return start_checked(out, partitions, &how, why);
}

cop_pid cop_partition_pid(cop_pid sup, uint64_t key)
{
    return copi_route_pid(sup, key);
}

cop_pid cop_partition_pid_name(const char *name, uint64_t key)
{
    return copi_route_pid(cop_whereis(name), key);
}

int cop_partition_count(cop_pid sup)
{
    size_t count = copi_route_count(sup);

    return count > 0 ? (int)count : COP_ENOENT;
}

uint64_t cop_partition_key(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t key = copi_index_hash_word(size);

    for (size_t i = 0; i < size; i++)
        key = copi_index_hash_word(key + at[i] + 1);
    return key;
}
