/* SPDX-License-Identifier: MIT
 *
 * 07_timers - messages that come later, and waits that end in time. Durations
 * are nanoseconds (COP_MS, COP_SEC); blocking calls take a deadline, which
 * cop_in makes of a duration.
 */
#include <coppice.h>
#include <stdio.h>

enum { TICK = 1, NEVER, QUESTION };

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* A periodic timer sets itself again from the instant it was due, so that it
 * does not drift. */
static void tick(int times)
{
    cop_time due = cop_now();
    const cop_msg *m;
    cop_timer t;

    for (int i = 1; i <= times; i++) {
        due += 2 * COP_MS;
        must(cop_send_after(&t, due > cop_now() ? due - cop_now() : 0,
                            cop_self(), TICK, &i, sizeof i));
        must(cop_recv_tag(&m, TICK, COP_FOREVER));
        printf("tick %d, early: %s\n", *cop_msg_as(m, int),
               cop_now() < due ? "yes" : "no");
    }
}

static void cancel(void)
{
    const cop_msg *m;
    cop_timer t;

    must(cop_send_after(&t, 3600 * COP_SEC, cop_self(), NEVER, NULL, 0));
    printf("an hour, nearly all is left: %s\n",
           cop_read_timer(t) > 3000 * COP_SEC ? "yes" : "no");
    printf("cancelled: %s\n", cop_cancel_timer(t) >= 0 ? "yes" : "no");
    printf("cancelled twice: %s\n", cop_error_str((int)cop_cancel_timer(t)));
    printf("its message: %s\n",
           cop_error_str(cop_recv_tag(&m, NEVER, COP_POLL)));
}

/* The message of cop_start_timer has the timer's own reference: a late one
 * cannot be taken for another's. */
static void by_reference(void)
{
    const cop_msg *m;
    cop_timer t;

    must(cop_start_timer(&t, COP_MS, cop_self(), "tea", sizeof "tea"));
    must(cop_recv_ref(&m, cop_timer_ref(t), COP_FOREVER));
    printf("timeout: %s\n", (const char *)cop_msg_body(m));
}

/* One deadline for all of a conversation, however many waits it has. */
static void deadline(void)
{
    cop_time begin = cop_now(), end = cop_in(5 * COP_MS);
    const cop_msg *m;
    int code = 0, rounds = 0;

    while (code == 0 && rounds < 3) {
        must(cop_send(cop_self(), QUESTION, NULL, 0));
        code = cop_recv_tag(&m, QUESTION, COP_FOREVER);
        rounds++;
    }
    code = cop_recv_tag(&m, QUESTION, end);
    printf("after %d rounds: %s\n", rounds, cop_error_str(code));
    printf("waited till the end: %s\n",
           cop_now() - begin >= 5 * COP_MS ? "yes" : "no");
}

static void first(void *arg)
{
    (void)arg;
    tick(3);
    cancel();
    by_reference();
    deadline();
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
