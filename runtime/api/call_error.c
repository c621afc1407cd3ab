/* SPDX-License-Identifier: MIT
 *
 * call_error.c - the story of a failed call. Rank: 5.
 *
 * A bare "timeout" helps nobody at night. The text names callee, tag, and what
 * is known of the callee: where it waits, how long its mailbox is. It is kept
 * with the actor (freed at its end), or in the thread for foreign threads.
 */
#include "runtime/api/call_error.h"

#include <coppice/message.h>

#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"

/* Of foreign threads. They do not migrate, so this one needs no accessor. */
static _Thread_local struct copi_call_error outside_error;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;

static void release_reason(void *error)
{
    cop_reason_release(((struct copi_call_error *)error)->reason);
}

static void make_key(void)
{
    if (pthread_key_create(&at_thread_end, release_reason) != 0)
        copi_log("no thread key: the reasons of failed calls may leak");
}

static struct copi_call_error *error_of(struct copi_actor *a, bool make)
{
    if (a == NULL || a->is_guest) {
        pthread_once(&once, make_key);
        pthread_setspecific(at_thread_end, &outside_error);
        return &outside_error;
    }
    struct copi_cold *cold = make ? copi_cold_make(a) : copi_cold_of(a);
    if (cold == NULL)
        return NULL;
    if (cold->call_error == NULL && make)
        cold->call_error = copi_mem_zalloc(sizeof *cold->call_error);
    return cold->call_error;
}

void copi_call_error_who(cop_pid pid, char *buf, size_t size)
{
    cop_info i;
    if (cop_info_get(pid, &i) == 0 && i.name[0] != '\0')
        snprintf(buf, size, "%s", i.name);
    else
        cop_pid_str(pid, buf, size);
}

/* Appends what is known of a callee that did not answer. */
static void describe(cop_pid callee, char *buf, size_t size)
{
    cop_info i;
    if (cop_info_get(callee, &i) != 0)
        return;
    size_t n = strlen(buf);
    snprintf(buf + n, size - n, "; it is %s (%s), %zu messages queued",
             cop_status_str(i.status), cop_wait_str(i.wait), i.queue);
}

void copi_call_error_note(struct copi_actor *a, bool outside, int code,
                          cop_pid callee, cop_tag tag, cop_reason reason,
                          const char *path)
{
    struct copi_call_error *e = error_of(outside ? NULL : a, true);
    char who[COP_NAME_MAX + 1];
    char why[COP_REASON_TEXT];
    if (e == NULL) {
        cop_reason_release(reason);
        return;
    }
    cop_reason_release(e->reason);
    e->reason = reason;
    copi_call_error_who(callee, who, sizeof who);
    snprintf(e->text, sizeof e->text, "call of %s with tag %u: %s", who,
             (unsigned)tag, cop_error_str(code));
    size_t n = strlen(e->text);
    if (code == COP_EDOWN)
        snprintf(e->text + n, sizeof e->text - n, ": %s",
                 cop_reason_str(reason, why, sizeof why));
    else if (path != NULL)
        snprintf(e->text + n, sizeof e->text - n, ": %s", path);
    else if (code == COP_ETIMEDOUT)
        describe(callee, e->text, sizeof e->text);
}

cop_reason cop_call_reason(void)
{
    struct copi_call_error *e = error_of(copi_here_actor(), false);
    return e != NULL ? e->reason : COP_NORMAL;
}

const char *cop_call_text(void)
{
    struct copi_call_error *e = error_of(copi_here_actor(), false);
    return e != NULL ? e->text : "";
}
