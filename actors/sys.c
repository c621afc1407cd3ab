/* SPDX-License-Identifier: MIT
 *
 * sys.c - asking a behaviour for the services of <coppice/sys.h>.
 *
 * A service is a call, so that monitor, deadline and foreign threads are those
 * of cop_call. A request has a bounded size and is built on the stack: a
 * caller that is killed while it waits leaves nothing behind.
 *
 * What ends a behaviour carries a reason, which a call cannot (server_stop.c).
 */
#include "actors/sys.h"

#include "actors/server_stop.h"

#include <limits.h>
#include <string.h>

/* Asks; the answer's code. At 0 the answer is *answer, the caller's. */
static int ask(cop_msg **answer, cop_pid pid, const struct copi_sys_request *r,
               cop_time deadline)
{
    const struct copi_sys_answer *a;
    cop_msg *m;
    int code = cop_call_msg(
        &m, pid, COPI_SYS, r,
        offsetof(struct copi_sys_request, data) + r->data_bytes, deadline);

    if (code != 0)
        return code;
    a = cop_msg_body(m);
    code = cop_msg_size(m) < sizeof *a || a->code > 0 ? COP_EINVAL : a->code;
    if (code == 0)
        *answer = m;
    else
        cop_msg_free(m);
    return code;
}

static int tell(cop_pid pid, const struct copi_sys_request *r,
                cop_time deadline)
{
    cop_msg *answer;
    int code = ask(&answer, pid, r, deadline);

    if (code == 0)
        cop_msg_free(answer);
    return code;
}

static int tell_op(cop_pid pid, enum copi_sys_op op, size_t n,
                   cop_time deadline)
{
    const struct copi_sys_request r = {.op = op, .n = n};

    return tell(pid, &r, deadline);
}

/* Asks and copies what is behind the code, as much as fits; its size. */
static int fetch(cop_pid pid, enum copi_sys_op op, void *out, size_t cap,
                 cop_time deadline)
{
    const struct copi_sys_request r = {.op = op};
    const struct copi_sys_answer *a;
    cop_msg *answer;
    size_t size;
    int code = ask(&answer, pid, &r, deadline);

    if (code != 0)
        return code;
    a = cop_msg_body(answer);
    size = cop_msg_size(answer) - sizeof *a;
    if (size > 0 && cap > 0)
        memcpy(out, a->data, size < cap ? size : cap);
    cop_msg_free(answer);
    return size > INT_MAX ? COP_ESIZE : (int)size;
}

/* The same for a text, which comes without its zero. */
static int fetch_text(cop_pid pid, enum copi_sys_op op, char *buf, size_t size,
                      cop_time deadline)
{
    size_t cap = size > 0 ? size - 1 : 0;
    int length;

    if (buf == NULL && size > 0)
        return COP_EINVAL;
    length = fetch(pid, op, buf, cap, deadline);
    if (size > 0)
        buf[length < 0             ? 0
            : (size_t)length < cap ? (size_t)length
                                   : cap] = '\0';
    return length;
}

static int put_data(struct copi_sys_request *r, const void *data, size_t bytes)
{
    if (bytes > 0 && data == NULL)
        return COP_EINVAL;
    if (bytes > sizeof r->data)
        return COP_ESIZE;
    if (bytes > 0)
        memcpy(r->data, data, bytes);
    r->data_bytes = bytes;
    return 0;
}

/* --------------------------------------------------------------- public -- */

int cop_sys_suspend(cop_pid pid, cop_time deadline)
{
    return tell_op(pid, COPI_SYS_SUSPEND, 0, deadline);
}

int cop_sys_resume(cop_pid pid, cop_time deadline)
{
    return tell_op(pid, COPI_SYS_RESUME, 0, deadline);
}

int cop_sys_terminate(cop_pid pid, cop_reason reason, cop_time deadline)
{
    return copi_server_stop_ask(pid, reason, deadline, NULL,
                                COPI_SERVER_STOP_TAKEN);
}

int cop_sys_get_state(cop_pid pid, void *out, size_t cap, cop_time deadline)
{
    if (out == NULL && cap > 0)
        return COP_EINVAL;
    return fetch(pid, COPI_SYS_GET_STATE, out, cap, deadline);
}

int cop_sys_replace_state(cop_pid pid, cop_sys_change fn, void *arg,
                          size_t arg_bytes, cop_time deadline)
{
    struct copi_sys_request r = {
        .op = COPI_SYS_REPLACE_STATE, .fn = fn, .arg = arg};
    int err;

    if (fn == NULL)
        return COP_EINVAL;
    err = put_data(&r, arg, arg_bytes);
    return err != 0 ? err : tell(pid, &r, deadline);
}

int cop_sys_change_code(cop_pid pid, const void *new_def, const void *extra,
                        size_t extra_bytes, cop_time deadline)
{
    struct copi_sys_request r = {.op = COPI_SYS_CHANGE_CODE, .def = new_def};
    int err;

    if (new_def == NULL)
        return COP_EINVAL;
    err = put_data(&r, extra, extra_bytes);
    return err != 0 ? err : tell(pid, &r, deadline);
}

int cop_sys_get_status(cop_pid pid, char *buf, size_t size, cop_time deadline)
{
    return fetch_text(pid, COPI_SYS_GET_STATUS, buf, size, deadline);
}

int cop_sys_statistics(cop_pid pid, bool on, cop_time deadline)
{
    return tell_op(pid, COPI_SYS_STATISTICS, on, deadline);
}

int cop_sys_get_statistics(cop_pid pid, cop_sys_stats *out, cop_time deadline)
{
    int size;

    if (out == NULL)
        return COP_EINVAL;
    size = fetch(pid, COPI_SYS_GET_STATISTICS, out, sizeof *out, deadline);
    if (size < 0)
        return size;
    return size == (int)sizeof *out ? 0 : COP_EINVAL;
}

int cop_sys_trace(cop_pid pid, bool on, cop_time deadline)
{
    return tell_op(pid, COPI_SYS_TRACE, on, deadline);
}

int cop_sys_log(cop_pid pid, size_t n, cop_time deadline)
{
    if (n > COP_SYS_LOG_MAX)
        return COP_EINVAL;
    return tell_op(pid, COPI_SYS_LOG, n, deadline);
}

int cop_sys_get_log(cop_pid pid, char *buf, size_t size, cop_time deadline)
{
    return fetch_text(pid, COPI_SYS_GET_LOG, buf, size, deadline);
}
