/* SPDX-License-Identifier: MIT
 *
 * 10_foreign_threads - the runtime beside a program's own threads. Any thread
 * may send, spawn and call; only actors receive. The program starts and stops
 * the runtime itself, where cop_run would do both.
 */
#include <coppice.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, EACH = 1000 };
enum { ADD = 1, SUM, STOP };

/* Adds what it is sent; answers calls. No server, just a receive loop. */
static void adder(void *arg)
{
    const cop_msg *m;
    long sum = 0;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        switch (cop_msg_tag(m)) {
        case ADD:
            sum += *cop_msg_as(m, long);
            break;
        case SUM:
            cop_reply(cop_msg_from(m), &sum, sizeof sum);
            break;
        case STOP:
            return;
        }
    }
}

static void short_life(void *arg)
{
    long one = 1;

    (void)arg;
    cop_send_name("adder", ADD, &one, sizeof one);
}

/* A plain thread: it sends, and it starts actors. Returns the failures. */
static void *thread(void *arg)
{
    size_t failed = 0;

    (void)arg;
    for (long i = 1; i <= EACH; i++)
        failed += cop_send_name("adder", ADD, &i, sizeof i) != 0;
    failed += cop_spawn(NULL, short_life, NULL, NULL) != 0;
    return (void *)failed;
}

static size_t run_threads(void)
{
    pthread_t threads[THREADS];
    size_t failed = 0;
    int n = 0;

    while (n < THREADS && pthread_create(&threads[n], NULL, thread, NULL) == 0)
        n++;
    while (n > 0) {
        void *result;

        pthread_join(threads[--n], &result);
        failed += (size_t)result;
    }
    return failed;
}

/* A call from the main thread: until all have been added. */
static int ask_sum(long *sum)
{
    const long all = THREADS * (EACH * (EACH + 1L) / 2 + 1);
    int code;

    do
        code = cop_call_name("adder", SUM, NULL, 0, sum, sizeof *sum,
                             cop_in(60 * COP_SEC));
    while (code >= 0 && *sum < all);
    return code;
}

int main(void)
{
    int code = cop_start(NULL);
    long sum = 0;

    if (code == 0)
        code = cop_spawn(NULL, adder, NULL, &(cop_opts){.name = "adder"});
    if (code == 0)
        printf("failed sends: %zu\n", run_threads());
    if (code == 0)
        code = ask_sum(&sum);
    if (code >= 0) {
        printf("sum: %ld\n", sum);
        code = cop_call_name("nobody", SUM, NULL, 0, NULL, 0, COP_FOREVER);
        printf("calling nobody: %s\n", cop_error_str(code));
        cop_send_name("adder", STOP, NULL, 0);
        code = cop_stop(cop_in(60 * COP_SEC), NULL);
    }
    printf("stopped: %s\n", code == 0 ? "yes" : cop_error_str(code));
    return code == 0 ? 0 : 1;
}
