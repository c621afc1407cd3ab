/* SPDX-License-Identifier: MIT
 *
 * libc.c - names of functions and errors of libc. Rank: 1. See libc.h.
 */
#include "runtime/probe/libc.h"

#include <errno.h>

static const char *const names[] = {
#define COPI_X(name, type, params, args) #name,
    COPI_LIBC(COPI_X)
#undef COPI_X
};

static const struct {
    const char *name;
    int number;
} errors[] = {
#define COPI_X(name) {#name, name},
    COPI_LIBC_ERRORS(COPI_X)
#undef COPI_X
};

const char *copi_libc_name(enum copi_libc fn)
{
    return names[fn];
}

int copi_libc_find(const char *name)
{
    for (int i = 0; i < COPI_LIBC_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int copi_libc_error(const char *name)
{
    for (size_t i = 0; i < COPI_ARRAY_LEN(errors); i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].number;
    return 0;
}
