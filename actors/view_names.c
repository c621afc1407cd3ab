/* SPDX-License-Identifier: MIT
 *
 * view_names.c - the functions of a document's actors by name.
 *
 * To find a name a file is read, and most actors share a few functions: so what
 * was found is kept, by a hash of the address, for as long as the document is
 * made. In a program of ever new functions no more than LOOKUPS are looked up;
 * the others stay without a name.
 */
#include "actors/view.h"

#include <coppice/report.h>

#include <string.h>

enum { LOOKUPS = 256 };

/* What has no name has its address for a text. */
static void look_up(struct copi_view_name *n, uintptr_t function)
{
    n->function = function;
    cop_symbol_name(function, false, n->text, sizeof n->text);
    if (strncmp(n->text, "0x", 2) == 0)
        n->text[0] = '\0';
}

const char *copi_view_name_of(struct copi_view_names *names, uintptr_t function)
{
    uint64_t hash = (uint64_t)function * 0x9e3779b97f4a7c15u;
    struct copi_view_name *n = &names->known[hash >> 58];

    if (function == 0)
        return "";
    if (n->function != function) {
        if (names->lookups == LOOKUPS)
            return "";
        names->lookups++;
        look_up(n, function);
    }
    return n->text;
}
