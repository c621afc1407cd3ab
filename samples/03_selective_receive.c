/* SPDX-License-Identifier: MIT
 *
 * 03_selective_receive - an actor takes the messages that it can use now and
 * leaves the others in its mailbox, in their order.
 */
#include <coppice.h>
#include <stdio.h>

enum { LETTER = 1, ALARM, PRICE };

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

static int number(const cop_msg *m)
{
    return *cop_msg_as(m, int);
}

/* A condition of one's own. It looks at the message and calls nothing. */
static bool is_even(const cop_msg *m, void *ctx)
{
    (void)ctx;
    return cop_msg_size(m) == sizeof(int) &&
           *(const int *)cop_msg_body(m) % 2 == 0;
}

static void by_tag_and_condition(void)
{
    static const cop_tag tags[] = {LETTER, LETTER, LETTER, ALARM, LETTER};
    const cop_msg *m;

    for (int i = 0; i < 5; i++) {
        int n = i + 1;

        must(cop_send(cop_self(), tags[i], &n, sizeof n));
    }
    must(cop_recv_tag(&m, ALARM, COP_POLL));
    printf("alarm first: %d\n", number(m));
    must(cop_recv_when(&m, is_even, NULL, COP_POLL));
    printf("then an even letter: %d\n", number(m));
    while (cop_recv(&m, COP_POLL) == 0)
        printf("then by age: %d\n", number(m));
    printf("mailbox is empty: %s\n", cop_error_str(cop_recv(&m, COP_POLL)));
}

static void shop(void *arg)
{
    const cop_msg *m;

    must(cop_recv(&m, COP_FOREVER));
    if (*(const int *)arg == 0)
        cop_exit(cop_because("closed"));
    must(cop_send(cop_msg_sender(m), PRICE, arg, sizeof(int)));
}

/* Waits for whichever comes: the answer, or the news that none will. */
static void ask(const char *name, int price)
{
    enum { ANSWER, DOWN };
    cop_pid pid;
    cop_ref ref;
    const cop_msg *m;

    must(cop_spawn(&pid, shop, &price,
                   &(cop_opts){.monitor = &ref, .arg_bytes = sizeof price}));
    must(cop_send(pid, PRICE, NULL, 0));
    switch (cop_recv_match(&m,
                           (cop_match[]){
                               [ANSWER] = {.tag = PRICE, .from = pid},
                               [DOWN] = {.tag = COP_DOWN, .ref = ref},
                           },
                           2, COP_FOREVER)) {
    case ANSWER:
        printf("%s: price %d\n", name, number(m));
        cop_demonitor(ref, true);
        break;
    case DOWN:
        printf("%s: %s\n", name, cop_reason_name(cop_msg_reason(m)));
        break;
    }
}

static void first(void *arg)
{
    (void)arg;
    by_tag_and_condition();
    ask("baker", 3);
    ask("butcher", 0);
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
