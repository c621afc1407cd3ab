/* SPDX-License-Identifier: MIT
 *
 * chaos.h - for tests of fault plans: switching one on, looking at what came of
 * its rules, and at what was logged.
 */
#ifndef TESTS_SUPPORT_CHAOS_H
#define TESTS_SUPPORT_CHAOS_H

#include "tests/support/actor_test.h"
#include "tests/support/started.h"

#include <coppice/chaos.h>

#define UNUSED __attribute__((unused))

enum { TAG_WORK = 1, TAG_DONE };

static char log_text[8192];
static _Atomic size_t log_used;

UNUSED static void keep_log(const char *line)
{
    size_t n = strlen(line);
    size_t at = atomic_fetch_add(&log_used, n + 1);
    if (at + n + 1 < sizeof log_text) {
        memcpy(log_text + at, line, n);
        log_text[at + n] = '\n';
    }
}

UNUSED static int times_logged(const char *text)
{
    int n = 0;
    for (const char *s = log_text; (s = strstr(s, text)) != NULL; s++)
        n++;
    return n;
}

UNUSED static const cop_config in_virtual_time = {
    .workers = 2, .virtual_time = true, .log = keep_log};
UNUSED static void on(const char *plan)
{
    cop_chaos_error e;
    int rc = cop_chaos_on(plan, &e);
    ck_assert_msg(rc == 0, "%s: %u:%u: %s", plan, e.line, e.column, e.text);
}

UNUSED static cop_chaos_rule rule_of(size_t i)
{
    cop_chaos_rule r[32];
    ck_assert_uint_gt(cop_chaos_rules(r, 32), i);
    return r[i];
}

#define FIRED(i) ((unsigned long)rule_of(i).fired)
#define SEEN(i) ((unsigned long)rule_of(i).opportunities)

/* Waits for ever, or answers each message. */
UNUSED static void idle(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;) {
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        if (cop_msg_how(m) == COP_MSG_CALL)
            (void)cop_reply(cop_msg_from(m), NULL, 0);
        else
            (void)cop_send(cop_msg_sender(m), TAG_DONE, NULL, 0);
    }
}

UNUSED static cop_pid watched(cop_ref *ref, cop_fn fn, void *arg,
                              const char *name)
{
    cop_pid pid;
    cop_opts opts = {.name = name, .monitor = ref};
    ck_assert_int_eq(cop_spawn(&pid, fn, arg, &opts), 0);
    return pid;
}

#endif
