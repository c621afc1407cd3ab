/* SPDX-License-Identifier: MIT
 *
 * misuse.c - misuse ends an actor with badarg, a process by abort. Rank: 3.
 */
#include "runtime/actor/misuse.h"

#include "runtime/actor/actor.h"
#include "runtime/actor/driver.h"
#include "runtime/actor/here.h"
#include "runtime/base/check.h"

struct copi_driver copi_driver;

void copi_misuse(const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    struct copi_actor *a = copi_here_actor();
    if (a != NULL && !a->is_guest)
        copi_driver.exit_badarg(text);
    copi_panic("misuse outside an actor: %s", text);
}
