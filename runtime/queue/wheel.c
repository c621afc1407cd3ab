/* SPDX-License-Identifier: MIT
 *
 * wheel.c - a hierarchical timing wheel, exact to the nanosecond.
 *
 * Rank: 2.
 *
 * Words. Time is cut into groups of six bits; level 0 is the lowest group (one
 * slot is one nanosecond), level 10 the highest. The *cursor* is a time that no
 * entry in a slot is before. An entry's *place* follows from its deadline and
 * the cursor alone: its level is the highest group in which the two differ (0
 * if they are equal), its slot the value of the deadline's group there. So the
 * occupied slots of a level lie ahead of the cursor, in the order of time, all
 * of a lower level before all of a higher one, and the first bits that are set
 * in two bitmaps lead to the earliest slot.
 *
 * When the time of a slot has come, its entries move down to the places that
 * they have by the cursor's new value, which is the earliest deadline in the
 * slot itself (or now, if that is before). A lone timer thus goes straight to
 * level 0, however far ahead it was set.
 *
 * What was past when it was added (before the cursor) has no place in the
 * slots. It waits among the *late*, a pairing heap, which keeps order and
 * bounds whatever deadlines a program comes up with; commonly it is empty.
 *
 * Invariants.
 *  1. Every entry in a slot is at its place by its deadline and the cursor.
 *     Moving the cursor up to the start of the earliest slot changes no place.
 *  2. Entries with equal deadlines are in one list, the first added first: the
 *     place does not depend on the time of insertion, lists are appended to,
 *     and when a slot is moved down in the order of its list, all lower levels
 *     are empty.
 *  3. Each late entry is earlier than every entry in a slot.
 *  4. A slot's earliest_ns lies within the slot's span and is not after the
 *     deadline of any of its entries. Removals may leave it too early.
 *
 * Rejected: slots of some ticks' width (65 us, say) whose entries are sorted
 * when their time comes: sorting costs more than four more levels do (a
 * comparison sort of the 655 entries of a busy tick is ten steps for each), and
 * one that is set within the running tick needs an ordered structure anyway.
 * Rejected: a heap alone; a cancelled timer should cost O(1), as most are.
 * Rejected: placing the late in the cursor's slot; they would be due at once,
 * but in the order of insertion and not of their deadlines.
 */
#include "runtime/queue/wheel.h"

#include "runtime/base/check.h"

/* ---------------------------------------------------------------- places -- */

struct place {
    unsigned level, slot;
};

/* The order of signed times as that of unsigned numbers. */
static uint64_t key(int64_t ns)
{
    return (uint64_t)ns ^ (UINT64_C(1) << 63);
}

static struct place place_of(const struct copi_wheel *w, int64_t deadline_ns)
{
    uint64_t differ = key(deadline_ns) ^ key(w->cursor_ns);
    struct place p = {0, 0};
    if (differ != 0)
        p.level = (63 - (unsigned)__builtin_clzll(differ)) / COPI_WHEEL_BITS;
    p.slot = (unsigned)(key(deadline_ns) >> (p.level * COPI_WHEEL_BITS)) &
             (COPI_WHEEL_SLOTS - 1);
    return p;
}

/* The earliest occupied slot; there is one. */
static struct place place_first(const struct copi_wheel *w)
{
    struct place p;
    p.level = (unsigned)__builtin_ctz(w->levels);
    p.slot = (unsigned)__builtin_ctzll(w->occupied[p.level]);
    return p;
}

/* The first instant of the span of a slot of `level` that `ns` lies in. */
static uint64_t span_start(int64_t ns, unsigned level)
{
    unsigned shift = level * COPI_WHEEL_BITS;
    return key(ns) >> shift << shift;
}

/* ----------------------------------------------------------------- slots -- */

static struct copi_wheel_entry *entry_of(const struct copi_list *link)
{
    return COPI_CONTAINER(link, struct copi_wheel_entry, link);
}

static void slot_add(struct copi_wheel *w, struct copi_wheel_entry *e)
{
    struct place p = place_of(w, e->deadline_ns);
    struct copi_wheel_slot *s = &w->slot[p.level][p.slot];
    uint64_t bit = UINT64_C(1) << p.slot;
    if (!(w->occupied[p.level] & bit)) {
        w->occupied[p.level] |= bit;
        w->levels |= 1u << p.level;
        s->earliest_ns = e->deadline_ns;
    } else if (e->deadline_ns < s->earliest_ns) {
        s->earliest_ns = e->deadline_ns;
    }
    copi_list_init(&e->link);
    copi_list_push_back(&s->list, &e->link);
    e->where = COPI_WHEEL_SLOT;
}

static void slot_set_empty(struct copi_wheel *w, struct place p)
{
    w->occupied[p.level] &= ~(UINT64_C(1) << p.slot);
    if (w->occupied[p.level] == 0)
        w->levels &= ~(1u << p.level);
}

static void slot_remove(struct copi_wheel *w, struct copi_wheel_entry *e)
{
    struct place p = place_of(w, e->deadline_ns);
    COPI_ASSERT(w->occupied[p.level] & (UINT64_C(1) << p.slot));
    copi_list_remove(&e->link);
    if (copi_list_is_empty(&w->slot[p.level][p.slot].list))
        slot_set_empty(w, p);
}

/* Moves the entries of the earliest slot, whose time has come, to lower
 * levels. */
static void cascade(struct copi_wheel *w, struct place p, int64_t now_ns)
{
    struct copi_wheel_slot *s = &w->slot[p.level][p.slot];
    COPI_ASSERT(p.level > 0);
    w->cursor_ns = COPI_MIN(s->earliest_ns, now_ns);
    struct copi_list moved;
    copi_list_init(&moved);
    copi_list_splice_back(&moved, &s->list);
    slot_set_empty(w, p);
    struct copi_list *link;
    while ((link = copi_list_pop_front(&moved)) != NULL)
        slot_add(w, entry_of(link));
}

/* ------------------------------------------------------------------ late -- */

static bool is_before(const struct copi_wheel_entry *a,
                      const struct copi_wheel_entry *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns;
    return a->seq < b->seq;
}

/* One heap out of two roots without siblings; either may be NULL. */
static struct copi_wheel_entry *meld(struct copi_wheel_entry *a,
                                     struct copi_wheel_entry *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    struct copi_wheel_entry *root = is_before(a, b) ? a : b;
    struct copi_wheel_entry *child = root == a ? b : a;
    child->next = root->child;
    child->back = root;
    if (child->next != NULL)
        child->next->back = child;
    root->child = child;
    return root;
}

/* Cuts the first one off a list of siblings and moves *list on. */
static struct copi_wheel_entry *cut_first(struct copi_wheel_entry **list)
{
    struct copi_wheel_entry *e = *list;
    if (e != NULL) {
        *list = e->next;
        e->next = e->back = NULL;
    }
    return e;
}

/* One heap out of siblings: melded in pairs, then the pairs, last one first. */
static struct copi_wheel_entry *meld_all(struct copi_wheel_entry *list)
{
    struct copi_wheel_entry *pairs = NULL, *root = NULL;
    while (list != NULL) {
        struct copi_wheel_entry *a = cut_first(&list);
        struct copi_wheel_entry *pair = meld(a, cut_first(&list));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL)
        root = meld(root, cut_first(&pairs));
    return root;
}

static void late_add(struct copi_wheel *w, struct copi_wheel_entry *e)
{
    e->child = e->next = e->back = NULL;
    w->late = meld(w->late, e);
    e->where = COPI_WHEEL_LATE;
}

static void late_remove(struct copi_wheel *w, struct copi_wheel_entry *e)
{
    struct copi_wheel_entry *children = meld_all(e->child);
    if (w->late == e) {
        w->late = children;
    } else {
        if (e->back->child == e)
            e->back->child = e->next;
        else
            e->back->next = e->next;
        if (e->next != NULL)
            e->next->back = e->back;
        w->late = meld(w->late, children);
    }
    e->child = e->next = e->back = NULL;
}

/* ------------------------------------------------------------- interface -- */

void copi_wheel_init(struct copi_wheel *w, int64_t now_ns)
{
    w->cursor_ns = now_ns;
    w->next_seq = 0;
    w->count = 0;
    w->late = NULL;
    w->levels = 0;
    for (size_t l = 0; l < COPI_WHEEL_LEVELS; l++) {
        w->occupied[l] = 0;
        for (size_t s = 0; s < COPI_WHEEL_SLOTS; s++)
            copi_list_init(&w->slot[l][s].list);
    }
}

void copi_wheel_add(struct copi_wheel *w, struct copi_wheel_entry *e,
                    int64_t deadline_ns)
{
    COPI_ASSERT(e->where == COPI_WHEEL_OUT);
    e->deadline_ns = deadline_ns;
    e->seq = w->next_seq++;
    w->count++;
    if (deadline_ns < w->cursor_ns)
        late_add(w, e);
    else
        slot_add(w, e);
}

void copi_wheel_remove(struct copi_wheel *w, struct copi_wheel_entry *e)
{
    COPI_ASSERT(e->where != COPI_WHEEL_OUT && w->count > 0);
    if (e->where == COPI_WHEEL_LATE)
        late_remove(w, e);
    else
        slot_remove(w, e);
    e->where = COPI_WHEEL_OUT;
    w->count--;
}

/* The earliest entry if it is due. Else NULL, and the cursor is moved as near
 * to now as it may, so that what is added next spreads over small slots. */
static struct copi_wheel_entry *first_due(struct copi_wheel *w, int64_t now_ns)
{
    if (w->late != NULL)
        return w->late->deadline_ns <= now_ns ? w->late : NULL;
    while (w->levels != 0) {
        struct place p = place_first(w);
        struct copi_wheel_slot *s = &w->slot[p.level][p.slot];
        if (span_start(s->earliest_ns, p.level) > key(now_ns))
            break;
        if (p.level == 0) {
            w->cursor_ns = s->earliest_ns;
            return entry_of(s->list.next);
        }
        cascade(w, p, now_ns);
    }
    w->cursor_ns = COPI_MAX(w->cursor_ns, now_ns);
    return NULL;
}

struct copi_wheel_entry *copi_wheel_pop_due(struct copi_wheel *w,
                                            int64_t now_ns)
{
    struct copi_wheel_entry *e = first_due(w, now_ns);
    if (e != NULL)
        copi_wheel_remove(w, e);
    return e;
}

int64_t copi_wheel_next(const struct copi_wheel *w)
{
    if (w->late != NULL)
        return w->late->deadline_ns;
    if (w->levels == 0)
        return INT64_MAX;
    struct place p = place_first(w);
    return w->slot[p.level][p.slot].earliest_ns;
}

/* -------------------------------------------------------------- checking -- */

static size_t check_slot(const struct copi_wheel *w, unsigned level,
                         unsigned slot)
{
    const struct copi_wheel_slot *s = &w->slot[level][slot];
    bool is_occupied = (w->occupied[level] >> slot) & 1;
    COPI_ASSERT(copi_list_is_empty(&s->list) == !is_occupied);
    size_t n = 0;
    for (const struct copi_list *l = s->list.next; l != &s->list; l = l->next) {
        const struct copi_wheel_entry *e = entry_of(l);
        struct place p = place_of(w, e->deadline_ns);
        COPI_ASSERT(e->where == COPI_WHEEL_SLOT && l->next->prev == l);
        COPI_ASSERT(e->deadline_ns >= w->cursor_ns);
        COPI_ASSERT(p.level == level && p.slot == slot);
        COPI_ASSERT(e->deadline_ns >= s->earliest_ns);
        COPI_ASSERT(span_start(e->deadline_ns, level) ==
                    span_start(s->earliest_ns, level));
        n++;
    }
    return n;
}

/* The next one in the order: an entry, its children, its younger siblings. */
static const struct copi_wheel_entry *
heap_walk(const struct copi_wheel_entry *e)
{
    if (e->child != NULL)
        return e->child;
    while (e != NULL && e->next == NULL) {
        while (e->back != NULL && e->back->child != e)
            e = e->back;
        e = e->back;
    }
    return e != NULL ? e->next : NULL;
}

static size_t check_late(const struct copi_wheel *w)
{
    size_t n = 0;
    for (const struct copi_wheel_entry *e = w->late; e != NULL;
         e = heap_walk(e)) {
        COPI_ASSERT(e->where == COPI_WHEEL_LATE);
        COPI_ASSERT(e->deadline_ns < w->cursor_ns);
        COPI_ASSERT(e->next == NULL || e->next->back == e);
        COPI_ASSERT(e->child == NULL || e->child->back == e);
        COPI_ASSERT(e == w->late || is_before(w->late, e));
        for (const struct copi_wheel_entry *c = e->child; c; c = c->next)
            COPI_ASSERT(is_before(e, c));
        n++;
    }
    return n;
}

void copi_wheel_check(const struct copi_wheel *w)
{
    size_t n = check_late(w);
    for (unsigned level = 0; level < COPI_WHEEL_LEVELS; level++) {
        bool has_level = (w->levels >> level) & 1;
        COPI_ASSERT(has_level == (w->occupied[level] != 0));
        for (unsigned slot = 0; slot < COPI_WHEEL_SLOTS; slot++)
            n += check_slot(w, level, slot);
    }
    COPI_ASSERT(n == w->count);
}
