/* SPDX-License-Identifier: MIT
 *
 * worker.c - answers questions, and is killed at random. It notes each step
 * before it takes it, for it may be the last one.
 */
#include "storm.h"

struct worker {
    struct worker_page *page;
};

static cop_next init(void *state, void *arg)
{
    struct worker *w = state;

    w->page = arg;
    w->page->born++;
    return cop_next_wait();
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct worker *w = state;
    uint64_t answer = answer_to(*cop_msg_as(m, uint64_t));

    w->page->taken++;
    w->page->answering++;
    (void)cop_reply(from, &answer, sizeof answer); /* late? a dead letter */
    w->page->answered++;
    return cop_next_wait();
}

const cop_server worker_server = {
    .label = "worker",
    .state_bytes = sizeof(struct worker),
    .init = init,
    .call = call,
};

char *worker_name(unsigned i, char buf[NAME_SIZE])
{
    snprintf(buf, NAME_SIZE, "worker.%u.%u", i / GROUP + 1, i % GROUP + 1);
    return buf;
}
