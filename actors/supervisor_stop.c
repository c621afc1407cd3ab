/* SPDX-License-Identifier: MIT
 *
 * supervisor_stop.c - how a supervisor stops one child, and all.
 *
 * A child gets the signal `shutdown` and as long as its specification says;
 * then, or at once if it is to be killed brutally, `kill`.
 *
 * A process that was stopped leaves an EXIT message (it is linked). It is not
 * looked for: by then its pid is nobody's in the index, and an EXIT of a
 * stranger is ignored. So stopping costs the same however long the supervisor's
 * mailbox is. A child that has unlinked itself sends no EXIT; so a stop
 * monitors it, which also tells of one that is dead already.
 *
 * The children of a pool are stopped all at once. This happens at the end of
 * the supervisor only, so whatever else is in the mailbox may be dropped on the
 * way. Each child has the instant at which it is to be killed; they are put in
 * the order of these, so that the supervisor waits for one instant at a time
 * and looks at each child once, however many different times there are. The
 * list itself is sorted: an end must not need memory.
 */
#include "actors/supervisor.h"

#include "actors/answer.h"

#include <coppice/time.h>

/* Neither is given up for want of memory. */
static void signal_surely(cop_pid pid, cop_reason reason)
{
    while (cop_exit_signal(pid, reason) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

static cop_ref monitor_surely(cop_pid pid)
{
    cop_ref ref;

    while (cop_monitor(&ref, pid) != 0)
        cop_sleep(COP_MS);
    return ref;
}

/* ----------------------------------------------------------- one by one -- */

static void stop_process(cop_pid pid, cop_time shutdown_ns)
{
    const cop_match down = {.tag = COP_DOWN, .ref = monitor_surely(pid)};

    if (shutdown_ns != COP_BRUTAL_KILL) {
        signal_surely(pid, COP_SHUTDOWN);
        if (copi_answer_skip(down, cop_in(shutdown_ns)))
            return;
    }
    signal_surely(pid, COP_KILL);
    (void)copi_answer_skip(down, COP_FOREVER);
}

void copi_child_stop(struct copi_sup *s, struct copi_child *c)
{
    if (c->state == COP_CHILD_UP)
        stop_process(c->pid, copi_spec_shutdown_ns(c->spec));
    copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
}

static void stop_in_reverse(struct copi_sup *s)
{
    for (struct copi_child *c = s->last; c != NULL; c = c->prev)
        copi_child_stop(s, c);
}

/* ---------------------------------------------------------- all at once -- */

/* Two lists in order into one; links by `next` only. */
static struct copi_child *merge(struct copi_child *a, struct copi_child *b)
{
    struct copi_child *first = NULL;
    struct copi_child **end = &first;

    while (a != NULL && b != NULL) {
        struct copi_child **from = b->kill_at < a->kill_at ? &b : &a;

        *end = *from;
        end = &(*end)->next;
        *from = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Takes n children off *list; they come back in order. */
static struct copi_child *sort(struct copi_child **list, size_t n)
{
    struct copi_child *a = *list;

    if (n == 0)
        return NULL;
    if (n == 1) {
        *list = a->next;
        a->next = NULL;
        return a;
    }
    a = sort(list, n / 2);
    return merge(a, sort(list, n - n / 2));
}

static void sort_by_kill_at(struct copi_sup *s)
{
    struct copi_child *list = s->first;

    s->last = NULL;
    s->first = sort(&list, s->count);
    for (struct copi_child *c = s->first; c != NULL; c = c->next) {
        c->prev = s->last;
        s->last = c;
    }
}

/* Tells a child to end; it is killed at c->kill_at if it has not. */
static void tell(struct copi_child *c)
{
    cop_time shutdown_ns = copi_spec_shutdown_ns(c->spec);
    bool brutal = shutdown_ns == COP_BRUTAL_KILL;

    signal_surely(c->pid, brutal ? COP_KILL : COP_SHUTDOWN);
    c->kill_at = brutal ? COP_FOREVER : cop_in(shutdown_ns);
}

/* How many were told. All are monitored before the first is, so that the news
 * of one that ends meanwhile is not mistaken for another's. */
static size_t tell_all(struct copi_sup *s)
{
    size_t up = 0;

    for (struct copi_child *c = s->first; c != NULL; c = c->next)
        if (c->state == COP_CHILD_UP)
            (void)monitor_surely(c->pid);
        else
            copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
    for (struct copi_child *c = s->first; c != NULL; c = c->next)
        if (c->state == COP_CHILD_UP) {
            tell(c);
            up++;
        }
    return up;
}

/* Takes the next message; true: with it a child went down. *timed_out: none
 * came before the deadline. */
static bool next_down(struct copi_sup *s, cop_time deadline, bool *timed_out)
{
    struct copi_child *c = NULL;
    const cop_msg *m;

    *timed_out = cop_recv(&m, deadline) != 0;
    if (!*timed_out && cop_msg_tag(m) == COP_DOWN)
        c = copi_child_by_pid(s, cop_msg_sender(m));
    if (c != NULL)
        copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
    return c != NULL;
}

static void stop_at_once(struct copi_sup *s)
{
    size_t up = tell_all(s);
    struct copi_child *due;
    bool timed_out;

    sort_by_kill_at(s);
    due = s->first;
    while (up > 0) {
        while (due != NULL && due->state != COP_CHILD_UP)
            due = due->next;
        if (next_down(s, due != NULL ? due->kill_at : COP_FOREVER, &timed_out))
            up--;
        if (timed_out) {
            signal_surely(due->pid, COP_KILL);
            due = due->next;
        }
    }
}

void copi_child_stop_all(struct copi_sup *s)
{
    if (copi_sup_is_pool(s))
        stop_at_once(s);
    else
        stop_in_reverse(s);
}
