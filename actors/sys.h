/* SPDX-License-Identifier: MIT
 *
 * sys.h - the protocol of the sys services, between sys.c (who asks) and
 * server_sys.c (who answers).
 */
#ifndef COPI_ACTORS_SYS_H
#define COPI_ACTORS_SYS_H

#include <coppice/sys.h>

#define COPI_SYS (COP_TAG_BEHAVIOUR + 0x180)

enum copi_sys_op {
    COPI_SYS_SUSPEND,
    COPI_SYS_RESUME,
    COPI_SYS_GET_STATE,
    COPI_SYS_REPLACE_STATE, /* fn, arg or data */
    COPI_SYS_CHANGE_CODE,   /* def, data */
    COPI_SYS_GET_STATUS,
    COPI_SYS_STATISTICS, /* n: on */
    COPI_SYS_GET_STATISTICS,
    COPI_SYS_TRACE, /* n: on */
    COPI_SYS_LOG,   /* n */
    COPI_SYS_GET_LOG
};

/* The body of a call with the tag above; of data only what there is. Values,
 * so that it can be copied: what runs in the server may receive. */
struct copi_sys_request {
    enum copi_sys_op op;
    size_t n;
    cop_sys_change fn;
    void *arg;
    const void *def;
    size_t data_bytes;
    _Alignas(max_align_t) char data[COP_SYS_ARG_MAX];
};

/* The answer's body: a code, behind it what was asked for. */
struct copi_sys_answer {
    int code;
    char data[];
};

#endif
