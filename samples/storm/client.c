/* SPDX-License-Identifier: MIT
 *
 * client.c - asks any of the workers, by name, until the time is over. One
 * client in two waits for each answer (cop_call); the other has a batch of
 * questions out and takes the answers as they come (request.h).
 *
 * A question is written down before it is asked, and then exactly one of what
 * can become of it. A client that is told "the worker ended" does not ask
 * again: that is for the program to decide which knows what a question costs.
 */
#include "storm.h"

struct client {
    struct client_page *page;
    cop_reqids *batch;
    uint64_t random;
    uint64_t number; /* of the last question */
    bool forgets;    /* sabotage: the next answer is not written down */
};

/* splitmix64: a counter in steps of an odd number, well mixed. */
static uint64_t next_random(struct client *c)
{
    uint64_t z = c->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A worker, at this moment: the next one with that name is another. */
static cop_pid any_worker(struct client *c)
{
    char name[NAME_SIZE];

    return cop_whereis(worker_name(next_random(c) % job.workers, name));
}

/* ------------------------------------------------------------- writing -- */

static void note_answer(struct client *c, uint64_t question, uint64_t answer)
{
    if (answer != answer_to(question))
        c->page->wrong++;
    else if (c->forgets)
        c->forgets = false;
    else
        c->page->answered++;
}

static void note_failure(struct client *c, int code)
{
    switch (code) {
    case COP_ETIMEDOUT:
        c->page->timed_out++;
        break;
    case COP_EDOWN:
    case COP_ENOPROC:
        c->page->down++;
        break;
    default:
        c->page->refused++;
    }
}

/* -------------------------------------------------------- one at a time -- */

static void ask_one(struct client *c)
{
    uint64_t question = ++c->number, answer = 0;
    cop_pid to = any_worker(c);
    int code;

    c->page->asked++;
    if (cop_pid_is_none(to)) {
        c->page->absent++;
        return;
    }
    code = cop_call(to, TAG_ASK, &question, sizeof question, &answer,
                    sizeof answer, cop_in(PATIENCE));
    if (code == sizeof answer)
        note_answer(c, question, answer);
    else
        note_failure(c, code);
}

/* -------------------------------------------------------------- batches -- */

static void send_one(struct client *c)
{
    uint64_t question = ++c->number;
    cop_pid to = any_worker(c);

    c->page->asked++;
    if (cop_pid_is_none(to))
        c->page->absent++;
    else if (cop_reqids_send(c->batch, to, TAG_ASK, &question, sizeof question,
                             question) != 0)
        c->page->refused++;
}

static void take_response(struct client *c, cop_response *r)
{
    if (r->code == 0)
        note_answer(c, r->label, *cop_msg_as(r->reply, uint64_t));
    else
        note_failure(c, r->code);
    cop_msg_free(r->reply);
    cop_reason_release(r->why);
}

static void ask_many(struct client *c)
{
    cop_time deadline = cop_in(PATIENCE);
    cop_response r;

    for (int i = 0; i < BATCH; i++)
        send_one(c);
    while (cop_reqids_size(c->batch) > 0) {
        size_t left = cop_reqids_size(c->batch);

        if (cop_reqids_receive(c->batch, &r, deadline, true) == 0)
            take_response(c, &r);
        else
            c->page->timed_out += left; /* and has given them up */
    }
}

void client_run(void *arg)
{
    struct client c = {.page = arg};
    size_t index = (size_t)(c.page - client_pages);
    cop_time end = cop_in(job.time_ns);

    c.random = job.seed ^ index << 32;
    c.forgets = index == 0 && job.sabotage == SABOTAGE_FORGET;
    if (cop_reqids_new(&c.batch) != 0)
        cop_exit(cop_because("nomem"));
    while (cop_now() < end) {
        if (index % 2 == 0)
            ask_one(&c);
        else
            ask_many(&c);
    }
    cop_reqids_free(c.batch);
}
