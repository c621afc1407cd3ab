/* SPDX-License-Identifier: MIT
 *
 * partition.h - partitioned supervisors (Elixir's PartitionSupervisor): what
 * one actor would be too slow for is done by n of the same kind, and a key
 * says by which.
 *
 *     static const cop_child counter = {.server = &counter_server};
 *     static const cop_partitions counters = {.child = &counter};
 *     ...
 *     err = cop_partition_start(&sup, &counters, NULL);
 *     ...
 *     err = cop_cast(cop_partition_pid(sup, user_id), ADD, &n, sizeof n);
 *
 * It is a supervisor whose children have the ids "0", "1", ...; all that
 * supervisor.h has for one can be asked of it. Below another supervisor:
 *
 *     {.id = "counters", .start = cop_partition_start_child,
 *      .arg = (void *)&counters, .is_supervisor = true},
 */
#ifndef COPPICE_PARTITION_H
#define COPPICE_PARTITION_H

#include <coppice/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COP_PARTITIONS_MAX 65536

typedef struct cop_partitions {
    /* What each of them is. Its id is ignored, its opts have no name. Its
     * argument is replaced by a cop_partition (not of a .sup, which has
     * none). */
    const cop_child *child;
    size_t count;          /* 0: as many as there are worker threads */
    cop_strategy strategy; /* one_for_one, one_for_all, rest_for_one */
    int intensity;         /* as in cop_sup */
    cop_time period_ns;    /* as in cop_sup */
    cop_opts opts;         /* of the supervisor: name, priority, label */
} cop_partitions;

/* What a partition gets as its argument. A .fn or .server has a copy of its
 * own; a .start borrows it for its call. */
typedef struct cop_partition {
    size_t number; /* 0 to count - 1 */
    size_t count;
    void *arg;        /* the template's, if it is borrowed */
    size_t arg_bytes; /* > 0: it is copied, and lies behind this */
} cop_partition;

/* The argument of the template. */
static inline void *cop_partition_arg(const cop_partition *p)
{
    return p->arg_bytes > 0 ? (void *)(p + 1) : p->arg;
}

/* Starts the supervisor, linked to the calling actor (to nobody from a foreign
 * thread), and waits until all partitions are up. Everything is copied but
 * servers and borrowed arguments. Blocks. As cop_sup_start; COP_EINVAL (NULL);
 * COP_ESPEC also for another strategy, a count above COP_PARTITIONS_MAX, a
 * child with a name, opts.monitor; COP_ENOTSUP (opts.isolation is COP_ISOLATED,
 * or an isolated actor asks: keys are looked up in shared memory). */
COP_API COP_MUST_USE int cop_partition_start(cop_pid *out,
                                             const cop_partitions *partitions,
                                             cop_reason *why);
/* The same for cop_child.start: the argument is a const cop_partitions, which
 * is copied at each start. */
COP_API COP_MUST_USE int
cop_partition_start_child(cop_pid *out, void *partitions, cop_reason *why);

/* Who does what belongs to `key` now: partition key % count. A look into a
 * table, without a lock, a message or memory: any actor, any thread; does not
 * block. COP_NO_PID: that partition has ended and is not up again, or `sup` is
 * no partitioned supervisor that lives. (A message to COP_NO_PID is a dead
 * letter, a call says COP_ENOPROC.) A partition that has just ended may still
 * be shown until its supervisor knows. */
COP_API cop_pid cop_partition_pid(cop_pid sup, uint64_t key);
/* The same for whoever is registered as `name`. */
COP_API cop_pid cop_partition_pid_name(const char *name, uint64_t key);
/* How many partitions there are; COP_ENOENT: `sup` is no partitioned
 * supervisor that lives. Any thread; does not block. */
COP_API COP_MUST_USE int cop_partition_count(cop_pid sup);

/* A key made of bytes; the same in every run. Any thread. */
COP_API uint64_t cop_partition_key(const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
