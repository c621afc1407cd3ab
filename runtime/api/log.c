/* SPDX-License-Identifier: MIT
 *
 * log.c - the runtime's one line of report, for behaviours and programs.
 * Rank: 5.
 */
#include <coppice/runtime.h>

#include "runtime/api/scope.h"
#include "runtime/base/check.h"
#include "runtime/probe/text.h"

void cop_log(const char *fmt, ...)
{
    struct copi_scope s;
    char line[1001];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    /* inside, so that no signal ends the actor while it writes */
    bool inside = copi_scope_enter(&s);
    copi_log("%s", line);
    if (inside)
        copi_scope_leave(&s);
}

int cop_trust_library(const void *address)
{
    return copi_text_trust(address);
}
