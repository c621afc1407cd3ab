/* SPDX-License-Identifier: MIT
 *
 * reason.h - what the runtime needs of reasons beyond <coppice/reason.h>: the
 * ones that only it makes. See reason.c.
 *
 * Rank: 3.
 */
#ifndef COPI_ACTOR_REASON_H
#define COPI_ACTOR_REASON_H

#include "runtime/base/base.h"

#include <coppice/reason.h>

/* Bytes of a name with its closing zero; of a payload, of which more is cut. */
#define COPI_REASON_NAME 64
#define COPI_REASON_PAYLOAD_MAX ((size_t)65536)

/* So many different names are kept for ever; reasons beyond are counted. */
#define COPI_REASON_INTERNED_MAX 4096

/* All of these: the reason is the caller's; without memory it is `nomem`. Any
 * thread; nothing blocks. */

/* {badarg, "text"}: misuse of a call; the text names call and argument. Knows
 * the conversions of copi_format only. Counted. */
cop_reason copi_reason_badarg_fmt(const char *fmt, ...) COP_PRINTF(1, 2);
cop_reason copi_reason_badarg_v(const char *fmt, va_list args) COP_PRINTF(1, 0);

/* {limit, "mailbox"}. Plain (as long as fewer than COPI_REASON_INTERNED_MAX
 * names were made): once it was made for the first time it needs no memory. */
cop_reason copi_reason_limit(const char *what);

/* A reason that a fault plan made carries a mark, in the highest bit of its
 * word, where no address has one. It is like the reason without; only its text
 * says so. NORMAL is never marked: it is no fault. */
#define COPI_REASON_INJECTED                                                   \
    ((uintptr_t)1 << (sizeof(uintptr_t) * CHAR_BIT - 1))
static inline bool copi_reason_is_injected(cop_reason reason)
{
    return (reason.word & COPI_REASON_INJECTED) != 0;
}
static inline cop_reason copi_reason_bare(cop_reason reason)
{
    return (cop_reason){reason.word & ~COPI_REASON_INJECTED};
}
static inline cop_reason copi_reason_inject(cop_reason reason)
{
    return reason.word == COP_R_NORMAL
               ? reason
               : (cop_reason){reason.word | COPI_REASON_INJECTED};
}

/* {fault, ...}. Counted. */
cop_reason copi_reason_fault(const cop_fault *fault);

/* No count: well-known or interned; retain and release do nothing. */
bool copi_reason_is_plain(cop_reason reason);

#endif
