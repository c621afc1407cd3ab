/* SPDX-License-Identifier: MIT
 *
 * director.c - the supervision tree, and the first actor, which starts it,
 * waits for the end, asks for the results and takes it down.
 *
 * rest_for_one at the top says who depends on whom: without the aggregator's
 * sums all has to be done again; without the reader the workers have nobody
 * to ask; a pool that gave up comes back with the saboteur behind it. Workers
 * depend on nobody else among them: one_for_one.
 */
#include "wordcount.h"

static struct job job; /* what `parts` points to */
static char names[MAX_WORKERS][24];
static cop_child workers[MAX_WORKERS];
static cop_sup pool = {.strategy = COP_ONE_FOR_ONE, .children = workers};

static const cop_child parts[] = {
    {.id = "aggregator",
     .server = &aggregator_server,
     .arg = &job,
     .opts = {.name = "aggregator"}},
    {.id = "reader",
     .server = &reader_server,
     .arg = &job,
     .opts = {.name = "reader"}},
    {.id = "pool", .sup = &pool, .opts = {.name = "pool"}},
    {.id = "saboteur",
     .server = &saboteur_server,
     .arg = &job,
     .opts = {.name = "saboteur"}},
    {.id = "display", .fn = display_run, .arg = &job},
};
static const cop_sup root = {
    .strategy = COP_REST_FOR_ONE,
    .intensity = 3,
    .period_ns = 10 * COP_SEC,
    .children = parts,
    .nchildren = sizeof parts / sizeof *parts,
};

/* ------------------------------------------------------------------- pool */

const char *worker_name(unsigned i)
{
    return names[i];
}

/* A chunk may be as large as the largest file, if that is one word, and is
 * counted without a breath then. */
static uint64_t largest_chunk(void)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < job.corpus->nfiles; i++)
        if (job.corpus->files[i].size > largest)
            largest = job.corpus->files[i].size;
    return largest;
}

/* Above what counting needs, so that only what never ends gets there: twice
 * the chunk in memory, and 20 ns a byte. */
static void limit(cop_opts *opts)
{
    uint64_t largest = largest_chunk();

    opts->memory_max = MAX_MEMORY + 2 * (size_t)largest;
    opts->max_run_ns = MAX_RUN_NS + 20 * (cop_time)largest;
}

/* The supervisor must bear what the saboteur does: its limit is twice the
 * faults of a second, and some for chance. */
static void fill_pool(void)
{
    for (unsigned i = 0; i < job.workers; i++) {
        snprintf(names[i], sizeof names[i], "worker_%u", i + 1);
        workers[i] = (cop_child){
            .id = names[i], .fn = worker_run, .opts = {.name = names[i]}};
        if (job.crashes)
            limit(&workers[i].opts);
    }
    pool.nchildren = job.workers;
    pool.intensity = (int)(2 * job.kills_per_second + job.workers + 10);
    pool.period_ns = COP_SEC;
}

uint64_t pool_restarts(void)
{
    cop_child_info info[MAX_WORKERS];
    cop_pid pid = cop_whereis("pool");
    uint64_t sum = 0;
    int n;

    if (cop_pid_is_none(pid))
        return 0;
    n = cop_sup_which_children(pid, info, MAX_WORKERS);
    for (int i = 0; i < n; i++)
        sum += info[i].restarts;
    return sum;
}

/* --------------------------------------------------------------- director */

static void failed(struct outcome *o, const char *what, cop_reason why)
{
    char text[COP_REASON_TEXT];

    snprintf(o->failure, sizeof o->failure, "%s: %.200s", what,
             cop_reason_str(why, text, sizeof text));
}

/* A death is told to the saboteur and to the supervisor at once, but who of
 * them has heard of the last one first? So both are asked until they agree, or
 * it is clear that they never will. */
static int settle(struct outcome *o)
{
    cop_time deadline = cop_in(5 * COP_SEC);
    int code = saboteur_enough(&o->book);

    while (code >= 0) {
        o->restarts = pool_restarts();
        if (o->restarts == book_sum(o->book.deaths) || cop_now() > deadline)
            break;
        cop_sleep(10 * COP_MS);
        code = saboteur_book(&o->book);
    }
    return code;
}

/* The saboteur first, so that nothing moves any more while results, tree and
 * counters are taken. */
static int collect(struct outcome *o, cop_pid top)
{
    cop_counters counters;
    int code = settle(o);

    if (code >= 0)
        code = reader_progress(&o->progress);
    if (code >= 0)
        code = aggregator_totals(&o->totals);
    if (code >= 0)
        code = aggregator_words(&o->words);
    cop_sup_tree(top, o->tree, sizeof o->tree);
    cop_counters_get(&counters);
    o->messages = counters.sent;
    cop_crash_counts_get(&o->crashes);
    return code;
}

static void await_end(struct outcome *o, cop_pid top, cop_time begin)
{
    enum { FINISHED, FELL };
    const cop_msg *m;
    int code;

    switch (cop_recv_match(&m,
                           (cop_match[]){
                               [FINISHED] = {.tag = TAG_FINISHED},
                               [FELL] = {.tag = COP_EXIT},
                           },
                           2, COP_FOREVER)) {
    case FINISHED:
        o->elapsed_ns = cop_now() - begin;
        code = collect(o, top);
        o->finished = code >= 0;
        if (code < 0)
            snprintf(o->failure, sizeof o->failure, "no results: %s",
                     cop_error_str(code));
        break;
    case FELL:
        failed(o, "the supervision tree ended", cop_msg_reason(m));
        break;
    }
}

void director_run(void *arg)
{
    struct outcome *o = arg;
    cop_time begin = cop_now();
    cop_reason why = COP_NORMAL;
    cop_pid top;
    int code;

    job = *o->job;
    fill_pool();
    cop_trap_exit(true);
    code = cop_register("director", cop_self());
    if (code == 0)
        code = cop_sup_start(&top, &root,
                             &(cop_opts){.name = "root", .link = true}, &why);
    if (code != 0) {
        failed(o, cop_error_str(code), why);
        cop_reason_release(why);
        return;
    }
    await_end(o, top, begin);
    code = cop_server_stop(top, COP_SHUTDOWN, cop_in(10 * COP_SEC), NULL);
    if (code != 0 && o->finished)
        fprintf(stderr, "chaos_wordcount: stopping: %s\n", cop_error_str(code));
}
