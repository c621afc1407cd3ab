/* SPDX-License-Identifier: MIT
 *
 * sys_debug.c - trace, log and statistics of a behaviour's events.
 *
 * A behaviour of which nothing is wanted has no record of this file, and pays
 * one test per message. While something is on each event is written as a line
 * once; the trace reports it, the log, a ring of lines of fixed size, keeps it.
 *
 * Rejected: to log events as values, as OTP does. A message's body may be moved
 * into it with a release of its own; to keep it would change when that runs.
 */
#include "actors/sys_debug.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>
#include <coppice/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copi_debug {
    bool trace;
    bool statistics;
    cop_sys_stats stats;
    char (*lines)[COP_SYS_LINE]; /* NULL: no log */
    size_t room, first, count;
};

/* -------------------------------------------------------------- on, off -- */

static struct copi_debug *have(struct copi_debug **d)
{
    if (*d == NULL)
        *d = cop_common_calloc(1, sizeof **d);
    return *d;
}

/* Frees it if nothing is on. */
static void settle(struct copi_debug **d)
{
    struct copi_debug *p = *d;

    if (p == NULL || p->trace || p->statistics || p->lines != NULL)
        return;
    free(p);
    *d = NULL;
}

static uint64_t reductions(void)
{
    cop_info info;

    return cop_info_get(cop_self(), &info) == 0 ? info.reductions : 0;
}

int copi_debug_trace(struct copi_debug **d, bool on)
{
    if (on && have(d) == NULL)
        return COP_ENOMEM;
    if (*d != NULL)
        (*d)->trace = on;
    settle(d);
    return 0;
}

int copi_debug_statistics(struct copi_debug **d, bool on)
{
    if (on && have(d) == NULL)
        return COP_ENOMEM;
    if (*d != NULL && on && !(*d)->statistics)
        (*d)->stats =
            (cop_sys_stats){.start = cop_now(), .reductions = reductions()};
    if (*d != NULL)
        (*d)->statistics = on;
    settle(d);
    return 0;
}

static void drop_log(struct copi_debug *d)
{
    free(d->lines);
    d->lines = NULL;
    d->room = d->first = d->count = 0;
}

int copi_debug_log(struct copi_debug **d, size_t lines)
{
    int err = 0;

    if (lines > 0 && have(d) == NULL)
        return COP_ENOMEM;
    if (lines == 0 && *d != NULL)
        drop_log(*d);
    if (lines > 0 && (*d)->lines == NULL) {
        (*d)->lines = cop_common_calloc(lines, COP_SYS_LINE);
        (*d)->room = lines;
        err = (*d)->lines == NULL ? COP_ENOMEM : 0;
    }
    settle(d);
    return err;
}

void copi_debug_free(struct copi_debug *d)
{
    if (d == NULL)
        return;
    free(d->lines);
    free(d);
}

/* --------------------------------------------------------------- events -- */

static void keep_line(struct copi_debug *d, const char *line)
{
    size_t at = (d->first + d->count) % d->room;

    snprintf(d->lines[at], COP_SYS_LINE, "%s", line);
    if (d->count < d->room)
        d->count++;
    else
        d->first = (d->first + 1) % d->room;
}

static void report(const char *line)
{
    char pid[COP_PID_TEXT];
    cop_info info;

    if (cop_info_get(cop_self(), &info) != 0)
        info.name[0] = '\0';
    cop_log("*DBG* %s %s",
            info.name[0] != '\0' ? info.name
                                 : cop_pid_str(cop_self(), pid, sizeof pid),
            line);
}

static void note(struct copi_debug *d, const char *line)
{
    if (d->trace)
        report(line);
    if (d->lines != NULL)
        keep_line(d, line);
}

/* EXIT and DOWN say why. */
static void describe_end(char *line, const char *what, const cop_msg *m)
{
    char pid[COP_PID_TEXT], why[COP_REASON_TEXT];

    snprintf(line, COP_SYS_LINE, "got %s of %s: %s", what,
             cop_pid_str(cop_msg_sender(m), pid, sizeof pid),
             cop_reason_str(cop_msg_reason(m), why, sizeof why));
}

static void describe_plain(char *line, const char *what, const cop_msg *m)
{
    char pid[COP_PID_TEXT];
    cop_pid from = cop_msg_sender(m);

    snprintf(
        line, COP_SYS_LINE, "got %s%u from %s", what, (unsigned)cop_msg_tag(m),
        cop_pid_is_none(from) ? "outside" : cop_pid_str(from, pid, sizeof pid));
}

static void describe(char *line, const cop_msg *m)
{
    switch (cop_msg_how(m)) {
    case COP_MSG_CALL:
        describe_plain(line, "call ", m);
        return;
    case COP_MSG_CAST:
        describe_plain(line, "cast ", m);
        return;
    default:
        break;
    }
    switch (cop_msg_tag(m)) {
    case COP_EXIT:
        describe_end(line, "EXIT", m);
        break;
    case COP_DOWN:
        describe_end(line, "DOWN", m);
        break;
    default:
        describe_plain(line, "", m);
    }
}

static bool wants_lines(const struct copi_debug *d)
{
    return d->trace || d->lines != NULL;
}

void copi_debug_in(struct copi_debug *d, const cop_msg *m)
{
    char line[COP_SYS_LINE] = "got timeout";

    d->stats.messages_in++;
    if (!wants_lines(d))
        return;
    if (m != NULL)
        describe(line, m);
    note(d, line);
}

bool copi_debug_wants_state(const struct copi_debug *d)
{
    return d != NULL && wants_lines(d);
}

void copi_debug_state(struct copi_debug *d, const char *text)
{
    char line[COP_SYS_LINE];

    snprintf(line, sizeof line, "new state %s", text);
    note(d, line);
}

/* -------------------------------------------------------------- looking -- */

int copi_debug_get_statistics(const struct copi_debug *d, cop_sys_stats *out)
{
    if (d == NULL || !d->statistics)
        return COP_ENOENT;
    *out = d->stats;
    out->now = cop_now();
    out->reductions = reductions() - d->stats.reductions;
    return 0;
}

size_t copi_debug_logged(const struct copi_debug *d)
{
    return d != NULL ? d->count : 0;
}

static const char *line_at(const struct copi_debug *d, size_t i)
{
    return d->lines[(d->first + i) % d->room];
}

size_t copi_debug_log_bytes(const struct copi_debug *d)
{
    size_t bytes = 0;

    for (size_t i = 0; i < copi_debug_logged(d); i++)
        bytes += strlen(line_at(d, i)) + 1;
    return bytes;
}

void copi_debug_log_write(const struct copi_debug *d, char *out)
{
    for (size_t i = 0; i < copi_debug_logged(d); i++) {
        size_t n = strlen(line_at(d, i));

        memcpy(out, line_at(d, i), n);
        out[n] = '\n';
        out += n + 1;
    }
}
