/* SPDX-License-Identifier: MIT
 *
 * coro.c - entering and leaving coroutines. Rank: 2. Words, states and
 * invariants: coro.h.
 *
 * The switch itself is four lines of assembly's wrapping; everything else
 * here keeps books: who is inside whom, errno, and what the sanitizers must
 * hear. This is the one place where stacks are switched, so it is the one
 * place that tells them.
 *
 * Each switch is told in the same order: books of ours, ASan's start, TSan's
 * switch, the switch, ASan's finish. Nothing may come between TSan's and the
 * real one: whatever is touched there is laid at the other side's door.
 *
 * A TSan fiber stays with the stack, for it costs 76 us to make. It keeps a
 * shadow of the call stack, on which the frames of each tenant that did not
 * return stay for ever; so a fiber is replaced after FIBER_USES tenants.
 *
 * From one coroutine straight to another (swap) there is one switch instead of
 * two; the thread's own stack waits as if the first had never left. What ASan
 * says of the stack that one comes from is the thread's only if one was
 * entered from there.
 *
 * Rejected: saving the signal mask (a system call a switch).
 */
#include "runtime/coroutine/coro.h"

#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/base/os.h"
#include "runtime/coroutine/sanitize.h"
#include "runtime/memory/stack_tools.h"

#define FIBER_USES 64
#define GO_ON_BYTES 8192

void copi_native_init(struct copi_native *n)
{
    *n = (struct copi_native){.errno_at = copi_os_errno(),
                              .fiber = copi_tsan_current()};
}

void copi_native_fini(struct copi_native *n)
{
    COPI_ASSERT(n->inside == NULL);
    *n = (struct copi_native){.fiber = NULL};
}

/* On the stack of c, which has been entered. Whom it left may be another
 * thread's by now: only `c->on` is its own. */
COPI_TOLD void arrive(struct copi_coro *c, void *fake)
{
    struct copi_native *n = c->on;

    if (n->is_swapping)
        copi_asan_finish(fake, NULL, NULL);
    else
        copi_asan_finish(fake, &n->stack_low, &n->stack_size);
    *n->errno_at = c->saved_errno;
}

/* The first function of every coroutine. */
static void begin(void *arg)
{
    struct copi_coro *c = arg;

    arrive(c, NULL);
    c->entry(c->arg);
    copi_panic("the function of a coroutine returned");
}

static void renew_fiber(struct copi_stack *s)
{
    if (s->fiber_uses >= FIBER_USES) {
        copi_stack_tools_fiber_free(s->fiber);
        s->fiber = NULL;
    }
    if (s->fiber == NULL) {
        s->fiber = copi_tsan_new();
        s->fiber_uses = 0;
    }
    s->fiber_uses++;
}

static void make_ready(struct copi_coro *c, void (*entry)(void *), void *arg)
{
    renew_fiber(&c->stack);
    c->on = NULL;
    c->saved_errno = 0;
    c->entry = entry;
    c->arg = arg;
    c->fake = NULL;
    copi_ctx_make(&c->ctx, c->stack.low, (size_t)(c->stack.top - c->stack.low),
                  begin, c);
    c->state = COPI_CORO_READY;
}

/* ASan gives no way to drop the book of a stack that one is not on; so to its
 * eyes we go there, end it, and come back. Not to be instrumented itself: its
 * own locals must not be entered in these books. */
__attribute__((no_sanitize_address)) static void drop_fake(struct copi_coro *c)
{
    void *mine = NULL;
    const void *low = NULL;
    size_t size = 0;

    if (c->fake == NULL)
        return;
    copi_asan_start(&mine, c->stack.low, c->stack.size);
    copi_asan_finish(c->fake, &low, &size);
    copi_asan_start(NULL, low, size);
    copi_asan_finish(mine, NULL, NULL);
    c->fake = NULL;
}

int copi_coro_init(struct copi_coro *c, size_t stack_bytes,
                   void (*entry)(void *), void *arg)
{
    COPI_ASSERT(entry != NULL);
    *c = (struct copi_coro){.state = COPI_CORO_NONE};
    int err = copi_stack_get(&c->stack, stack_bytes);
    if (err != 0)
        return err;
    make_ready(c, entry, arg);
    return 0;
}

void copi_coro_fini(struct copi_coro *c)
{
    COPI_ASSERT(c->state != COPI_CORO_NONE && c->state != COPI_CORO_RUNNING);
    drop_fake(c);
    copi_stack_put(&c->stack);
    c->state = COPI_CORO_NONE;
}

void copi_coro_reset(struct copi_coro *c, void (*entry)(void *), void *arg)
{
    COPI_ASSERT(entry != NULL);
    COPI_ASSERT(c->state != COPI_CORO_NONE && c->state != COPI_CORO_RUNNING);
    drop_fake(c);
    copi_stack_renew(&c->stack);
    make_ready(c, entry, arg);
}

void copi_coro_abandon(struct copi_coro *c)
{
    struct copi_native *to = c->on;

    COPI_ASSERT(c->state == COPI_CORO_RUNNING);
    c->saved_errno = 0;
    c->state = COPI_CORO_SUSPENDED;
    c->on = NULL;
    copi_asan_start(&c->fake, to->stack_low, to->stack_size);
    copi_tsan_switch(to->fiber);
}

bool copi_coro_go_on_below(struct copi_coro *c, char *limit,
                           void (*entry)(void *), void *arg)
{
    char *low = c->stack.low;

    COPI_ASSERT(c->state == COPI_CORO_SUSPENDED || c->state == COPI_CORO_ENDED);
    if (limit < low + GO_ON_BYTES || limit > c->stack.top)
        return false;
    drop_fake(c);
    c->entry = entry;
    c->arg = arg;
    copi_ctx_make(&c->ctx, low, (size_t)(limit - low), begin, c);
    c->state = COPI_CORO_READY;
    return true;
}

static inline void check_leaving(const struct copi_coro *from,
                                 const struct copi_native *to)
{
    COPI_ASSERT(from->state == COPI_CORO_RUNNING);
    COPI_ASSERT(from->on == to && to->inside == from);
    COPI_ASSERT(copi_lock_none_held());
}

struct copi_coro *copi_coro_enter(struct copi_native *from,
                                  struct copi_coro *to)
{
    COPI_ASSERT(to->state == COPI_CORO_READY ||
                to->state == COPI_CORO_SUSPENDED);
    COPI_ASSERT(from->inside == NULL && copi_lock_none_held());
    to->state = COPI_CORO_RUNNING;
    to->on = from;
    from->inside = to;
    from->is_swapping = false;

    copi_asan_start(&from->fake, to->stack.low, to->stack.size);
    copi_tsan_switch(to->stack.fiber);
    copi_ctx_switch(&from->ctx, &to->ctx);
    copi_asan_finish(from->fake, NULL, NULL);

    struct copi_coro *left = from->inside;
    COPI_ASSERT(left->state != COPI_CORO_RUNNING);
    from->inside = NULL;
    copi_stack_note_sp(&left->stack, left->ctx.sp);
    return left;
}

/* Returns when `from` is entered again; if it has saved itself, only in builds
 * where the tools want to see each function return. */
COPI_TOLD void switch_from(struct copi_coro *from, const struct copi_ctx *to,
                           bool is_saved)
{
    if (is_saved && !COPI_CORO_IS_WATCHED)
        copi_ctx_jump(&from->ctx, to);
    copi_ctx_switch(&from->ctx, to);
    arrive(from, from->fake);
}

COPI_TOLD void swap(struct copi_coro *from, struct copi_coro *to, bool is_saved)
{
    struct copi_native *n = from->on;

    check_leaving(from, n);
    COPI_ASSERT(to->state == COPI_CORO_READY ||
                to->state == COPI_CORO_SUSPENDED);
    from->saved_errno = *n->errno_at;
    from->state = COPI_CORO_SUSPENDED;
    from->on = NULL;
    to->state = COPI_CORO_RUNNING;
    to->on = n;
    n->inside = to;
    n->is_swapping = true;

    copi_asan_start(&from->fake, to->stack.low, to->stack.size);
    copi_tsan_switch(to->stack.fiber);
    switch_from(from, &to->ctx, is_saved);
}

void copi_coro_swap(struct copi_coro *from, struct copi_coro *to)
{
    swap(from, to, false);
}

void copi_coro_swap_saved(struct copi_coro *from, struct copi_coro *to)
{
    swap(from, to, true);
}

COPI_TOLD void leave(struct copi_coro *from, struct copi_native *to,
                     bool is_saved)
{
    check_leaving(from, to);
    from->saved_errno = *to->errno_at;
    from->state = COPI_CORO_SUSPENDED;
    from->on = NULL;

    copi_asan_start(&from->fake, to->stack_low, to->stack_size);
    copi_tsan_switch(to->fiber);
    switch_from(from, &to->ctx, is_saved);
}

void copi_coro_leave(struct copi_coro *from, struct copi_native *to)
{
    leave(from, to, false);
}

void copi_coro_leave_saved(struct copi_coro *from, struct copi_native *to)
{
    leave(from, to, true);
}

COP_NORETURN void copi_coro_leave_for_good(struct copi_coro *from,
                                           struct copi_native *to)
{
    check_leaving(from, to);
    from->state = COPI_CORO_ENDED;
    from->on = NULL;
    from->fake = NULL;

    copi_asan_start(NULL, to->stack_low, to->stack_size);
    copi_tsan_switch(to->fiber);
    copi_ctx_switch(&from->ctx, &to->ctx);
    copi_panic("a coroutine that had ended was entered");
}
