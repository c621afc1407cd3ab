/* SPDX-License-Identifier: MIT
 *
 * inject.c - decides which rules of a plan fire. Rank: 1.
 *
 * An *opportunity* is something that a rule could spoil: a turn of an actor
 * whose name it matches, a message, a pass of a fault point, a call of a
 * function of libc. Each has a number among those of its rule, from 1 on;
 * *firing* is the decision to spoil it.
 *
 * Chance. Each rule has a stream of its own, "chaos-N" of the seed, and each
 * opportunity a part of that stream of its own, by its number. So whatever one
 * opportunity draws, the others draw the same; and no lock is needed to draw.
 * The same opportunities in the same order give the same decisions.
 *
 * Invariants:
 *  1. Numbers of opportunities have no gaps and no doubles, also with many
 *     threads.
 *  2. A rule never fires more often than its count.
 *  3. rule[] changes only while state is SWITCHING and nobody is inside: who
 *     enters counts itself first and then looks whether a plan is on; who
 *     switches off says so first and then waits until nobody is counted. Both
 *     are sequentially consistent, so one of the two sees the other.
 *
 * Rejected: a generator per rule that is advanced under a lock: passes of
 * the point "alloc" happen under any lock, and a number drawn here would move
 * all that come after it.
 */
#include "runtime/probe/inject.h"

#include "runtime/base/atomic.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/format.h"
#include "runtime/base/hash.h"
#include "runtime/base/os.h"
#include "runtime/probe/fault.h"

enum { OFF, SWITCHING, ON };
enum { RULE_BITS = 6, FORETOLD = 4096 };

_Static_assert(COPI_PLAN_RULES < 1 << RULE_BITS, "a rule fits into a debt");

struct active {
    struct copi_rule rule;
    uint64_t seed;
    uint64_t key; /* of its stream */
    _Atomic uint64_t seen, fired, struck;
    _Atomic int64_t next_due; /* every= */
};

_Atomic uint32_t copi_inject_mask;
_Atomic uint64_t copi_inject_libc;
struct copi_inject_door copi_inject_door;

static _Atomic uint32_t state;
static _Atomic uint32_t inside;
/* What copi_inject_libc is made of. */
static _Atomic uint64_t libc_named;
static _Atomic uint32_t libc_asked;
static _Atomic uint32_t era;
static struct active rule[COPI_PLAN_RULES];
static unsigned rule_count;
static cop_time started_at;

/* ------------------------------------------------------------- deciding -- */

bool copi_inject_enter(void)
{
    /* seq_cst, both: see invariant 3; pairs with copi_inject_stop. The load
     * also shows what copi_inject_start wrote before it said ON. */
    atomic_fetch_add(&inside, 1);
    if (atomic_load(&state) == ON)
        return true;
    atomic_fetch_sub(&inside, 1);
    return false;
}

void copi_inject_leave(void)
{
    /* seq_cst: pairs with copi_inject_stop */
    atomic_fetch_sub(&inside, 1);
}

uint64_t copi_shot_below(struct copi_shot *shot, uint64_t n)
{
    if (!shot->is_drawn)
        copi_prng_init(&shot->prng, shot->key, "shot");
    shot->is_drawn = true;
    return copi_prng_below(&shot->prng, n);
}

/* every=, of rules that nobody drives: at most one in each such time. */
static bool is_due(struct active *a, cop_time now)
{
    int64_t due = atomic_load_explicit(&a->next_due, memory_order_relaxed);
    return now >= due && atomic_compare_exchange_strong_explicit(
                             &a->next_due, &due, now + a->rule.every_ns,
                             memory_order_relaxed, memory_order_relaxed);
}

static bool is_in_window(const struct copi_rule *r, cop_time now)
{
    return now >= r->after_ns && (r->until_ns == 0 || now < r->until_ns);
}

/* Relaxed: the count orders nothing, it is only exact. */
static bool count_fired(struct active *a)
{
    uint64_t n = atomic_load_explicit(&a->fired, memory_order_relaxed);
    do {
        if (a->rule.count != 0 && n >= a->rule.count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &a->fired, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* By its number and by chance. */
static bool is_chosen(const struct active *a, uint64_t number,
                      struct copi_shot *shot)
{
    shot->key = a->key ^ number;
    shot->is_drawn = false;
    if (number < a->rule.nth)
        return false;
    return a->rule.p >= COPI_PLAN_CERTAIN ||
           copi_shot_below(shot, COPI_PLAN_CERTAIN) < a->rule.p;
}

bool copi_inject_fires(unsigned i, struct copi_shot *shot)
{
    struct active *a = &rule[i];
    const struct copi_rule *r = &a->rule;
    cop_time now = 0;
    if ((r->after_ns | r->until_ns | r->every_ns) != 0)
        now = copi_clock_now() - started_at;
    if (!is_in_window(r, now))
        return false;
    uint64_t number =
        atomic_fetch_add_explicit(&a->seen, 1, memory_order_relaxed) + 1;
    if (!is_chosen(a, number, shot))
        return false;
    if (r->every_ns != 0 && r->class != COPI_RULE_ACTOR && !is_due(a, now))
        return false;
    return count_fired(a);
}

uint64_t copi_inject_foretell(unsigned i, uint64_t h)
{
    const struct active *a = &rule[i];
    struct copi_shot shot;
    uint64_t fired = 0;
    h = copi_hash_bytes(h, a->rule.text, strlen(a->rule.text));
    for (uint64_t n = 1; n <= FORETOLD; n++) {
        if (!is_chosen(a, n, &shot))
            continue;
        if (a->rule.count != 0 && fired++ >= a->rule.count)
            break;
        h = copi_hash_u64(h ^ n) ^ copi_shot_below(&shot, UINT64_C(1) << 63);
    }
    return copi_hash_u64(h);
}

/* For fault.c: called under any lock. */
static bool decide_point(enum copi_fault_point point)
{
    struct copi_shot shot;
    bool fails = false;
    if (!copi_inject_enter())
        return false;
    for (unsigned i = 0; i < rule_count; i++)
        if (rule[i].rule.class == COPI_RULE_POINT &&
            rule[i].rule.point == (int)point && copi_inject_fires(i, &shot))
            fails = true;
    copi_inject_leave();
    return fails;
}

/* ------------------------------------------------------------ switching -- */

static void activate(unsigned i, const struct copi_plan *plan, uint64_t seed)
{
    struct active *a = &rule[i];
    struct copi_prng stream;
    char name[24];
    a->rule = plan->rule[i];
    a->seed = a->rule.has_seed ? a->rule.seed : seed;
    copi_format(name, sizeof name, "chaos-%u", i + 1);
    copi_prng_init(&stream, a->seed, name);
    a->key = copi_prng_next(&stream);
    atomic_store_explicit(&a->seen, 0, memory_order_relaxed);
    atomic_store_explicit(&a->fired, 0, memory_order_relaxed);
    atomic_store_explicit(&a->struck, 0, memory_order_relaxed);
    atomic_store_explicit(&a->next_due, a->rule.every_ns, memory_order_relaxed);
}

static uint32_t bits_of(const struct copi_plan *plan)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->rule[i].class == COPI_RULE_ACTOR)
            bits |= COPI_INJECT_TURNS;
        if (plan->rule[i].class == COPI_RULE_MESSAGE)
            bits |= COPI_INJECT_SENDS;
    }
    return bits;
}

static uint64_t libc_of(const struct copi_plan *plan)
{
    uint64_t functions = 0;
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->rule[i].class == COPI_RULE_CALL)
            functions |= UINT64_C(1) << plan->rule[i].call;
    return functions;
}

static uint64_t what_for_libc(void)
{
    return atomic_load(&libc_asked) != 0 ? UINT64_MAX
                                         : atomic_load(&libc_named);
}

/* Two may do this at once, each after it changed one of the two: seq_cst, so
 * that who stores last has seen both. */
static void tell_libc(void)
{
    uint64_t told;
    do {
        told = what_for_libc();
        atomic_store(&copi_inject_libc, told);
    } while (what_for_libc() != told);
}

void copi_inject_ask_at_libc(bool on)
{
    atomic_store(&libc_asked, on); /* seq_cst: pairs with tell_libc */
    tell_libc();
}

bool copi_inject_asks_at_libc(void)
{
    return atomic_load_explicit(&libc_asked, memory_order_relaxed) != 0;
}

bool copi_inject_names_libc(enum copi_libc fn)
{
    uint64_t m = atomic_load_explicit(&libc_named, memory_order_relaxed);
    return (m >> fn & 1) != 0;
}

static void name_libc(uint64_t functions)
{
    atomic_store(&libc_named, functions); /* seq_cst: pairs with tell_libc */
    tell_libc();
}

static uint32_t points_of(const struct copi_plan *plan)
{
    uint32_t points = 0;
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->rule[i].class == COPI_RULE_POINT)
            points |= UINT32_C(1) << plan->rule[i].point;
    return points;
}

int copi_inject_start(const struct copi_plan *plan, uint64_t seed)
{
    uint32_t was = OFF;
    /* seq_cst: one at a time; shows what the last stop left */
    while (!atomic_compare_exchange_strong(&state, &was, SWITCHING)) {
        if (was == ON)
            return COP_EALREADY;
        was = OFF;
        copi_os_yield();
    }
    if (plan->has_seed)
        seed = plan->seed;
    rule_count = plan->count;
    for (unsigned i = 0; i < plan->count; i++)
        activate(i, plan, seed);
    started_at = copi_clock_now();
    atomic_fetch_add_explicit(&era, 1, memory_order_relaxed);
    atomic_store(&copi_inject_mask, bits_of(plan));
    name_libc(libc_of(plan));
    copi_fault_plan(points_of(plan), decide_point);
    /* seq_cst: publishes all this to copi_inject_enter */
    atomic_store(&state, ON);
    return 0;
}

bool copi_inject_stop(void)
{
    uint32_t was = ON;
    /* seq_cst: says so, then looks who is inside; see invariant 3 */
    if (!atomic_compare_exchange_strong(&state, &was, SWITCHING))
        return false;
    atomic_store(&copi_inject_mask, 0);
    name_libc(0);
    copi_fault_plan(0, NULL);
    while (atomic_load(&inside) != 0)
        copi_os_yield();
    atomic_store(&state, OFF);
    return true;
}

bool copi_inject_hold(void)
{
    uint32_t was = OFF;
    while (!copi_inject_enter()) {
        /* seq_cst: as in copi_inject_start */
        if (atomic_compare_exchange_strong(&state, &was, SWITCHING))
            return false;
        was = OFF;
        copi_os_yield();
    }
    return true;
}

void copi_inject_let_go(bool is_on)
{
    if (is_on)
        copi_inject_leave();
    else
        atomic_store(&state, OFF); /* seq_cst: pairs with copi_inject_start */
}

uint32_t copi_inject_era(void)
{
    return atomic_load_explicit(&era, memory_order_relaxed);
}

unsigned copi_inject_count(void)
{
    return rule_count;
}

const struct copi_rule *copi_inject_rule(unsigned i)
{
    COPI_ASSERT(i < rule_count);
    return &rule[i].rule;
}

uint64_t copi_inject_seed(unsigned i)
{
    return rule[i].seed;
}

uint64_t copi_inject_seen(unsigned i)
{
    return atomic_load_explicit(&rule[i].seen, memory_order_relaxed);
}

uint64_t copi_inject_fired(unsigned i)
{
    return atomic_load_explicit(&rule[i].fired, memory_order_relaxed);
}

uint64_t copi_inject_struck(unsigned i)
{
    const struct active *a = &rule[i];
    bool later =
        a->rule.class == COPI_RULE_ACTOR && a->rule.kind != COPI_RULE_SLOW;
    return atomic_load_explicit(later ? &a->struck : &a->fired,
                                memory_order_relaxed);
}

/* ---------------------------------------------------------------- debts -- */

uint16_t copi_inject_debt(unsigned i)
{
    return (uint16_t)(copi_inject_era() << RULE_BITS | (i + 1));
}

int copi_inject_creditor(unsigned debt)
{
    int i = (int)(debt & ((1u << RULE_BITS) - 1)) - 1;
    return i >= 0 && debt == copi_inject_debt((unsigned)i) ? i : -1;
}

/* Relaxed: the count orders nothing. */
void copi_inject_strike(unsigned debt)
{
    int i = copi_inject_creditor(debt);
    if (i >= 0 && i < COPI_PLAN_RULES)
        atomic_fetch_add_explicit(&rule[i].struck, 1, memory_order_relaxed);
}

/* ----------------------------------------------------------- tags' names -- */

enum { TAGS_MAX = 256 };

static struct {
    char name[COPI_PLAN_TAG];
    _Atomic cop_tag tag; /* 0: the name is not there yet */
} tags[TAGS_MAX];
static _Atomic uint32_t tag_count; /* may run ahead of the array's end */

/* NULL: not known. */
static _Atomic cop_tag *find_tag(const char *name)
{
    uint32_t n = atomic_load_explicit(&tag_count, memory_order_relaxed);
    for (uint32_t i = 0; i < n && i < TAGS_MAX; i++)
        /* acquire: pairs with copi_inject_name_tag, shows the name */
        if (atomic_load_explicit(&tags[i].tag, memory_order_acquire) != 0 &&
            strcmp(tags[i].name, name) == 0)
            return &tags[i].tag;
    return NULL;
}

int copi_inject_name_tag(cop_tag tag, const char *name)
{
    if (tag == 0 || name == NULL || !copi_plan_is_tag_name(name))
        return COP_EINVAL;
    _Atomic cop_tag *known = find_tag(name);
    if (known != NULL) {
        atomic_store_explicit(known, tag, memory_order_relaxed);
        return 0;
    }
    uint32_t i = atomic_load_explicit(&tag_count, memory_order_relaxed);
    if (i < TAGS_MAX)
        i = atomic_fetch_add_explicit(&tag_count, 1, memory_order_relaxed);
    if (i >= TAGS_MAX)
        return COP_ELIMIT;
    memcpy(tags[i].name, name, strlen(name) + 1);
    /* release: pairs with find_tag */
    atomic_store_explicit(&tags[i].tag, tag, memory_order_release);
    return 0;
}

/* What behaviours say among themselves is left alone unless it is meant by its
 * number. */
bool copi_inject_has_tag(const struct copi_rule *r, cop_tag tag)
{
    if (r->tag_name[0] != '\0') {
        _Atomic cop_tag *known = find_tag(r->tag_name);
        return known != NULL &&
               atomic_load_explicit(known, memory_order_relaxed) == tag;
    }
    if (r->tag != 0)
        return r->tag == tag;
    return tag <= COP_TAG_MAX || tag == COP_REPLY;
}
