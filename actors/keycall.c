/* SPDX-License-Identifier: MIT
 *
 * keycall.c - how clients of registries and groups talk to their servers.
 *
 * All is copied: a key goes in the body of its call, entries in that of the
 * answer, so nobody holds a pointer into anybody else, whoever is killed when.
 *
 * A client waits for ever, so a server must answer. If there is no memory for
 * a list it says COP_ENOMEM; if there is none for these few bytes either, it
 * waits until there is (answer.h).
 */
#include "actors/keycall.h"

#include "actors/answer.h"

#include <string.h>

/* The size of the body, or COP_ENAME. */
static int body_init(struct copi_keycall *body, const char *key, cop_pid pid,
                     uint64_t data)
{
    size_t len = key == NULL ? 0 : strnlen(key, COP_KEY_MAX + 1);

    if (len == 0 || len > COP_KEY_MAX)
        return COP_ENAME;
    body->pid = pid;
    body->data = data;
    memcpy(body->key, key, len + 1);
    return (int)(offsetof(struct copi_keycall, key) + len + 1);
}

int copi_keycall_ask(cop_pid server, cop_tag tag, const char *key, cop_pid pid,
                     uint64_t data)
{
    struct copi_keycall body;
    struct copi_keycall_answer answer;
    int n = body_init(&body, key, pid, data);

    if (n < 0)
        return n;
    n = cop_call(server, tag, &body, (size_t)n, &answer, sizeof(answer),
                 COP_FOREVER);
    if (n < 0)
        return n;
    return n == sizeof(answer) ? (int)answer.code : COP_EINVAL;
}

/* The code of an answer whose size fits it, else COP_EINVAL. */
static int64_t list_code(const cop_msg *reply, size_t item)
{
    const struct copi_keycall_answer *answer = cop_msg_body(reply);
    size_t size = cop_msg_size(reply);

    if (size < sizeof(*answer))
        return COP_EINVAL;
    size -= sizeof(*answer);
    if (answer->code < 0)
        return answer->code;
    return size / item == (uint64_t)answer->code ? answer->code : COP_EINVAL;
}

int copi_keycall_list(cop_msg **reply, cop_pid server, cop_tag tag,
                      const char *key, size_t item)
{
    struct copi_keycall body;
    int n = body_init(&body, key, COP_NO_PID, 0);
    int err;

    if (n < 0)
        return n;
    err = cop_call_msg(reply, server, tag, &body, (size_t)n, COP_FOREVER);
    if (err < 0)
        return err;
    n = (int)list_code(*reply, item);
    if (n < 0)
        cop_msg_free(*reply);
    return n;
}

const void *copi_keycall_items(const cop_msg *reply)
{
    const struct copi_keycall_answer *answer = cop_msg_body(reply);

    return answer + 1;
}

const struct copi_keycall *copi_keycall_body(const cop_msg *m)
{
    const struct copi_keycall *body = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    if (size < offsetof(struct copi_keycall, key) + 2 || size > sizeof(*body))
        return NULL;
    size -= offsetof(struct copi_keycall, key);
    return strnlen(body->key, size) == size - 1 ? body : NULL;
}

cop_next copi_keycall_reply(cop_from from, int64_t code)
{
    struct copi_keycall_answer answer = {.code = code};

    copi_answer_bytes(from, &answer, sizeof(answer));
    return cop_next_wait();
}

cop_msg *copi_keycall_new(void **items, size_t n, size_t item)
{
    struct copi_keycall_answer *answer;
    cop_msg *m;

    if (cop_msg_new(&m, 1, sizeof(*answer) + n * item) != 0)
        return NULL;
    answer = cop_msg_fill(m);
    answer->code = (int64_t)n;
    *items = answer + 1;
    return m;
}

cop_next copi_keycall_reply_list(cop_from from, cop_msg *answer)
{
    if (answer == NULL)
        return copi_keycall_reply(from, COP_ENOMEM);
    /* a caller that has gone needs no answer */
    (void)cop_reply_msg(from, answer);
    return cop_next_wait();
}
