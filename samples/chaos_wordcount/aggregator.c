/* SPDX-License-Identifier: MIT
 *
 * aggregator.c - the server that adds up results, each chunk number once.
 *
 * A number is marked and added in one callback, which no signal interrupts:
 * either both happened or the aggregator is gone with all its sums, and the
 * work begins anew. Every result is confirmed to the reader, also one that
 * was dropped as a duplicate: the first confirmation may have met a reader
 * that was just being restarted.
 */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

struct memory { /* what goes when the aggregator ends, however it does */
    struct tally *words;
    unsigned char *seen; /* a byte for each number */
};

struct aggregator {
    const struct job *job;
    struct memory *mem;
    size_t seen_size;
    struct totals totals;
    bool sabotaged;
};

static void forget(void *arg)
{
    struct memory *mem = arg;

    tally_free(mem->words);
    free(mem->seen);
    free(mem);
}

static cop_next init(void *state, void *arg)
{
    struct aggregator *a = state;

    a->job = arg;
    a->mem = calloc(1, sizeof *a->mem);
    if (a->mem == NULL)
        return cop_next_stop(cop_because("nomem"));
    if (cop_defer(forget, a->mem) != 0) {
        forget(a->mem);
        return cop_next_stop(cop_because("nomem"));
    }
    a->mem->words = tally_new();
    if (a->mem->words == NULL)
        return cop_next_stop(cop_because("nomem"));
    return cop_next_wait();
}

static int see(struct aggregator *a, uint32_t number)
{
    if (number >= a->seen_size) {
        size_t size = 2 * ((size_t)number + 512);
        unsigned char *seen = realloc(a->mem->seen, size);

        if (seen == NULL)
            return COP_ENOMEM;
        memset(seen + a->seen_size, 0, size - a->seen_size);
        a->mem->seen = seen;
        a->seen_size = size;
    }
    a->mem->seen[number] = 1;
    return 0;
}

static int add(struct aggregator *a, const struct result_head *head,
               const void *packed, size_t size)
{
    a->totals.bytes += head->bytes;
    a->totals.lines += head->lines;
    a->totals.words += head->words;
    return tally_add_packed(a->mem->words, packed, size);
}

/* How often this chunk is added: once, but for the deliberate mistake that
 * shows that the verdict notices. */
static unsigned times(struct aggregator *a, const struct result_head *head)
{
    enum sabotage how = a->job->sabotage;

    if (a->sabotaged || head->words == 0 ||
        (how != SABOTAGE_TWICE && how != SABOTAGE_DROP))
        return 1;
    a->sabotaged = true;
    return how == SABOTAGE_TWICE ? 2 : 0;
}

static cop_next result(struct aggregator *a, const cop_msg *m)
{
    const char *body = cop_msg_body(m);
    size_t size = cop_msg_size(m);
    struct result_head head;

    if (size < sizeof head)
        return cop_next_stop(cop_because("bad_result"));
    memcpy(&head, body, sizeof head);
    if (head.number < a->seen_size && a->mem->seen[head.number]) {
        a->totals.duplicates++;
    } else {
        if (see(a, head.number) != 0)
            return cop_next_stop(cop_because("nomem"));
        for (unsigned n = times(a, &head); n > 0; n--)
            if (add(a, &head, body + sizeof head, size - sizeof head) != 0)
                return cop_next_stop(cop_because("bad_result"));
        a->totals.chunks++;
        a->totals.distinct = a->mem->words->used;
    }
    reader_confirm(head.number);
    return cop_next_wait();
}

static cop_next reply_words(struct aggregator *a, cop_from from)
{
    cop_msg *m;

    if (cop_msg_new(&m, TAG_WORDS, tally_packed_bytes(a->mem->words)) != 0)
        return cop_next_stop(cop_because("nomem"));
    tally_pack(a->mem->words, cop_msg_fill(m));
    cop_reply_msg(from, m);
    return cop_next_wait();
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct aggregator *a = state;

    switch (cop_msg_tag(m)) {
    case TAG_TOTALS:
        cop_reply(from, &a->totals, sizeof a->totals);
        return cop_next_wait();
    case TAG_WORDS:
        return reply_words(a, from);
    default:
        return cop_next_stop(cop_because("unexpected_call"));
    }
}

static cop_next info(void *state, const cop_msg *m)
{
    if (cop_msg_tag(m) == TAG_RESULT)
        return result(state, m);
    return cop_next_wait();
}

const cop_server aggregator_server = {
    .label = "aggregator",
    .state_bytes = sizeof(struct aggregator),
    .init = init,
    .call = call,
    .info = info,
};

/* ---------------------------------------------------------------- clients */

int aggregator_totals(struct totals *out)
{
    return cop_call_name("aggregator", TAG_TOTALS, NULL, 0, out, sizeof *out,
                         cop_in(10 * COP_SEC));
}

/* The caller's (tally_free). Blocks until the aggregator answers. */
int aggregator_words(struct tally **out)
{
    cop_pid aggregator = cop_whereis("aggregator");
    cop_msg *m = NULL;
    int code;

    *out = tally_new();
    if (*out == NULL)
        return COP_ENOMEM;
    code =
        cop_call_msg(&m, aggregator, TAG_WORDS, NULL, 0, cop_in(60 * COP_SEC));
    if (code >= 0)
        code = tally_add_packed(*out, cop_msg_body(m), cop_msg_size(m));
    cop_msg_free(m);
    if (code != 0) {
        tally_free(*out);
        *out = NULL;
    }
    return code;
}
