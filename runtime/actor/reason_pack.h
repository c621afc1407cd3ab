/* SPDX-License-Identifier: MIT
 *
 * reason_pack.h - reasons as flat bytes, for who writes them in two pieces.
 * Rank: 3. See reason_pack.c.
 */
#ifndef COPI_ACTOR_REASON_PACK_H
#define COPI_ACTOR_REASON_PACK_H

#include "runtime/actor/reason.h"

/* The payload follows. */
struct copi_reason_head {
    int32_t kind;
    uint32_t payload_bytes;
    uint8_t has_payload;
    char name[COPI_REASON_NAME];
    char term[COPI_REASON_NAME];
};

#define COPI_REASON_PACKED_MAX                                                 \
    (sizeof(struct copi_reason_head) + COPI_REASON_PAYLOAD_MAX)

/* Fills the head; returns the payload, the reason's. */
const void *copi_reason_pack_begin(struct copi_reason_head *h,
                                   cop_reason reason);

#endif
