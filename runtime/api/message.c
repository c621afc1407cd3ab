/* SPDX-License-Identifier: MIT
 *
 * message.c - messages in the hands of the program: made, freed, owned.
 * Rank: 5.
 *
 * What an actor has here goes with it (../actor/held.c). None of this enters
 * the runtime, as it needs no worker and must work without one; but the actor
 * is neither interrupted nor ended in between: it is at the edge, or counts as
 * inside.
 */
#include "runtime/api/message.h"

#include <coppice/message.h>

#include "runtime/actor/held.h"
#include "runtime/actor/here.h"
#include "runtime/actor/misuse.h"
#include "runtime/base/check.h"

/* The calling actor; NULL: none that could own anything. */
static struct copi_actor *holder(void)
{
    struct copi_here *h = copi_here();
    return h->native != NULL ? h->actor : NULL;
}

static bool hold(struct cop_msg *m)
{
    struct copi_actor *a = holder();
    return a == NULL || copi_held_add(a, m);
}

/* Most messages are made, given and freed by these alone. */

COPI_EDGE static bool hold_quick(struct cop_msg *m)
{
    struct copi_here *h = &copi_here_own;
    return h->native != NULL && h->actor != NULL &&
           copi_held_quick_add(h->actor, m);
}

/* NULL: not so easily. */
COPI_EDGE static struct cop_msg *make_quick(cop_tag tag, size_t size, int cell)
{
    struct copi_here *h = &copi_here_own;
    if (COPI_UNLIKELY(h->native == NULL || h->actor == NULL))
        return NULL;
    struct copi_slab_magazine *cells = &copi_slab_own.loaded[cell];
    if (COPI_UNLIKELY(cells->head == NULL))
        return NULL;
    struct cop_msg *m = copi_slab_pop(cells);
    copi_msg_set(m, COPI_SIG_MESSAGE, cell, tag, size);
    if (COPI_UNLIKELY(!copi_held_quick_add(h->actor, m))) {
        copi_slab_push(cells, m);
        return NULL;
    }
    m->flags = COPI_MSG_KEPT;
    return m;
}

/* Its holder's cell may take the last room but one. */
COPI_EDGE_PART bool is_easy_to_free(const struct cop_msg *m)
{
    return copi_msg_is_bare(m) &&
           copi_slab_own.loaded[m->cell].count + 1 < copi_slab_own.limit;
}

COPI_EDGE_PART void free_easily(struct cop_msg *m)
{
    m->kind = COPI_SIG_RELEASED;
    copi_slab_push(&copi_slab_own.loaded[m->cell], m);
}

/* m was looked at before: a bad pointer is the program's fault. */
COPI_EDGE static bool free_quick(struct cop_msg *m)
{
    struct copi_here *h = &copi_here_own;
    if (COPI_UNLIKELY(h->native == NULL || h->actor == NULL ||
                      !is_easy_to_free(m) ||
                      !copi_held_quick_drop(h->actor, m)))
        return false;
    free_easily(m);
    return true;
}

void copi_message_begin_copy(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_cold *cold = copi_cold_of(a);
    if (COPI_UNLIKELY(cold == NULL))
        return; /* no memory: then a kill just now may lose it */
    if (COPI_UNLIKELY(cold->reply != NULL)) /* a copy crashed, and was caught */
        copi_msg_release(cold->reply);
    cold->reply = m;
}

COPI_EDGE static bool end_copy_quick(struct cop_msg *m)
{
    struct copi_here *h = &copi_here_own;
    if (COPI_UNLIKELY(h->native == NULL || h->actor == NULL ||
                      h->actor->cold->reply != m || !is_easy_to_free(m)))
        return false;
    copi_cold_of(h->actor)->reply = NULL;
    free_easily(m);
    return true;
}

void copi_message_end_copy(struct cop_msg *m)
{
    if (COPI_LIKELY(end_copy_quick(m)))
        return;
    copi_here_vital_begin();
    struct copi_actor *a = copi_here_actor();
    if (a != NULL && a->cold->reply == m)
        copi_cold_of(a)->reply = NULL;
    copi_here_vital_end();
    copi_message_discard(m);
}

void copi_message_give(struct cop_msg *m)
{
    m->flags |= COPI_MSG_KEPT;
    if (COPI_LIKELY(hold_quick(m)))
        return;
    copi_here_vital_begin();
    (void)hold(m); /* without memory it is nobody's */
    copi_here_vital_end();
}

/* The body's size; where it lies: NULL, in the message. NULL: no memory. */
static struct cop_msg *make(cop_tag tag, size_t size,
                            const struct copi_body_moved *moved)
{
    size_t room = moved != NULL ? sizeof *moved : size;
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, tag, room);
    if (m == NULL)
        return NULL;
    if (!hold(m)) {
        copi_msg_release(m);
        return NULL;
    }
    m->flags = COPI_MSG_KEPT;
    if (moved != NULL) {
        *(struct copi_body_moved *)copi_msg_inline(m) = *moved;
        m->body = COPI_BODY_MOVED;
        m->size = size;
    }
    return m;
}

static int new (cop_msg **out, cop_tag tag, size_t size,
                const struct copi_body_moved *moved)
{
    if (out == NULL)
        return COP_EINVAL;
    *out = NULL;
    if (!copi_tag_is_valid(tag))
        return COP_EINVAL;
    if (size > COPI_BODY_MAX)
        return COP_ESIZE;
    int cell = copi_cell_class(COPI_MSG_HEADER + size);
    if (moved == NULL && cell != COPI_CELL_LARGE &&
        (*out = make_quick(tag, size, cell)) != NULL)
        return 0;
    copi_here_vital_begin();
    struct cop_msg *m = make(tag, size, moved);
    copi_here_vital_end();
    *out = m;
    return m != NULL ? 0 : COP_ENOMEM;
}

int cop_msg_new(cop_msg **out, cop_tag tag, size_t size)
{
    return new (out, tag, size, NULL);
}

int cop_msg_new_moved(cop_msg **out, cop_tag tag, void *body, size_t size,
                      void (*release)(void *, size_t))
{
    const struct copi_body_moved moved = {body, release};
    if (body == NULL && size > 0)
        return COP_EINVAL;
    return new (out, tag, size, &moved);
}

void copi_message_must_be_own(const char *call, const struct cop_msg *m)
{
    if (m == NULL)
        copi_misuse("%s: m is NULL", call);
    if (!(m->flags & COPI_MSG_KEPT))
        copi_misuse("%s: message with tag %u is not the caller's", call,
                    (unsigned)m->tag);
    COPI_ASSERT(m->kind <= COPI_SIG_ALIVE_ACK); /* else it was released */
}

int cop_msg_own(cop_msg *m)
{
    copi_message_must_be_own("cop_msg_own", m);
    copi_here_vital_begin();
    copi_held_drop(m);
    bool done = hold(m);
    copi_here_vital_end();
    return done ? 0 : COP_ENOMEM;
}

void cop_msg_disown(cop_msg *m)
{
    copi_message_must_be_own("cop_msg_disown", m);
    copi_here_vital_begin();
    copi_held_drop(m);
    copi_here_vital_end();
}

/* What the program gave for a moved body's release is its own code, and may be
 * interrupted. */
void copi_message_discard(struct cop_msg *m)
{
    bool is_inline = m->body == COPI_BODY_INLINE;
    copi_here_vital_begin();
    copi_held_drop(m);
    if (is_inline)
        copi_msg_release(m);
    copi_here_vital_end();
    if (!is_inline)
        copi_msg_release(m);
}

void cop_msg_free(cop_msg *m)
{
    if (m == NULL)
        return;
    copi_message_must_be_own("cop_msg_free", m);
    if (!free_quick(m))
        copi_message_discard(m);
}
