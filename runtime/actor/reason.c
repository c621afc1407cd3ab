/* SPDX-License-Identifier: MIT
 *
 * reason.c - why actors end: one word for each.
 *
 * Rank: 3.
 *
 * Words. A reason's word is either *well-known* (a number below COP_R_COUNT) or
 * the address of a struct copi_reason, which is *interned* (a name without a
 * payload, {shutdown, name}, {limit, what}: kept for ever, without a count) or
 * *counted* (the rest; freed with its last owner). *Plain* means well-known or
 * interned.
 *
 * The interned ones lie in a static array and hang in a hash table to which is
 * only ever added, so that one finds them without a lock. They stay for the
 * life of the process: a program may well hold a reason, or compare with one,
 * before cop_start and after cop_stop. They take no memory from the allocator,
 * so an actor that ends with a name cannot fail at it, and nothing is left that
 * a leak checker could report; pages of the array that no name has reached yet
 * are not backed by memory. Since names come from programs, which may generate
 * them, COPI_REASON_INTERNED_MAX bounds them; further ones are counted, and
 * who makes names without end has to release them.
 *
 * Invariants.
 *  1. An interned record does not change once a bucket leads to it.
 *  2. A content is interned at most once. (Counted records with the same one
 *     may exist, made when the array was full; cop_reason_eq compares
 *     contents.)
 *  3. Payload and texts end in a zero byte that `size` does not count.
 *  4. A counted record has refs > 0 until it is freed.
 *
 * Above the word lies a mark: that a fault plan made the reason. All that looks
 * at a word here takes the mark off first; only its text shows it.
 *
 * Misuse (a NULL name, say) gives a reason that says so, {badarg, ...}: whoever
 * ends with it is found by it. The general way for misuse is above this file.
 *
 * Rejected: a table under a lock, with records from the allocator: a lock on
 * the way of every death, a leak to explain after cop_stop, and a moment at
 * which reasons that a program still holds would become invalid.
 */
#include "runtime/actor/reason.h"

#include "runtime/base/atomic.h"
#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/base/hash.h"
#include "runtime/memory/mem.h"

#define BUCKETS 1024
#define ALIGNMENT 16
#define MAGIC_LIVE UINT32_C(0xc0b1ea50)
#define MAGIC_FREED UINT32_C(0xdeadc0b1)

/* A counted one's payload follows. */
struct copi_reason {
    /* Any thread. */
    _Atomic uint32_t refs; /* 0: interned */

    /* Constant after publication. */
    uint32_t magic;
    int kind;            /* enum cop_reason_kind */
    const char *payload; /* NULL: none */
    size_t size;
    struct copi_reason *chain; /* interned: the next one of its bucket */
    char name[COPI_REASON_NAME];
    char term[COPI_REASON_NAME]; /* the x of {shutdown, x} and {limit, "x"} */
} COPI_ALIGNED(ALIGNMENT);

static struct copi_reason interned[COPI_REASON_INTERNED_MAX];
static _Atomic size_t interned_used; /* may run ahead of the array's end */
static _Atomic(struct copi_reason *) bucket[BUCKETS];

static const char *const well_known[] = {
#define COP_X(name, text) text,
    COP_REASONS(COP_X)
#undef COP_X
};

static bool is_well_known(cop_reason reason)
{
    return copi_reason_bare(reason).word < COP_R_COUNT;
}

static const char *well_known_name(cop_reason reason)
{
    return well_known[copi_reason_bare(reason).word];
}

static struct copi_reason *record_of(cop_reason reason)
{
    reason = copi_reason_bare(reason);
    struct copi_reason *r = (struct copi_reason *)reason.word;
    COPI_ASSERTF(reason.word >= 4096 && reason.word % ALIGNMENT == 0,
                 "not a reason: %#zx", (size_t)reason.word);
    COPI_ASSERTF(r->magic == MAGIC_LIVE, "released too often: %#zx",
                 (size_t)reason.word);
    return r;
}

static cop_reason reason_of(struct copi_reason *r)
{
    return r != NULL ? (cop_reason){(uintptr_t)r} : (cop_reason){COP_R_NOMEM};
}

static bool is_interned(const struct copi_reason *r)
{
    return r >= interned && r < interned + COPI_REASON_INTERNED_MAX;
}

/* ----------------------------------------------------------------- UTF-8 -- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The length of the well-formed character at s, of which `left` bytes are
 * there; 0 if it is none. */
static size_t utf8_length(const char *s, size_t left)
{
    unsigned char c = (unsigned char)s[0];
    unsigned char second = left > 1 ? (unsigned char)s[1] : 0;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!is_continuation(s[i]))
            return 0;
    bool is_overlong =
        (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
    bool is_surrogate = c == 0xed && second >= 0xa0;
    bool is_beyond = c == 0xf4 && second >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : n;
}

/* Of a well-formed character. */
static bool is_control(const char *s)
{
    unsigned char c = (unsigned char)s[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

static bool is_text(const char *s, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_length(s + i, size - i);
        if (n == 0)
            return false;
        if (is_control(s + i) && s[i] != '\n' && s[i] != '\t')
            return false;
    }
    return true;
}

/* How much of `size` bytes to keep where `max` fit: no character is split. */
static size_t cut_size(const char *s, size_t size, size_t max)
{
    if (size <= max)
        return size;
    size_t n = max;
    while (n > 0 && max - n < 3 && is_continuation(s[n]))
        n--;
    return is_continuation(s[n]) ? max : n;
}

/* ---------------------------------------------------------------- making -- */

static void name_copy(char *to, const char *from)
{
    size_t n = cut_size(from, strlen(from), COPI_REASON_NAME - 1);
    memcpy(to, from, n);
    memset(to + n, 0, COPI_REASON_NAME - n);
}

static void record_init(struct copi_reason *r, int kind, const char *name,
                        const char *term)
{
    atomic_init(&r->refs, 0);
    r->magic = MAGIC_LIVE;
    r->kind = kind;
    r->payload = NULL;
    r->size = 0;
    r->chain = NULL;
    name_copy(r->name, name);
    name_copy(r->term, term);
}

static bool record_eq(const struct copi_reason *a, const struct copi_reason *b)
{
    return a->kind == b->kind && a->size == b->size &&
           (a->payload == NULL) == (b->payload == NULL) &&
           strcmp(a->name, b->name) == 0 && strcmp(a->term, b->term) == 0 &&
           (a->size == 0 || memcmp(a->payload, b->payload, a->size) == 0);
}

/* A copy of the fields; one whose payload is its term gets its own there. */
static void record_copy(struct copi_reason *to, const struct copi_reason *from)
{
    record_init(to, from->kind, from->name, from->term);
    if (from->payload != NULL) {
        to->payload = to->term;
        to->size = from->size;
    }
}

/* A counted record with room for a payload; NULL without memory. */
static struct copi_reason *counted_new(int kind, const char *name,
                                       size_t payload_bytes)
{
    struct copi_reason *r = copi_mem_alloc(sizeof(*r) + payload_bytes + 1);
    if (r == NULL)
        return NULL;
    record_init(r, kind, name, "");
    atomic_init(&r->refs, 1);
    char *room = (char *)(r + 1);
    room[payload_bytes] = 0;
    r->payload = room;
    r->size = payload_bytes;
    return r;
}

/* As much as was allocated: see counted_new and intern. */
static size_t counted_bytes(const struct copi_reason *r)
{
    bool is_behind = r->payload == (const char *)(r + 1);
    return sizeof(*r) + (is_behind ? r->size + 1 : 0);
}

static struct copi_reason *interned_find(struct copi_reason *from,
                                         const struct copi_reason *content)
{
    while (from != NULL && !record_eq(from, content))
        from = from->chain;
    return from;
}

static struct copi_reason *interned_take(void)
{
    size_t used = atomic_load_explicit(&interned_used, memory_order_relaxed);
    if (used < COPI_REASON_INTERNED_MAX)
        used =
            atomic_fetch_add_explicit(&interned_used, 1, memory_order_relaxed);
    return used < COPI_REASON_INTERNED_MAX ? &interned[used] : NULL;
}

/* The interned record with this content, or a counted one if there is no more
 * room; NULL without memory. A record that two threads make at a time costs a
 * place in the array for nothing. */
static struct copi_reason *intern(const struct copi_reason *content)
{
    uint64_t hash =
        copi_hash_bytes(COPI_HASH_INIT, content->name, strlen(content->name));
    hash = copi_hash_bytes(hash, content->term, strlen(content->term));
    _Atomic(struct copi_reason *) *b = &bucket[hash % BUCKETS];
    /* Pairs with the release below, which publishes the record. */
    struct copi_reason *top = atomic_load_explicit(b, memory_order_acquire);
    struct copi_reason *found = interned_find(top, content);
    if (found != NULL)
        return found;

    struct copi_reason *r = interned_take();
    if (r == NULL) {
        r = copi_mem_alloc(sizeof(*r));
        if (r == NULL)
            return NULL;
        record_copy(r, content);
        atomic_init(&r->refs, 1);
        return r;
    }
    record_copy(r, content);
    do {
        found = interned_find(top, content);
        if (found != NULL)
            return found;
        r->chain = top;
        /* Release: publishes the record to the acquire above; acquire: shows
         * the one that another thread published first. */
    } while (!atomic_compare_exchange_weak_explicit(
        b, &top, r, memory_order_acq_rel, memory_order_acquire));
    return r;
}

static cop_reason because_misused(const char *call, const char *name)
{
    return copi_reason_badarg_fmt("%s: name is %s", call,
                                  name == NULL ? "NULL" : "empty");
}

static bool is_name(const char *name)
{
    return name != NULL && name[0] != 0;
}

/* What the name makes of a reason with a payload: OTP takes {shutdown, _} for
 * orderly whatever is in it. */
static int kind_of_name(const char *name)
{
    return strcmp(name, well_known[COP_R_SHUTDOWN]) == 0 ? COP_R_SHUTDOWN_TERM
                                                         : COP_R_USER;
}

cop_reason cop_because(const char *name)
{
    if (!is_name(name))
        return because_misused("cop_because", name);
    for (uintptr_t i = 0; i < COP_R_COUNT; i++)
        if (strcmp(name, well_known[i]) == 0)
            return (cop_reason){i};
    struct copi_reason content;
    record_init(&content, COP_R_USER, name, "");
    return reason_of(intern(&content));
}

cop_reason cop_because_of(const char *name, const void *payload, size_t size)
{
    if (!is_name(name))
        return because_misused("cop_because_of", name);
    if (payload == NULL && size > 0)
        return copi_reason_badarg_fmt("cop_because_of: payload is NULL");
    if (payload == NULL)
        return cop_because(name);
    size = COPI_MIN(size, COPI_REASON_PAYLOAD_MAX);
    struct copi_reason *r = counted_new(kind_of_name(name), name, size);
    if (r != NULL)
        memcpy(r + 1, payload, size);
    return reason_of(r);
}

cop_reason cop_because_fmt(const char *name, const char *fmt, ...)
{
    if (!is_name(name))
        return because_misused("cop_because_fmt", name);
    if (fmt == NULL)
        return copi_reason_badarg_fmt("cop_because_fmt: fmt is NULL");
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t size =
        length < 0 ? 0 : COPI_MIN((size_t)length, COPI_REASON_PAYLOAD_MAX);
    struct copi_reason *r = counted_new(kind_of_name(name), name, size);
    if (r != NULL && size > 0) {
        va_start(args, fmt);
        vsnprintf((char *)(r + 1), size + 1, fmt, args);
        va_end(args);
    }
    return reason_of(r);
}

cop_reason cop_shutdown_because(const char *name)
{
    if (!is_name(name))
        return because_misused("cop_shutdown_because", name);
    struct copi_reason content;
    record_init(&content, COP_R_SHUTDOWN_TERM, well_known[COP_R_SHUTDOWN],
                name);
    return reason_of(intern(&content));
}

cop_reason copi_reason_limit(const char *what)
{
    COPI_ASSERT(is_name(what));
    struct copi_reason content;
    record_init(&content, COP_R_LIMIT, "limit", what);
    content.payload = content.term;
    content.size = strlen(content.term);
    return reason_of(intern(&content));
}

cop_reason copi_reason_badarg_v(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t size = copi_vformat(NULL, 0, fmt, args);
    size = COPI_MIN(size, COPI_REASON_PAYLOAD_MAX);
    struct copi_reason *r = counted_new(COP_R_BADARG, "badarg", size);
    if (r != NULL)
        copi_vformat((char *)(r + 1), size + 1, fmt, again);
    va_end(again);
    return reason_of(r);
}

cop_reason copi_reason_badarg_fmt(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    cop_reason reason = copi_reason_badarg_v(fmt, args);
    va_end(args);
    return reason;
}

cop_reason copi_reason_fault(const cop_fault *fault)
{
    struct copi_reason *r = counted_new(COP_R_FAULT, "fault", sizeof *fault);
    if (r != NULL)
        memcpy(r + 1, fault, sizeof *fault);
    return reason_of(r);
}

/* -------------------------------------------------------------- counting -- */

bool copi_reason_is_plain(cop_reason reason)
{
    return is_well_known(reason) || is_interned(record_of(reason));
}

cop_reason cop_reason_retain(cop_reason reason)
{
    if (copi_reason_is_plain(reason))
        return reason;
    uint32_t refs = atomic_fetch_add_explicit(&record_of(reason)->refs, 1,
                                              memory_order_relaxed);
    COPI_ASSERT(refs > 0 && refs < UINT32_MAX);
    return reason;
}

void cop_reason_release(cop_reason reason)
{
    if (copi_reason_is_plain(reason))
        return;
    struct copi_reason *r = record_of(reason);
    /* Pairs with itself: the last owner acquires what all others released, so
     * that their reads are over when it frees. */
    uint32_t refs =
        atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel);
    COPI_ASSERT(refs > 0);
    if (refs > 1)
        return;
    size_t bytes = counted_bytes(r);
    r->magic = MAGIC_FREED;
    copi_mem_free(r, bytes);
}

/* --------------------------------------------------------------- reading -- */

int cop_reason_kind(cop_reason reason)
{
    return is_well_known(reason) ? (int)copi_reason_bare(reason).word
                                 : record_of(reason)->kind;
}

const char *cop_reason_name(cop_reason reason)
{
    return is_well_known(reason) ? well_known_name(reason)
                                 : record_of(reason)->name;
}

const char *cop_reason_term(cop_reason reason)
{
    return cop_reason_kind(reason) == COP_R_SHUTDOWN_TERM
               ? record_of(reason)->term
               : "";
}

const void *cop_reason_payload(cop_reason reason, size_t *size)
{
    const struct copi_reason *r =
        is_well_known(reason) ? NULL : record_of(reason);
    if (size != NULL)
        *size = r != NULL ? r->size : 0;
    return r != NULL ? r->payload : NULL;
}

const cop_fault *cop_reason_fault(cop_reason reason)
{
    return cop_reason_kind(reason) == COP_R_FAULT
               ? (const cop_fault *)(const void *)record_of(reason)->payload
               : NULL;
}

bool cop_reason_eq(cop_reason a, cop_reason b)
{
    a = copi_reason_bare(a);
    b = copi_reason_bare(b);
    if (is_well_known(a) || is_well_known(b))
        return a.word == b.word;
    return a.word == b.word || record_eq(record_of(a), record_of(b));
}

bool cop_reason_is_orderly(cop_reason reason)
{
    int kind = cop_reason_kind(reason);
    return kind == COP_R_NORMAL || kind == COP_R_SHUTDOWN ||
           kind == COP_R_SHUTDOWN_TERM;
}

/* -------------------------------------------------------------- printing -- */

/* Where text goes; once a character did not fit, all that follows is left out
 * as well. */
struct out {
    char *at;
    size_t left;
};

static void put(struct out *o, const char *s, size_t n)
{
    if (n > o->left) {
        o->left = 0;
        return;
    }
    memcpy(o->at, s, n);
    o->at += n;
    o->left -= n;
}

static void put_word(struct out *o, const char *s)
{
    put(o, s, strlen(s));
}

/* What would break a line or a terminal is shown as `?`. */
static void put_name(struct out *o, const char *s)
{
    for (size_t left = strlen(s), n; left > 0; s += n, left -= n) {
        n = utf8_length(s, left);
        bool is_shown = n > 0 && !is_control(s);
        n = COPI_MAX(n, (size_t)1);
        put(o, is_shown ? s : "?", is_shown ? n : 1);
    }
}

static void put_quoted(struct out *o, const char *s, size_t size)
{
    put(o, "\"", 1);
    for (size_t n; size > 0; s += n, size -= n) {
        n = utf8_length(s, size);
        if (*s == '\n')
            put(o, "\\n", 2);
        else if (*s == '\t')
            put(o, "\\t", 2);
        else if (*s == '"')
            put(o, "\\\"", 2);
        else if (*s == '\\')
            put(o, "\\\\", 2);
        else
            put(o, s, n);
    }
    put(o, "\"", 1);
}

static void put_payload(struct out *o, const struct copi_reason *r)
{
    if (is_text(r->payload, r->size)) {
        put_quoted(o, r->payload, r->size);
        return;
    }
    char text[32];
    copi_format(text, sizeof(text), "<%zu bytes>", r->size);
    put_word(o, text);
}

static void put_fault(struct out *o, const cop_fault *f)
{
    char text[32];
    put_word(o, "{fault, ");
    put_name(o, f->what);
    if (f->text[0] != '\0') {
        put_word(o, ", ");
        put_quoted(o, f->text, strlen(f->text));
    } else if (f->signal != 0 && f->what[0] == 'S') {
        copi_format(text, sizeof text, ", 0x%zx", (size_t)f->address);
        put_word(o, text);
    }
    put_word(o, "}");
}

static void put_record(struct out *o, const struct copi_reason *r)
{
    bool has_more = r->payload != NULL || r->term[0] != 0;
    put(o, "{", has_more);
    put_name(o, r->name);
    put(o, ", ", has_more ? 2 : 0);
    if (r->payload != NULL)
        put_payload(o, r);
    else
        put_name(o, r->term);
    put(o, "}", has_more);
}

char *cop_reason_str(cop_reason reason, char *buf, size_t size)
{
    if (size == 0)
        return buf;
    struct out o = {buf, size - 1};
    if (is_well_known(reason))
        put_word(&o, well_known_name(reason));
    else if (cop_reason_kind(reason) == COP_R_FAULT)
        put_fault(&o, cop_reason_fault(reason));
    else
        put_record(&o, record_of(reason));
    if (copi_reason_is_injected(reason))
        put_word(&o, " (injected)");
    *o.at = 0;
    return buf;
}
