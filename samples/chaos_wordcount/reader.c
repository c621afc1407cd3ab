/* SPDX-License-Identifier: MIT
 *
 * reader.c - the server that hands out chunks and knows who has which.
 *
 * A worker asks (READY), gets a chunk, sends its result to the aggregator and
 * asks again. The aggregator confirms each number to the reader. Workers are
 * killed at any instant, so:
 *
 *  1. A number is WAITING, OUT or DONE; only a confirmation makes it DONE,
 *     and nothing leads out of DONE. The work is over when all are.
 *  2. A worker is monitored from its first READY. READY and DOWN of one
 *     worker arrive in the order they happened. If it dies with a chunk, the
 *     chunk is WAITING again, and the next to be given out.
 *  3. A worker sends its result before it asks again. So a READY says that
 *     the result of its last chunk lies in the aggregator's mailbox: that
 *     chunk stays OUT, is nobody's any more, and will be confirmed.
 *  4. A worker that dies between its result and its READY leaves a chunk that
 *     is given out again though it has been counted: the aggregator drops
 *     the second result, by its number, and confirms once more. So nothing is
 *     lost and nothing counts twice, whatever the instant.
 *  5. If the aggregator ends, so does the reader, by the supervisor's
 *     rest_for_one, and all begins anew; if the reader ends, all chunks are
 *     given out again and the aggregator drops what it has (4).
 *
 * At most `window` numbers are OUT, so that results cannot pile up in front
 * of the aggregator; workers beyond that wait until one is confirmed.
 */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

struct slot { /* one incarnation of a worker */
    cop_pid pid;
    cop_ref ref;
    uint32_t number; /* what it has, or NO_NUMBER */
    bool asks;
};

struct memory { /* what goes when the reader ends, however it does */
    struct corpus *corpus;
    struct ledger ledger;
    uint32_t *file_confirmed; /* chunks of each file, in all passes */
    struct slot *slots;
};

struct reader {
    const struct job *job;
    struct memory *mem;
    struct ledger *ledger;
    size_t nslots, slots_size;
    uint32_t window;
    struct progress progress;
};

static void forget(void *arg)
{
    struct memory *mem = arg;

    corpus_forget(mem->corpus);
    ledger_fini(&mem->ledger);
    free(mem->file_confirmed);
    free(mem->slots);
    free(mem);
}

struct reading {
    struct corpus *corpus;
    int code;
};

static void read_corpus(void *arg)
{
    struct reading *r = arg;

    r->code = corpus_read(r->corpus);
}

/* Reading files blocks, so a helper thread does it. */
static int load(struct reader *r)
{
    struct reading reading = {.corpus = r->job->corpus};
    uint64_t total;
    int code = cop_blocking(read_corpus, &reading);

    if (code == 0)
        code = reading.code;
    if (code != 0)
        return code;
    total = (uint64_t)r->job->passes * r->job->corpus->nchunks;
    if (total > MAX_NUMBER)
        return COP_ELIMIT;
    r->mem->file_confirmed =
        calloc(r->job->corpus->nfiles, sizeof *r->mem->file_confirmed);
    if (r->mem->file_confirmed == NULL)
        return COP_ENOMEM;
    return ledger_init(r->ledger, (uint32_t)total);
}

static cop_next init(void *state, void *arg)
{
    struct reader *r = state;
    int code;

    r->job = arg;
    r->mem = calloc(1, sizeof *r->mem);
    if (r->mem == NULL)
        return cop_next_stop(cop_because("nomem"));
    r->mem->corpus = r->job->corpus;
    r->ledger = &r->mem->ledger;
    if (cop_defer(forget, r->mem) != 0) {
        forget(r->mem);
        return cop_next_stop(cop_because("nomem"));
    }
    code = load(r);
    if (code != 0)
        return cop_next_stop(
            cop_because_fmt("cannot_read", "%s", cop_error_str(code)));
    r->window = 4 * r->job->workers;
    r->progress.chunks = r->ledger->total;
    r->progress.files = (uint64_t)r->job->passes * r->job->corpus->nfiles;
    return cop_next_wait();
}

/* ------------------------------------------------------------- giving out */

static int send_chunk(const struct reader *r, cop_pid to, uint32_t number)
{
    const struct corpus *c = r->job->corpus;
    const struct chunk *chunk = &c->chunks[number % c->nchunks];
    struct chunk_head head = {.number = number, .length = chunk->length};
    cop_msg *m;
    int code = cop_msg_new(&m, TAG_CHUNK, sizeof head + chunk->length);

    if (code != 0)
        return code;
    memcpy(cop_msg_fill(m), &head, sizeof head);
    memcpy((char *)cop_msg_fill(m) + sizeof head, c->text + chunk->offset,
           chunk->length);
    return cop_send_msg(to, m);
}

/* Gives chunks to those who asked, as long as the window is open. */
static cop_next feed(struct reader *r)
{
    for (size_t i = 0; i < r->nslots && r->ledger->out < r->window; i++) {
        struct slot *s = &r->mem->slots[i];

        if (!s->asks)
            continue;
        s->number = ledger_take(r->ledger);
        if (s->number == NO_NUMBER)
            break;
        s->asks = false;
        if (send_chunk(r, s->pid, s->number) != 0)
            return cop_next_stop(cop_because("cannot_send"));
    }
    return cop_next_wait();
}

/* ---------------------------------------------------------------- workers */

static struct slot *slot_of(struct reader *r, cop_pid pid)
{
    struct slot *s = r->mem->slots;

    for (size_t i = 0; i < r->nslots; i++)
        if (cop_pid_eq(s[i].pid, pid))
            return &s[i];
    if (r->nslots == r->slots_size) {
        size_t size = r->slots_size == 0 ? 16 : 2 * r->slots_size;

        s = realloc(s, size * sizeof *s);
        if (s == NULL)
            return NULL;
        r->mem->slots = s;
        r->slots_size = size;
    }
    s = &r->mem->slots[r->nslots];
    *s = (struct slot){.pid = pid, .number = NO_NUMBER};
    if (cop_monitor(&s->ref, pid) != 0)
        return NULL;
    r->nslots++;
    return s;
}

static cop_next worker_ready(struct reader *r, cop_pid pid)
{
    struct slot *s = slot_of(r, pid);

    if (s == NULL)
        return cop_next_stop(cop_because("nomem"));
    s->number = NO_NUMBER;
    s->asks = true;
    return feed(r);
}

static cop_next worker_down(struct reader *r, cop_ref ref)
{
    for (size_t i = 0; i < r->nslots; i++) {
        struct slot *s = &r->mem->slots[i];

        if (!cop_ref_eq(s->ref, ref))
            continue;
        if (s->number != NO_NUMBER)
            r->progress.reissued += ledger_give_back(r->ledger, s->number);
        *s = r->mem->slots[--r->nslots];
        break;
    }
    return feed(r);
}

static cop_next confirmed(struct reader *r, uint32_t number)
{
    const struct corpus *c = r->job->corpus;
    uint32_t file;

    if (!ledger_confirm(r->ledger, number))
        return cop_next_wait();
    file = c->chunks[number % c->nchunks].file;
    if (++r->mem->file_confirmed[file] % c->files[file].nchunks == 0)
        r->progress.files_done++;
    if (++r->progress.confirmed == r->progress.chunks)
        cop_send_name("director", TAG_FINISHED, NULL, 0);
    return feed(r);
}

/* -------------------------------------------------------------- callbacks */

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    const struct reader *r = state;

    if (cop_msg_tag(m) != TAG_PROGRESS)
        return cop_next_stop(cop_because("unexpected_call"));
    cop_reply(from, &r->progress, sizeof r->progress);
    return cop_next_wait();
}

static cop_next cast(void *state, const cop_msg *m)
{
    switch (cop_msg_tag(m)) {
    case TAG_READY:
        return worker_ready(state, cop_msg_sender(m));
    case TAG_CONFIRMED:
        return confirmed(state, *cop_msg_as(m, uint32_t));
    default:
        return cop_next_stop(cop_because("unexpected_cast"));
    }
}

static cop_next info(void *state, const cop_msg *m)
{
    if (cop_msg_tag(m) == COP_DOWN)
        return worker_down(state, cop_msg_ref(m));
    return cop_next_wait();
}

const cop_server reader_server = {
    .label = "reader",
    .state_bytes = sizeof(struct reader),
    .init = init,
    .call = call,
    .cast = cast,
    .info = info,
};

/* ---------------------------------------------------------------- clients */

/* Without a reader there is nothing to do: the worker ends, and its
 * supervisor looks after it. */
void reader_ready(void)
{
    if (cop_cast_name("reader", TAG_READY, NULL, 0) != 0)
        cop_exit(cop_because("no_reader"));
}

/* One that cannot be confirmed will be given out and counted again. */
void reader_confirm(uint32_t number)
{
    cop_cast_name("reader", TAG_CONFIRMED, &number, sizeof number);
}

int reader_progress(struct progress *out)
{
    return cop_call_name("reader", TAG_PROGRESS, NULL, 0, out, sizeof *out,
                         cop_in(10 * COP_SEC));
}
