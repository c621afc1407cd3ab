/* SPDX-License-Identifier: MIT
 *
 * 08_tasks - computations on the side: start, go on, take the answer when it
 * is needed.
 */
#include <coppice.h>
#include <inttypes.h>
#include <stdio.h>

enum { PARTS = 4 };

struct range {
    uint64_t from, to;
};

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

static void count_primes(void *arg)
{
    const struct range *r = arg;
    uint64_t primes = 0;

    for (uint64_t n = r->from; n < r->to; n++) {
        bool prime = n > 1;

        for (uint64_t d = 2; prime && d * d <= n; d++)
            prime = n % d != 0;
        primes += prime;
    }
    must(cop_task_result(&primes, sizeof primes));
}

static void crash(void *arg)
{
    (void)arg;
    cop_exit(cop_because_fmt("no_bread", "%d loaves left", 0));
}

static void wait_for_ever(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

/* Linked tasks: were one to crash, this actor would too. */
static void many(void)
{
    cop_task_outcome outcomes[PARTS];
    uint64_t primes[PARTS], sum = 0;
    cop_task tasks[PARTS];

    for (unsigned i = 0; i < PARTS; i++) {
        struct range r = {i * 10000, (i + 1) * 10000};

        must(cop_async(&tasks[i], count_primes, &r,
                       &(cop_opts){.arg_bytes = sizeof r}));
    }
    printf("answers: %d of %d\n",
           cop_await_many(tasks, PARTS, primes, sizeof primes[0], outcomes,
                          COP_FOREVER),
           PARTS);
    for (unsigned i = 0; i < PARTS; i++) {
        printf("primes from %u: %" PRIu64 "\n", i * 10000, primes[i]);
        sum += primes[i];
    }
    printf("all together: %" PRIu64 "\n", sum);
}

/* Without a link its crash is an answer like another. */
static void crashing(void)
{
    char text[COP_REASON_TEXT];
    cop_reason why = COP_NORMAL;
    cop_task t;

    must(cop_async_nolink(&t, crash, NULL, NULL));
    printf("bread: %s, ",
           cop_error_str(cop_await(t, NULL, 0, COP_FOREVER, &why)));
    printf("%s\n", cop_reason_str(why, text, sizeof text));
    cop_reason_release(why);
}

static void endless(void)
{
    cop_task t;

    must(cop_async(&t, wait_for_ever, NULL, NULL));
    printf("endless: %s\n",
           cop_error_str(cop_await(t, NULL, 0, cop_in(COP_MS), NULL)));
    printf("cancelled: %s\n", cop_cancel(t, COP_FOREVER) == 0 ? "yes" : "no");
}

static void first(void *arg)
{
    (void)arg;
    many();
    crashing();
    endless();
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
