/* SPDX-License-Identifier: MIT
 *
 * 09_pool - a pool of workers with demand: a worker that is free asks for
 * work, so nothing piles up in front of a slow one. A worker that crashes
 * costs its one job a second try and nothing else.
 */
#include <coppice.h>
#include <stdio.h>

enum { WORKERS = 3, JOBS = 12 };
enum { READY = 1, JOB, RESULT };

struct job {
    int number;
    int tries;
};

struct result {
    int number;
    int value;
};

struct slot { /* a worker and what it has, NULL: nothing */
    cop_pid pid;
    cop_ref ref;
    struct job *job;
};

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* Asks, works, answers. Job 7 is bad luck for the first who tries it. */
static void worker(void *arg)
{
    cop_pid boss = cop_parent();
    const cop_msg *m;

    (void)arg;
    while (cop_send(boss, READY, NULL, 0) == 0) {
        struct result r;
        struct job j;

        must(cop_recv_tag(&m, JOB, COP_FOREVER));
        j = *cop_msg_as(m, struct job);
        if (j.number == 7 && j.tries == 1)
            cop_exit(cop_because("bad_luck"));
        r = (struct result){j.number, j.number * j.number};
        must(cop_send(boss, RESULT, &r, sizeof r));
    }
}

static void hire(struct slot *s)
{
    s->job = NULL;
    must(cop_spawn(&s->pid, worker, NULL, &(cop_opts){.monitor = &s->ref}));
}

static struct slot *slot_of(struct slot *slots, const cop_msg *m)
{
    for (int i = 0; i < WORKERS; i++)
        if (cop_pid_eq(slots[i].pid, cop_msg_sender(m)))
            return &slots[i];
    cop_exit(cop_because("stranger"));
}

/* Gives the worker the next job, if there is one. */
static void assign(struct slot *s, struct job **todo, int *ntodo)
{
    s->job = *ntodo > 0 ? todo[--*ntodo] : NULL;
    if (s->job != NULL) {
        s->job->tries++;
        must(cop_send(s->pid, JOB, s->job, sizeof *s->job));
    }
}

static void boss(void *arg)
{
    struct job jobs[JOBS], *todo[JOBS];
    int ntodo = 0, values[JOBS];
    struct slot slots[WORKERS];
    const cop_msg *m;

    (void)arg;
    for (int i = JOBS - 1; i >= 0; i--) {
        jobs[i] = (struct job){.number = i};
        todo[ntodo++] = &jobs[i];
    }
    for (int i = 0; i < WORKERS; i++)
        hire(&slots[i]);
    for (int done = 0; done < JOBS;) {
        struct slot *s;

        must(cop_recv(&m, COP_FOREVER));
        s = slot_of(slots, m);
        switch (cop_msg_tag(m)) {
        case READY:
            assign(s, todo, &ntodo);
            break;
        case RESULT: {
            const struct result *r = cop_msg_as(m, struct result);

            values[r->number] = r->value;
            s->job = NULL;
            done++;
            break;
        }
        case COP_DOWN: /* its job goes back, somebody else is hired */
            printf("a worker ended: %s\n", cop_reason_name(cop_msg_reason(m)));
            if (s->job != NULL)
                todo[ntodo++] = s->job;
            hire(s);
            break;
        }
    }
    for (int i = 0; i < JOBS; i++)
        printf("%d squared is %d, tries: %d\n", i, values[i], jobs[i].tries);
}

int main(void)
{
    return cop_run(boss, NULL, NULL);
}
