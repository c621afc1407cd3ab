/* SPDX-License-Identifier: MIT
 *
 * event_upgrade.c - a new version of an event handler's code, as gen_event's
 * change_code: all handlers of the definition that it replaces get a new state,
 * made of the old one; or, if that fails for any of them, none does.
 */
#include "actors/event.h"

#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

struct change {
    const cop_event_handler *def;
    struct copi_event_member *h;
    const void *extra;
    size_t extra_bytes;
    int code;
};

static bool is_meant(const struct copi_event_member *h,
                     const cop_event_handler *def)
{
    return h->def == (def->replaces != NULL ? def->replaces : def);
}

static void change(void *arg)
{
    struct change *c = arg;

    c->code = c->def->code_change(c->h->new_state, c->h->state, c->extra,
                                  c->extra_bytes);
}

/* Makes the new state beside the old one. */
static int prepare(struct change *c)
{
    struct copi_event_member *h = c->h;
    size_t size = c->def->state_bytes;

    h->new_state = cop_common_calloc(1, size > 0 ? size : 1);
    if (h->new_state == NULL)
        return COP_ENOMEM;
    if (c->def->code_change != NULL)
        return cop_catch(change, c, NULL) != 0 ? COP_EFAILED : c->code;
    if (size != h->def->state_bytes)
        return COP_ESIZE;
    if (size > 0)
        memcpy(h->new_state, h->state, size);
    return 0;
}

static void finish(struct copi_event_member *h, const cop_event_handler *def,
                   bool is_done)
{
    void *drop = is_done ? h->state : h->new_state;

    if (is_done) {
        h->state = h->new_state;
        h->def = def;
    }
    h->new_state = NULL;
    free(drop);
}

int copi_event_upgrade(struct copi_event *s, const cop_event_handler *def,
                       const void *extra, size_t extra_bytes)
{
    struct change c = {.def = def, .extra = extra, .extra_bytes = extra_bytes};
    int err = 0;

    for (c.h = s->first; c.h != NULL && err == 0; c.h = c.h->next)
        if (is_meant(c.h, def))
            err = prepare(&c);
    for (struct copi_event_member *h = s->first; h != NULL; h = h->next)
        if (h->new_state != NULL)
            finish(h, def, err == 0);
    return err;
}
