/* SPDX-License-Identifier: MIT
 *
 * ledger.c - which chunk numbers are waiting, out or done.
 *
 * Those that were given back lie on a stack, one number pointing to the one
 * below it, so that giving back needs no memory. One may be confirmed while it
 * lies there: it is left out when it comes up.
 */
#include "wordcount.h"

#include <stdlib.h>

enum state { WAITING, OUT, DONE };

int ledger_init(struct ledger *l, uint32_t total)
{
    *l = (struct ledger){.total = total, .top = NO_NUMBER};
    l->states = calloc(total, sizeof *l->states);
    l->below = calloc(total, sizeof *l->below);
    return l->states != NULL && l->below != NULL ? 0 : COP_ENOMEM;
}

void ledger_fini(struct ledger *l)
{
    free(l->states);
    free(l->below);
}

static uint32_t take(struct ledger *l, uint32_t number)
{
    l->states[number] = OUT;
    l->out++;
    return number;
}

uint32_t ledger_take(struct ledger *l)
{
    while (l->top != NO_NUMBER) {
        uint32_t number = l->top;

        l->top = l->below[number];
        if (l->states[number] == WAITING)
            return take(l, number);
    }
    while (l->next < l->total) {
        uint32_t number = l->next++;

        if (l->states[number] == WAITING)
            return take(l, number);
    }
    return NO_NUMBER;
}

bool ledger_give_back(struct ledger *l, uint32_t number)
{
    if (l->states[number] != OUT)
        return false;
    l->states[number] = WAITING;
    l->out--;
    l->below[number] = l->top;
    l->top = number;
    return true;
}

bool ledger_confirm(struct ledger *l, uint32_t number)
{
    if (number >= l->total || l->states[number] == DONE)
        return false;
    if (l->states[number] == OUT)
        l->out--;
    l->states[number] = DONE;
    return true;
}
