/* SPDX-License-Identifier: MIT
 *
 * application_client.c - the public functions: requests to the controller.
 * What they say is in application.h, "protocol". cop_app_ensure_all_started is
 * several requests: the controller knows the order, the caller waits.
 *
 * A caller may be killed while it waits. What it holds then is freed by a
 * deferred function; a foreign thread needs none.
 */
#include "actors/application.h"

#include <coppice/memory.h>
#include <coppice/proc.h>

#include "actors/answer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 257

/* -------------------------------------------------------------- holding -- */

static bool hold(void *block, void (*release)(void *))
{
    return cop_pid_is_none(cop_self()) || cop_defer(release, block) == 0;
}

static void drop(void *block, void (*release)(void *))
{
    if (!cop_pid_is_none(cop_self()))
        (void)cop_undefer(release, block);
    release(block);
}

static void free_msg(void *m)
{
    cop_msg_free(m);
}

/* ------------------------------------------------------------- requests -- */

/* A number and words in a block from malloc; NULL: no memory. */
static struct copi_app_request *pack(int number, const char *const *words,
                                     size_t n, size_t *size)
{
    struct copi_app_request *r;
    char *at;

    *size = sizeof *r;
    for (size_t i = 0; i < n; i++)
        *size += strlen(words[i]) + 1;
    r = cop_common_malloc(*size);
    if (r == NULL)
        return NULL;
    r->number = number;
    at = r->words;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(words[i]) + 1;
        memcpy(at, words[i], length);
        at += length;
    }
    return r;
}

/* Asks whoever is the controller; one that is gone is replaced. */
static int ask(cop_msg **reply, cop_tag tag, const void *body, size_t size)
{
    cop_pid pid;
    int err;

    do {
        err = copi_app_controller(&pid);
        if (err == 0)
            err = cop_call_msg(reply, pid, tag, body, size, COP_FOREVER);
    } while (err == COP_ENOPROC);
    return err < 0 ? err : 0;
}

static int ask_words(cop_msg **reply, cop_tag tag, int number,
                     const char *const *words, size_t n)
{
    size_t size;
    struct copi_app_request *r = pack(number, words, n, &size);
    int err = COP_ENOMEM;

    if (r != NULL && hold(r, free))
        err = ask(reply, tag, r, size);
    drop(r, free);
    return err;
}

/* Takes an answer apart, and frees it. */
static int read_answer(cop_msg *reply, cop_pid *out, cop_reason *why)
{
    struct copi_answer a;
    int code = COP_EINVAL;

    if (copi_answer_read(&a, reply)) {
        code = a.code;
        if (out != NULL)
            *out = a.pid;
        copi_answer_give(why, a.why);
    }
    cop_msg_free(reply);
    return code;
}

/* Whether it is one of those, instead of what was asked for. */
static bool is_code(const cop_msg *reply)
{
    struct copi_answer a;

    if (!copi_answer_read(&a, reply))
        return false;
    cop_reason_release(a.why);
    return true;
}

/* A request whose answer is a code, and may be a pid and a reason. */
static int request(cop_tag tag, int number, const char *const *words, size_t n,
                   cop_pid *out, cop_reason *why)
{
    cop_msg *reply;
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    for (size_t i = 0; i < n; i++)
        if (words[i] == NULL)
            return COP_EINVAL;
    err = ask_words(&reply, tag, number, words, n);
    return err == 0 ? read_answer(reply, out, why) : err;
}

/* --------------------------------------------------- loading and starting --
 */

int cop_app_load(const cop_app *app, cop_reason *why)
{
    cop_msg *reply;
    int err = ask(&reply, COPI_APP_LOAD, &app, sizeof app);

    if (why != NULL)
        *why = COP_NORMAL;
    return err == 0 ? read_answer(reply, NULL, why) : err;
}

int cop_app_unload(const char *name)
{
    return request(COPI_APP_UNLOAD, 0, &name, 1, NULL, NULL);
}

int cop_app_start(const char *name, cop_app_type type, cop_reason *why)
{
    if (why != NULL)
        *why = COP_NORMAL;
    if ((unsigned)type > COP_APP_PERMANENT)
        return COP_EINVAL;
    return request(COPI_APP_START, (int)type, &name, 1, NULL, why);
}

int cop_app_stop(const char *name)
{
    return request(COPI_APP_STOP, 0, &name, 1, NULL, NULL);
}

/* -------------------------------------------------------- with all it needs */

/* What to start, in order, and how far one has got. */
struct plan {
    cop_msg *reply;
    const struct copi_app_name *names;
    size_t count;
    bool *mine; /* started by this call */
};

static void free_plan(const struct plan *p)
{
    drop(p->mine, free);
    drop(p->reply, free_msg);
}

static int get_plan(struct plan *p, const char *name, cop_reason *why)
{
    int err = ask_words(&p->reply, COPI_APP_PLAN, 0, &name, 1);

    if (err != 0)
        return err;
    if (is_code(p->reply))
        return read_answer(p->reply, NULL, why);
    p->names = cop_msg_body(p->reply);
    p->count = cop_msg_size(p->reply) / sizeof *p->names;
    p->mine = cop_common_calloc(p->count + 1, sizeof *p->mine);
    if (hold(p->reply, free_msg) && hold(p->mine, free) && p->mine != NULL)
        return 0;
    free_plan(p);
    return COP_ENOMEM;
}

/* A thread cannot sleep here; it just tries again. */
static void stop_surely(const char *name)
{
    while (cop_app_stop(name) == COP_ENOMEM)
        if (!cop_pid_is_none(cop_self()))
            cop_sleep(COP_MS);
}

static void undo(const struct plan *p)
{
    for (size_t i = p->count; i-- > 0;)
        if (p->mine[i])
            stop_surely(p->names[i].text);
}

/* Starts them: how many, or a code. */
static int carry_out(struct plan *p, cop_app_type type, cop_reason *why)
{
    char text[COP_REASON_TEXT];
    cop_reason reason;
    int n = 0;

    for (size_t i = 0; i < p->count; i++) {
        int err = cop_app_start(p->names[i].text, type, &reason);
        if (err != 0 && err != COP_ESTARTED) {
            (void)cop_reason_str(reason, text, sizeof text);
            cop_reason_release(reason);
            undo(p);
            *why = cop_because_fmt(p->names[i].text, "%s", text);
            return err;
        }
        cop_reason_release(reason);
        p->mine[i] = err == 0;
        n += err == 0;
    }
    return n;
}

int cop_app_ensure_all_started(const char *name, cop_app_type type,
                               cop_reason *why)
{
    cop_reason reason = COP_NORMAL;
    struct plan p;
    int err = COP_EINVAL;

    if (name != NULL && (unsigned)type <= COP_APP_PERMANENT)
        err = get_plan(&p, name, &reason);
    if (err == 0) {
        err = carry_out(&p, type, &reason);
        free_plan(&p);
    }
    copi_answer_give(why, reason);
    return err;
}

/* --------------------------------------------------------------- looking -- */

static int list(bool running, cop_app_info *out, size_t cap)
{
    const cop_app_info *info;
    cop_msg *reply;
    size_t n;
    int err;

    if (out == NULL && cap > 0)
        return COP_EINVAL;
    err = ask_words(&reply, COPI_APP_LIST, running, NULL, 0);
    if (err != 0)
        return err;
    if (is_code(reply))
        return read_answer(reply, NULL, NULL);
    info = cop_msg_body(reply);
    n = cop_msg_size(reply) / sizeof *info;
    for (size_t i = 0; i < n && i < cap; i++)
        out[i] = info[i];
    cop_msg_free(reply);
    return n < INT_MAX ? (int)n : INT_MAX;
}

int cop_app_which(cop_app_info *out, size_t cap)
{
    return list(true, out, cap);
}

int cop_app_loaded(cop_app_info *out, size_t cap)
{
    return list(false, out, cap);
}

int cop_app_get_supervisor(const char *name, cop_pid *out)
{
    if (out == NULL)
        return COP_EINVAL;
    return request(COPI_APP_SUPERVISOR, 0, &name, 1, out, NULL);
}

/* Copies a text that was answered, and frees the answer: its length. */
static int read_text(cop_msg *reply, char *buf, size_t size)
{
    size_t n = cop_msg_size(reply);
    int length = n > 0 ? (int)(n - 1) : COP_ENOENT;

    if (n > 0 && size > 0) {
        n = n < size ? n : size;
        memcpy(buf, cop_msg_body(reply), n);
        buf[n - 1] = '\0';
    }
    cop_msg_free(reply);
    return length;
}

int cop_app_of(cop_pid pid, char name[COP_APP_NAME_MAX + 1])
{
    cop_pid chain[CHAIN_MAX] = {pid};
    int n = cop_ancestors(pid, chain + 1, CHAIN_MAX - 1);
    cop_msg *reply;
    int err;

    if (name == NULL)
        return COP_EINVAL;
    if (n < 0)
        return n;
    err = ask(&reply, COPI_APP_OF, chain, ((size_t)n + 1) * sizeof *chain);
    if (err != 0)
        return err;
    n = read_text(reply, name, COP_APP_NAME_MAX + 1);
    return n < 0 ? n : 0;
}

/* ----------------------------------------------------------- environment -- */

int cop_app_get_env(const char *name, const char *key, char *buf, size_t size)
{
    const char *const words[] = {name, key};
    cop_msg *reply;
    int err;

    if (name == NULL || key == NULL || (buf == NULL && size > 0))
        return COP_EINVAL;
    err = ask_words(&reply, COPI_APP_GET_ENV, 0, words, 2);
    return err == 0 ? read_text(reply, buf, size) : err;
}

int cop_app_set_env(const char *name, const char *key, const char *value)
{
    const char *const words[] = {name, key, value};

    return request(COPI_APP_SET_ENV, 0, words, 3, NULL, NULL);
}

int cop_app_unset_env(const char *name, const char *key)
{
    const char *const words[] = {name, key};

    return request(COPI_APP_UNSET_ENV, 0, words, 2, NULL, NULL);
}

int cop_app_config(const char *name, const cop_app_env *env, size_t n)
{
    const char **words;
    int err;

    if (env == NULL && n > 0)
        return COP_EINVAL;
    words = cop_common_malloc((2 * n + 1) * sizeof(const char *));
    if (words == NULL || !hold(words, free)) {
        free(words);
        return COP_ENOMEM;
    }
    words[0] = name;
    for (size_t i = 0; i < n; i++) {
        words[1 + 2 * i] = env[i].key;
        words[2 + 2 * i] = env[i].value;
    }
    err = request(COPI_APP_CONFIG, 0, words, 2 * n + 1, NULL, NULL);
    drop(words, free);
    return err;
}
