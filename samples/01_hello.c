/* SPDX-License-Identifier: MIT
 *
 * 01_hello - an actor starts another one, sends it a message and waits for
 * its end.
 */
#include <coppice.h>
#include <stdio.h>

enum { GREET = 1 };

static void greeter(void *arg)
{
    const cop_msg *m;

    (void)arg;
    if (cop_recv_tag(&m, GREET, COP_FOREVER) == 0)
        printf("hello, %s\n", (const char *)cop_msg_body(m));
}

static void first(void *arg)
{
    cop_pid pid;
    cop_ref ref;
    const cop_msg *m;

    (void)arg;
    if (cop_spawn(&pid, greeter, NULL, &(cop_opts){.monitor = &ref}) != 0)
        cop_exit(cop_because("no_greeter"));
    cop_send(pid, GREET, "world", sizeof "world");
    if (cop_recv_ref(&m, ref, COP_FOREVER) == 0)
        printf("it ended: %s\n", cop_reason_name(cop_msg_reason(m)));
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
