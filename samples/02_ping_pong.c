/* SPDX-License-Identifier: MIT
 *
 * 02_ping_pong - two actors that answer each other. A tag says what a message
 * is about, so that `switch` works on it; the body is a struct, checked for
 * its size when it is read.
 */
#include <coppice.h>
#include <stdio.h>

enum { PING = 1, PONG, STOP };

struct ball {
    unsigned round;
    unsigned hits;
};

/* A failed call ends the actor: whoever watches it hears why. */
static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

static void ponger(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        switch (cop_msg_tag(m)) {
        case PING: {
            struct ball b = *cop_msg_as(m, struct ball);

            b.hits++;
            must(cop_send(cop_msg_sender(m), PONG, &b, sizeof b));
            break;
        }
        case STOP:
            printf("ponger: stop\n");
            return;
        }
    }
}

static void pinger(void *arg)
{
    struct ball b = {0};
    cop_pid other;
    cop_ref ref;
    const cop_msg *m;

    (void)arg;
    must(cop_spawn(&other, ponger, NULL, &(cop_opts){.monitor = &ref}));
    for (unsigned i = 1; i <= 10000; i++) {
        b.round = i;
        b.hits++;
        must(cop_send(other, PING, &b, sizeof b));
        /* Only an answer of that actor will do. */
        must(cop_recv_from(&m, other, cop_in(60 * COP_SEC)));
        b = *cop_msg_as(m, struct ball);
        if (b.round == 1 || b.round == 10000)
            printf("pinger: round %u, %u hits\n", b.round, b.hits);
    }
    must(cop_send(other, STOP, NULL, 0));
    must(cop_recv_ref(&m, ref, COP_FOREVER));
    printf("pinger: ponger has ended\n");
}

int main(void)
{
    return cop_run(pinger, NULL, NULL);
}
