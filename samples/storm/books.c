/* SPDX-License-Identifier: MIT
 *
 * books.c - the books, and whether they balance.
 *
 * Three parties keep them, and none asks another: the clients (what became of
 * each question), the workers (what they took and answered), and the runtime
 * (dead letters: each message that reached nobody, with the reason). When all
 * is quiet, three equations must hold:
 *
 *   1  asked    = answered + timed out + told down + absent
 *   2  sent     = taken + dropped on the way + dead with their worker
 *                 where sent = asked - absent
 *   3  answers  = received + dropped on the way + too late
 *                 where answers = taken - died in hand
 *
 * The first is the promise of this sample. The other two explain each question
 * that was not answered: nothing is "just lost".
 *
 * One thing cannot be known: a worker that dies between its note that it will
 * answer and its note that it did. Such an answer may be received or not, so
 * equation 3 has that much slack, which is almost always nothing. And a worker
 * can only have kept a question from its answer if it died with it: without a
 * death a gap between its notes is a mistake.
 */
#include "storm.h"

#include <inttypes.h>
#include <stdlib.h>

struct client_page *client_pages;
struct worker_page *worker_pages;
static struct letter_page letters;

int books_open(void)
{
    letters = (struct letter_page){0};
    client_pages = calloc(job.clients, sizeof *client_pages);
    worker_pages = calloc(job.workers, sizeof *worker_pages);
    if (client_pages != NULL && worker_pages != NULL)
        return 0;
    books_close();
    return COP_ENOMEM;
}

void books_close(void)
{
    free(client_pages);
    free(worker_pages);
    client_pages = NULL;
    worker_pages = NULL;
}

/* ----------------------------------------------------------- dead letters --
 */

static cop_next init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    cop_dead_letters_to(cop_self());
    return cop_next_wait();
}

static cop_next info(void *state, const cop_msg *m)
{
    const struct cop_dead_letter *d;
    bool dropped;

    (void)state;
    if (cop_msg_tag(m) != COP_DEAD_LETTER)
        return cop_next_wait();
    d = cop_msg_as(m, struct cop_dead_letter);
    dropped = d->reason == COP_DEAD_INJECTED;
    if (d->tag == TAG_ASK)
        (*(dropped ? &letters.questions_dropped : &letters.questions_dead))++;
    else if (d->tag == COP_REPLY)
        (*(dropped ? &letters.answers_dropped : &letters.answers_late))++;
    return cop_next_wait();
}

const cop_server letters_server = {
    .label = "letters", .init = init, .info = info};

/* ------------------------------------------------------------------- sums --
 */

static void add_clients(struct client_sums *s)
{
    for (unsigned i = 0; i < job.clients; i++) {
        const struct client_page *p = &client_pages[i];

        s->asked += p->asked;
        s->answered += p->answered;
        s->timed_out += p->timed_out;
        s->down += p->down;
        s->absent += p->absent;
        s->wrong += p->wrong;
        s->refused += p->refused;
    }
}

static void add_workers(struct sums *s)
{
    for (unsigned i = 0; i < job.workers; i++) {
        const struct worker_page *p = &worker_pages[i];
        /* In the order from last to first, so that no gap is seen which is
         * only a step done meanwhile. */
        uint64_t answered = p->answered, answering = p->answering;
        uint64_t taken = p->taken, deaths = p->born > 0 ? p->born - 1 : 0;
        uint64_t gap = taken - answered;

        s->taken += taken;
        s->answered += answered;
        s->in_hand += taken - answering;
        s->in_doubt += answering - answered;
        s->gaps += gap > deaths ? gap - deaths : 0;
    }
}

struct sums books_sum(void)
{
    struct sums s = {
        .questions_dropped = letters.questions_dropped,
        .answers_dropped = letters.answers_dropped,
        .questions_dead = letters.questions_dead,
        .answers_late = letters.answers_late,
    };

    add_clients(&s.client);
    add_workers(&s);
    return s;
}

/* ---------------------------------------------------------------- balance --
 */

static bool differ(const char *what, uint64_t left, uint64_t right, char *text,
                   size_t size)
{
    if (left == right)
        return false;
    snprintf(text, size, "%s: %" PRIu64 " against %" PRIu64 ", %+" PRId64, what,
             left, right, (int64_t)(left - right));
    return true;
}

bool books_balance(const struct sums *s, char *text, size_t size)
{
    const struct client_sums *c = &s->client;
    uint64_t came = c->answered + s->answers_dropped + s->answers_late;

    if (c->wrong + c->refused + s->gaps > 0) {
        snprintf(text, size,
                 "%" PRIu64 " wrong answers, %" PRIu64
                 " questions refused, %" PRIu64 " kept by living workers",
                 c->wrong, c->refused, s->gaps);
        return false;
    }
    if (differ("questions asked, and what became of them", c->asked,
               c->answered + c->timed_out + c->down + c->absent, text, size) ||
        differ("questions sent, and where they went", c->asked - c->absent,
               s->taken + s->questions_dropped + s->questions_dead, text, size))
        return false;
    /* The doubtful ones came, or did not. */
    if (came > s->answered && came - s->answered <= s->in_doubt)
        came = s->answered;
    return !differ("answers sent, and where they went", s->answered, came, text,
                   size);
}
