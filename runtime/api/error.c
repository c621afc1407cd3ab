/* SPDX-License-Identifier: MIT
 *
 * error.c - the public values as text: error codes, pids, states, the version.
 * The tables are the X-macros of the public headers. Rank: 5.
 */
#include "runtime/base/base.h"
#include "runtime/base/format.h"

#include <coppice/inspect.h>
#include <coppice/runtime.h>

#define VERSION "0.1.0"

#define SLOT_BITS 24
#define UNKNOWN "unknown"

const char *cop_error_str(int code)
{
    switch (code) {
    case 0:
        return "success";
#define COP_X(name, number, text)                                              \
    case number:                                                               \
        return text;
        COP_ERRORS(COP_X)
#undef COP_X
    default:
        return "unknown error";
    }
}

const char *cop_error_name(int code)
{
    switch (code) {
    case 0:
        return "0";
#define COP_X(name, number, text)                                              \
    case number:                                                               \
        return #name;
        COP_ERRORS(COP_X)
#undef COP_X
    default:
        return UNKNOWN;
    }
}

char *cop_pid_str(cop_pid pid, char *buf, size_t size)
{
    copi_format(buf, size, "0.%" PRIu64 ".%" PRIu64,
                pid.id & ((UINT64_C(1) << SLOT_BITS) - 1), pid.id >> SLOT_BITS);
    return buf;
}

const char *cop_wait_str(cop_wait wait)
{
    static const char *const texts[] = {
#define COP_X(name, text) text,
        COP_WAITS(COP_X)
#undef COP_X
    };
    return (unsigned)wait < COPI_ARRAY_LEN(texts) ? texts[wait] : UNKNOWN;
}

const char *cop_status_str(cop_status status)
{
    switch (status) {
    case COP_STATUS_RUNNABLE:
        return "runnable";
    case COP_STATUS_RUNNING:
        return "running";
    case COP_STATUS_WAITING:
        return "waiting";
    case COP_STATUS_EXITING:
        return "exiting";
    }
    return UNKNOWN;
}

const char *cop_dead_reason_str(cop_dead_reason reason)
{
    static const char *const texts[] = {
#define COP_X(name, text) text,
        COP_DEAD_REASONS(COP_X)
#undef COP_X
    };
    return (unsigned)reason < COPI_ARRAY_LEN(texts) ? texts[reason] : UNKNOWN;
}

const char *cop_version(void)
{
    return VERSION;
}
