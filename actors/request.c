/* SPDX-License-Identifier: MIT
 *
 * request.c - waiting for the answer to one request.
 *
 * The answer, or the DOWN of who should have given it, is what comes first by
 * the request's reference. cop_request has made that a receive marker, so the
 * wait does not depend on the length of the mailbox while the request is among
 * the actor's latest.
 */
#include <coppice/request.h>

#include "actors/answer.h"

int cop_check_response(const cop_msg *m, cop_ref request)
{
    if (m == NULL || request.id == 0 || !cop_ref_eq(cop_msg_ref(m), request))
        return COP_ENOENT;
    switch (cop_msg_tag(m)) {
    case COP_REPLY:
        return 0;
    case COP_DOWN:
        return cop_reason_kind(cop_msg_reason(m)) == COP_R_NOPROC ? COP_ENOPROC
                                                                  : COP_EDOWN;
    default:
        return COP_ENOENT;
    }
}

int cop_wait_response(cop_msg **reply, cop_ref request, cop_time deadline,
                      cop_reason *why)
{
    const cop_match either[] = {
        {.tag = COP_REPLY, .ref = request},
        {.tag = COP_DOWN, .ref = request},
    };
    const cop_msg *m;
    int code;

    if (reply != NULL)
        *reply = NULL;
    if (why != NULL)
        *why = COP_NORMAL;
    if (request.id == 0)
        return COP_EINVAL;
    if (cop_recv_match(&m, either, 2, deadline) < 0)
        return COP_ETIMEDOUT;
    code = cop_check_response(m, request);
    if (code == 0 && reply != NULL)
        *reply = cop_keep(m);
    else if (code != 0)
        copi_answer_give(why, cop_reason_retain(cop_msg_reason(m)));
    return code;
}

int cop_receive_response(cop_msg **reply, cop_ref request, cop_time deadline,
                         cop_reason *why)
{
    int code = cop_wait_response(reply, request, deadline, why);

    if (code == COP_ETIMEDOUT)
        cop_request_cancel(request);
    return code;
}
