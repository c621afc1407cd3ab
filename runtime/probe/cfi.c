/* SPDX-License-Identifier: MIT
 *
 * cfi.c - where a function finds its return address. Rank: 1.
 *
 * Frame pointers tell who waits below a function that has made its frame. One
 * that has not yet, or that needs none, is told by tables only: those that
 * compilers write for exceptions (.eh_frame), C's too. Of the language they are
 * written in (DWARF's call frame instructions) this understands what concerns
 * one question: which register and offset give the frame's base (the CFA), and
 * where the return address is saved relative to it.
 *
 * The tables of an object are found without a lock (_dl_find_object); a sorted
 * index leads to the entry (FDE) of a function, that to what it shares with
 * others (CIE). Encodings that linkers do not write in practice are refused.
 *
 * Rejected: libgcc's unwinder in the handler: it may allocate, take locks, and
 * follow pointers that a crash has damaged.
 */
#include "runtime/probe/cfi.h"

#include <dlfcn.h>

#if defined(__x86_64__)
enum { REG_SP = 7, REG_FP = 6 };
#else
enum { REG_SP = 31, REG_FP = 29 };
#endif

enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };
enum { STATES = 8 };

/* What a row of the table says. */
struct rule {
    uint64_t cfa_reg;
    int64_t cfa_offset;
    int64_t ra_offset;
    bool has_cfa, has_ra;
};

/* Bytes still to be read. */
struct text {
    const uint8_t *p, *end;
};

struct common {
    uint64_t code_align, ra_reg;
    int64_t data_align;
    struct text program;
    bool has_length; /* an augmentation's, in each FDE */
};

struct program {
    const struct common *common;
    struct rule now, first, saved[STATES];
    unsigned depth;
    uintptr_t loc, pc;
};

/* -------------------------------------------------------------- reading -- */

static uint64_t take(struct text *t, unsigned bytes)
{
    uint64_t v = 0;
    if ((size_t)(t->end - t->p) < bytes) {
        t->p = t->end;
        return 0;
    }
    memcpy(&v, t->p, bytes);
    t->p += bytes;
    return v;
}

static uint64_t take_uleb(struct text *t)
{
    uint64_t v = 0;
    for (unsigned shift = 0; t->p < t->end && shift < 64; shift += 7) {
        uint8_t byte = *t->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return v;
}

static int64_t take_sleb(struct text *t)
{
    uint64_t v = 0;
    for (unsigned shift = 0; t->p < t->end && shift < 64;) {
        uint8_t byte = *t->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte >= 0x80)
            continue;
        if (byte & 0x40 && shift < 64)
            v |= ~(uint64_t)0 << shift;
        break;
    }
    return (int64_t)v;
}

static void skip(struct text *t, uint64_t bytes)
{
    t->p += COPI_MIN(bytes, (uint64_t)(t->end - t->p));
}

/* A record with its length in front; empty if there is none. */
static struct text record_at(const uint8_t *p)
{
    uint32_t length;
    memcpy(&length, p, sizeof length);
    if (length == UINT32_MAX)
        length = 0;
    return (struct text){p + 4, p + 4 + length};
}

/* -------------------------------------------------------------- finding -- */

static int32_t entry(const uint8_t *table, size_t i, size_t column)
{
    int32_t v;
    memcpy(&v, table + 8 * i + 4 * column, sizeof v);
    return v;
}

/* The FDE of the function that begins last before pc; NULL: none. */
static const uint8_t *find_fde(uintptr_t pc, uintptr_t *start)
{
    struct dl_find_object o;
    if (_dl_find_object((void *)pc, &o) != 0 || o.dlfo_eh_frame == NULL)
        return NULL;
    const uint8_t *hdr = o.dlfo_eh_frame;
    uint32_t n;
    if (hdr[0] != 1 || hdr[1] != PCREL_SDATA4 || hdr[2] != UDATA4 ||
        hdr[3] != DATAREL_SDATA4)
        return NULL;
    memcpy(&n, hdr + 8, sizeof n);
    const uint8_t *table = hdr + 12;
    intptr_t want = (intptr_t)(pc - (uintptr_t)hdr);
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (entry(table, middle, 0) <= want)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *start = (uintptr_t)hdr + (uintptr_t)(intptr_t)entry(table, low - 1, 0);
    return hdr + entry(table, low - 1, 1);
}

/* The letters behind "z". False: one that is not known. */
static bool read_augmentation(const char *letters, struct text *t)
{
    uint64_t encoding = 0;
    for (; *letters != '\0'; letters++) {
        switch (*letters) {
        case 'R':
            if (take(t, 1) != PCREL_SDATA4)
                return false;
            break;
        case 'P':
            encoding = take(t, 1) & 0xf;
            skip(t, encoding == 0x3 || encoding == 0xb ? 4 : 8);
            break;
        case 'L':
            skip(t, 1);
            break;
        case 'S':
        case 'B':
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool read_cie(const uint8_t *p, struct common *c)
{
    struct text t = record_at(p);
    if (take(&t, 4) != 0)
        return false;
    uint64_t version = take(&t, 1);
    const char *letters = (const char *)t.p;
    const uint8_t *zero = memchr(t.p, 0, (size_t)(t.end - t.p));
    if ((version != 1 && version != 3) || zero == NULL)
        return false;
    t.p = zero + 1;
    c->code_align = take_uleb(&t);
    c->data_align = take_sleb(&t);
    c->ra_reg = version == 1 ? take(&t, 1) : take_uleb(&t);
    c->has_length = letters[0] == 'z';
    c->program = t;
    if (!c->has_length)
        return false;
    uint64_t length = take_uleb(&t);
    c->program = t;
    skip(&c->program, length);
    return read_augmentation(letters + 1, &t);
}

/* -------------------------------------------------------------- running -- */

static void set_offset(struct program *r, uint64_t reg, int64_t factor)
{
    if (reg != r->common->ra_reg)
        return;
    r->now.ra_offset = factor * r->common->data_align;
    r->now.has_ra = true;
}

static void restore(struct program *r, uint64_t reg)
{
    if (reg != r->common->ra_reg)
        return;
    r->now.ra_offset = r->first.ra_offset;
    r->now.has_ra = r->first.has_ra;
}

static bool define_cfa(struct program *r, uint64_t op, struct text *t)
{
    if (op == 0x0c || op == 0x12 || op == 0x0d)
        r->now.cfa_reg = take_uleb(t);
    if (op == 0x0c || op == 0x0e)
        r->now.cfa_offset = (int64_t)take_uleb(t);
    else if (op == 0x12 || op == 0x13)
        r->now.cfa_offset = take_sleb(t) * r->common->data_align;
    r->now.has_cfa = op != 0x0f;
    if (op == 0x0f)
        skip(t, take_uleb(t));
    return true;
}

static bool change_state(struct program *r, uint64_t op)
{
    if (op == 0x0a && r->depth < STATES)
        r->saved[r->depth++] = r->now;
    else if (op == 0x0b && r->depth > 0)
        r->now = r->saved[--r->depth];
    else
        return false;
    return true;
}

/* One without an operand in its first byte. False: not known. */
static bool step_extended(struct program *r, uint64_t op, struct text *t)
{
    uint64_t reg;
    switch (op) {
    case 0x00: /* nothing */
    case 0x2d: /* the return address is signed, or no more */
        return true;
    case 0x02:
    case 0x03:
    case 0x04: /* advance by 1, 2, 4 bytes' worth */
        r->loc += take(t, 1u << (op - 2)) * r->common->code_align;
        return true;
    case 0x05: /* saved at an offset */
        reg = take_uleb(t);
        set_offset(r, reg, (int64_t)take_uleb(t));
        return true;
    case 0x11:
        reg = take_uleb(t);
        set_offset(r, reg, take_sleb(t));
        return true;
    case 0x06:
        restore(r, take_uleb(t));
        return true;
    case 0x07: /* undefined: the outermost frame */
        return take_uleb(t) != r->common->ra_reg;
    case 0x08: /* unchanged */
    case 0x2e: /* size of arguments */
        (void)take_uleb(t);
        return true;
    case 0x09: /* in another register */
        reg = take_uleb(t);
        (void)take_uleb(t);
        return reg != r->common->ra_reg;
    case 0x10:
    case 0x16: /* as an expression says */
        reg = take_uleb(t);
        skip(t, take_uleb(t));
        return reg != r->common->ra_reg;
    case 0x0a:
    case 0x0b:
        return change_state(r, op);
    case 0x0c:
    case 0x0d:
    case 0x0e:
    case 0x0f:
    case 0x12:
    case 0x13:
        return define_cfa(r, op, t);
    default:
        return false;
    }
}

/* Up to the row that holds at pc. */
static bool run(struct program *r, struct text t)
{
    while (t.p < t.end && r->loc <= r->pc) {
        uint64_t byte = take(&t, 1), low = byte & 0x3f;
        switch (byte >> 6) {
        case 1:
            r->loc += low * r->common->code_align;
            break;
        case 2:
            set_offset(r, low, (int64_t)take_uleb(&t));
            break;
        case 3:
            restore(r, low);
            break;
        default:
            if (!step_extended(r, low, &t))
                return false;
        }
    }
    return true;
}

bool copi_cfi_return_at(const struct copi_cfi_at *at, uintptr_t *where)
{
    uintptr_t start = 0;
    struct common common;
    const uint8_t *fde = find_fde(at->pc, &start);
    if (fde == NULL)
        return false;
    struct text t = record_at(fde);
    const uint8_t *id = t.p;
    uint64_t back = take(&t, 4);
    skip(&t, 4); /* where it begins: `start` */
    uint64_t range = take(&t, 4);
    if (back == 0 || at->pc - start >= range || !read_cie(id - back, &common))
        return false;
    skip(&t, take_uleb(&t));

    struct program r = {.common = &common, .loc = start, .pc = at->pc};
    if (!run(&r, common.program))
        return false;
    r.first = r.now;
    if (!run(&r, t) || !r.now.has_cfa ||
        (r.now.cfa_reg != REG_SP && r.now.cfa_reg != REG_FP))
        return false;
    uintptr_t base = r.now.cfa_reg == REG_SP ? at->sp : at->fp;
    *where = !r.now.has_ra ? 0
                           : base + (uintptr_t)r.now.cfa_offset +
                                 (uintptr_t)r.now.ra_offset;
    return true;
}
