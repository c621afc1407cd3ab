/* SPDX-License-Identifier: MIT
 *
 * worker.c - counts one chunk at a time, under fire.
 *
 * It takes a few breaths within a chunk: there it lets others run, there an
 * exit signal ends it with the chunk half counted, and there it looks whether
 * it has been sent a fault, which it then suffers on the spot: a real one, by
 * real code (faults.c). What it allocated hangs on one struct that a deferred
 * function frees, and that runs after a crash as well, so that no death leaks
 * anything. Nothing it counts is visible before the whole chunk is: a result
 * is one message or none.
 */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

enum { BREATHS = 8 };

struct worker {
    struct tally *tally;
    cop_msg *chunk; /* kept while it is being counted */
    struct result_head head;
};

static void free_worker(void *arg)
{
    struct worker *w = arg;

    tally_free(w->tally);
    cop_msg_free(w->chunk);
    free(w);
}

static struct worker *new_worker(void)
{
    struct worker *w = calloc(1, sizeof *w);

    if (w == NULL)
        cop_exit(cop_because("nomem"));
    if (cop_defer(free_worker, w) != 0) {
        free(w);
        cop_exit(cop_because("nomem"));
    }
    w->tally = tally_new();
    if (w->tally == NULL)
        cop_exit(cop_because("nomem"));
    return w;
}

static void breathe(void)
{
    const cop_msg *m;

    if (cop_recv_tag(&m, TAG_FAULT, COP_POLL) == 0)
        fault_suffer(*cop_msg_as(m, enum fault));
    cop_yield();
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Counts the word at `at` if there is one; returns where to go on. */
static const char *count_word(struct worker *w, char *word, const char *at,
                              const char *end)
{
    size_t n = 0;

    while (at < end && is_in_word(*at))
        word[n++] = folded(*at++);
    if (n > 0) {
        if (tally_add(w->tally, word, n, 1) != 0)
            cop_exit(cop_because("nomem"));
        w->head.words++;
    }
    while (at < end && !is_in_word(*at))
        w->head.lines += *at++ == '\n';
    return at;
}

/* The chunk is the worker's own copy, so letters are folded in place. */
static void count(struct worker *w)
{
    char *at = cop_msg_fill(w->chunk), *end;
    struct chunk_head head;
    uint32_t breath;

    memcpy(&head, at, sizeof head);
    at += sizeof head;
    end = at + head.length;
    w->head = (struct result_head){.number = head.number, .bytes = head.length};
    tally_clear(w->tally);
    breath = head.length / (BREATHS + 1) + 1;
    for (const char *next = at + breath; at < end;) {
        at += count_word(w, at, at, end) - at;
        if (at >= next && at < end) {
            breathe();
            next = at + breath;
        }
    }
}

static void send_result(struct worker *w)
{
    size_t packed = tally_packed_bytes(w->tally);
    cop_pid to = cop_whereis("aggregator");
    cop_msg *m;

    w->head.entries = (uint32_t)w->tally->used;
    if (cop_pid_is_none(to))
        cop_exit(cop_because("no_aggregator"));
    if (cop_msg_new(&m, TAG_RESULT, sizeof w->head + packed) != 0)
        cop_exit(cop_because("nomem"));
    memcpy(cop_msg_fill(m), &w->head, sizeof w->head);
    tally_pack(w->tally, (char *)cop_msg_fill(m) + sizeof w->head);
    if (cop_send_msg(to, m) != 0)
        cop_exit(cop_because("cannot_send"));
}

void worker_run(void *arg)
{
    struct worker *w = new_worker();
    const cop_msg *m;

    (void)arg;
    for (;;) {
        cop_msg *counted;

        reader_ready();
        if (cop_recv_tag(&m, TAG_CHUNK, COP_FOREVER) != 0)
            cop_exit(cop_because("no_chunk"));
        w->chunk = cop_keep(m);
        count(w);
        send_result(w);
        /* The worst instant: it has been counted, and nobody was told. */
        breathe();
        counted = w->chunk;
        w->chunk = NULL;
        cop_msg_free(counted);
    }
}
