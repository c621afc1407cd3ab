/* SPDX-License-Identifier: MIT
 *
 * check.c - assertions, the panic and the log. Rank: 0.
 *
 * A line is built in one buffer on the stack, with room before it for the
 * prefix and behind it for the line feed, and leaves in one write: lines of
 * several threads do not mix, and no lock is needed for that.
 *
 * Of several threads that panic, the first one reports through the hook; the
 * others write to standard error and wait a moment, lest they end the process
 * before the first report is out. A panic inside of the hook writes directly.
 */
#include "runtime/base/check.h"

#include "runtime/base/abort.h"
#include "runtime/base/format.h"

#define PREFIX "coppice: "
#define PREFIX_LEN (sizeof(PREFIX) - 1)

struct line {
    char prefix[PREFIX_LEN];
    char text[COPI_LOG_MAX + 1];
    size_t len;
};

static _Atomic(void (*)(const char *)) log_hook;

static void line_add(struct line *l, const char *fmt, va_list args)
{
    size_t room = sizeof(l->text) - l->len;

    l->len += copi_vformat(l->text + l->len, room, fmt, args);
    l->len = COPI_MIN(l->len, (size_t)COPI_LOG_MAX);
}

COP_PRINTF(2, 3) static void line_addf(struct line *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line_add(l, fmt, args);
    va_end(args);
}

/* The closing zero becomes the line feed. */
static void line_write(struct line *l)
{
    memcpy(l->prefix, PREFIX, PREFIX_LEN);
    l->text[l->len] = '\n';
    copi_abort_write(l->prefix, PREFIX_LEN + l->len + 1);
}

static void line_log(struct line *l)
{
    /* Acquire pairs with the release in copi_log_set: what the hook uses. */
    void (*hook)(const char *) =
        atomic_load_explicit(&log_hook, memory_order_acquire);

    if (hook)
        hook(l->text);
    else
        line_write(l);
}

COP_NORETURN static void line_panic(struct line *l)
{
    switch (copi_abort_claim()) {
    case COPI_ABORT_FIRST:
        line_log(l);
        copi_abort_last_words();
        break;
    case COPI_ABORT_NESTED:
        line_write(l);
        break;
    case COPI_ABORT_LATE:
        line_write(l);
        copi_abort_wait();
        break;
    }
    copi_abort_now();
}

void copi_log_set(void (*fn)(const char *line))
{
    /* Release pairs with the acquire in line_log. */
    atomic_store_explicit(&log_hook, fn, memory_order_release);
}

void copi_log(const char *fmt, ...)
{
    struct line l;
    va_list args;

    l.len = 0;
    va_start(args, fmt);
    line_add(&l, fmt, args);
    va_end(args);
    line_log(&l);
}

void copi_say(const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    size_t n = copi_vformat(line, sizeof(line), fmt, args);
    va_end(args);
    copi_abort_write(line, COPI_MIN(n, sizeof(line) - 1));
}

void copi_panic(const char *fmt, ...)
{
    struct line l;
    va_list args;

    l.len = 0;
    line_addf(&l, "panic: ");
    va_start(args, fmt);
    line_add(&l, fmt, args);
    va_end(args);
    line_panic(&l);
}

void copi_assert_fail(const char *file, int line, const char *cond)
{
    struct line l;

    l.len = 0;
    line_addf(&l, "panic: %s:%d: assertion failed: %s", file, line, cond);
    line_panic(&l);
}

void copi_assert_failf(const char *file, int line, const char *cond,
                       const char *fmt, ...)
{
    struct line l;
    va_list args;

    l.len = 0;
    line_addf(&l, "panic: %s:%d: assertion failed: %s: ", file, line, cond);
    va_start(args, fmt);
    line_add(&l, fmt, args);
    va_end(args);
    line_panic(&l);
}
