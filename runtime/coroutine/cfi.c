/* SPDX-License-Identifier: MIT
 *
 * cfi.c - one step up a stack by the compiler's own tables. Rank: 2.
 *
 * A frame pointer tells who called the function that has set it up. One that
 * calls nobody need not do so, and it is such functions that faults strike
 * most often: by frame pointers alone the caller, the most interesting line
 * of a backtrace, would be missing. The tables for exceptions (.eh_frame),
 * which compilers emit for C as well, know for every instruction where the
 * return address lies.
 *
 * How: the dynamic linker's lock-free table gives the object's .eh_frame_hdr,
 * which is sorted by address; the entry found there (FDE) and what it shares
 * with others (CIE) are little programs that build a table row by row. They are
 * run until the row of our address. Of a row three things are kept: how to
 * compute the frame's upper end (CFA), and where the return address and the
 * caller's frame pointer lie below it.
 *
 * Left out, so that a step is "unknown": a CFA from registers other than the
 * stack and the frame pointer, or by an expression; encodings that linkers do
 * not make. The caller falls back to frame pointers then.
 *
 * Rejected: libunwind and libdw, which do all this and more, but not in a
 * signal handler on 64 KiB, and not where they are not installed.
 */
#include "runtime/coroutine/cfi.h"

#include <dlfcn.h>

#if defined(__x86_64__)
enum { REG_FP = 6, REG_SP = 7, REG_RA = 16 };
#elif defined(__aarch64__)
enum { REG_FP = 29, REG_SP = 31, REG_RA = 30 };
#endif

/* The encodings that linkers use for .eh_frame_hdr, and compilers for the
 * addresses in .eh_frame. */
enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };

enum { SAVED_ROWS = 4 };

/* Where a register of the caller is. */
enum how { SAME, AT_CFA, UNDEFINED, OTHER };
struct rule {
    enum how how;
    int64_t offset; /* AT_CFA: from there */
};

struct row {
    uint64_t cfa_reg;
    int64_t cfa_offset;
    struct rule ra, fp;
};

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

struct cie {
    uint64_t code_align;
    int64_t data_align;
    bool has_lengths; /* augmentation data, with their length */
    bool is_plain;    /* addresses are PCREL_SDATA4 */
    struct reader program;
};

struct run {
    const struct cie *cie;
    struct row row, initial, saved[SAVED_ROWS];
    unsigned depth;
    uintptr_t at, until;
    bool bad;
};

/* -------------------------------------------------------------- reading -- */

static uint64_t get(struct reader *r, size_t n)
{
    uint64_t v = 0;
    if ((size_t)(r->end - r->at) < n) {
        r->bad = true;
        r->at = r->end;
        return 0;
    }
    memcpy(&v, r->at, n); /* both machines are little-endian */
    r->at += n;
    return v;
}

static uint64_t get_uleb(struct reader *r)
{
    uint64_t v = 0, byte = 0x80;
    for (unsigned shift = 0; (byte & 0x80) != 0 && shift < 64; shift += 7) {
        byte = get(r, 1);
        v |= (byte & 0x7f) << shift;
    }
    return v;
}

static int64_t get_sleb(struct reader *r)
{
    uint64_t v = 0, byte = 0x80;
    unsigned shift = 0;
    for (; (byte & 0x80) != 0 && shift < 64; shift += 7) {
        byte = get(r, 1);
        v |= (byte & 0x7f) << shift;
    }
    if ((byte & 0x40) != 0 && shift < 64)
        v |= UINT64_MAX << shift;
    return (int64_t)v;
}

static void skip(struct reader *r, uint64_t n)
{
    if ((uint64_t)(r->end - r->at) < n) {
        r->bad = true;
        n = (uint64_t)(r->end - r->at);
    }
    r->at += n;
}

/* A reader for what a length stands before; bad: not plain, or too long. */
static struct reader get_block(const uint8_t *at, const uint8_t *end)
{
    struct reader r = {at, end, at + 4 > end};
    uint64_t n = get(&r, 4);
    if (n == 0 || n >= 0xfffffff0u || n > (uint64_t)(end - r.at))
        r.bad = true;
    else
        r.end = r.at + n;
    return r;
}

/* ----------------------------------------------------------- the entries -- */

static int32_t word_at(const uint8_t *at)
{
    int32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* The entry for pc; NULL: none. */
static const uint8_t *find_fde(const uint8_t *hdr, const uint8_t *end,
                               uintptr_t pc)
{
    if (end - hdr < 12 || hdr[0] != 1 || hdr[1] != PCREL_SDATA4 ||
        hdr[2] != UDATA4 || hdr[3] != DATAREL_SDATA4)
        return NULL;
    uint32_t low = 0, high = (uint32_t)word_at(hdr + 8);
    const uint8_t *table = hdr + 12;
    if ((uint64_t)high * 8 > (uint64_t)(end - table))
        return NULL;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)hdr + (uintptr_t)(intptr_t)word_at(table + middle * 8) >
            pc)
            high = middle;
        else
            low = middle + 1;
    }
    return low > 0 ? hdr + word_at(table + (low - 1) * 8 + 4) : NULL;
}

/* What the letters of the augmentation stand for. */
static void read_augmentation(struct reader *r, const uint8_t *letters,
                              struct cie *c)
{
    for (; *letters != 0 && !r->bad; letters++) {
        uint64_t v = *letters == 'P' || *letters == 'R' || *letters == 'L'
                         ? get(r, 1)
                         : 0;
        if (*letters == 'R')
            c->is_plain = v == PCREL_SDATA4;
        else if (*letters == 'P')
            skip(r, (v & 7) == 3 ? 4 : 8);
    }
}

static bool read_cie(const uint8_t *at, const uint8_t *end, struct cie *c)
{
    struct reader r = get_block(at, end);
    memset(c, 0, sizeof *c);
    if (r.bad || get(&r, 4) != 0)
        return false;
    uint64_t version = get(&r, 1);
    const uint8_t *letters = r.at;
    while (get(&r, 1) != 0)
        ;
    c->code_align = get_uleb(&r);
    c->data_align = get_sleb(&r);
    uint64_t ra = version == 1 ? get(&r, 1) : get_uleb(&r);
    if (r.bad || ra != REG_RA || letters[0] != 'z')
        return false;
    uint64_t n = get_uleb(&r);
    struct reader data = r;
    skip(&r, n);
    if (r.bad)
        return false;
    data.end = r.at;
    read_augmentation(&data, letters + 1, c);
    c->program = r;
    return !data.bad && c->is_plain;
}

/* The program of the entry, which must cover pc; *from: where it begins. */
static bool read_fde(const uint8_t *at, const uint8_t *low, const uint8_t *end,
                     uintptr_t pc, struct cie *c, struct reader *program,
                     uintptr_t *from)
{
    struct reader r = get_block(at, end);
    const uint8_t *here = r.at;
    uint64_t back = get(&r, 4);
    if (r.bad || back == 0 || back > (uint64_t)(here - low) ||
        !read_cie(here - back, end, c))
        return false;
    here = r.at;
    *from = (uintptr_t)here + (uintptr_t)(intptr_t)(int32_t)get(&r, 4);
    uint64_t size = get(&r, 4);
    uint64_t n = get_uleb(&r);
    skip(&r, n);
    *program = r;
    return !r.bad && pc - *from < size;
}

/* ---------------------------------------------------------- the programs -- */

static struct rule *rule_of(struct row *row, uint64_t reg)
{
    return reg == REG_RA ? &row->ra : reg == REG_FP ? &row->fp : NULL;
}

static void set_rule(struct run *x, uint64_t reg, enum how how, int64_t offset)
{
    struct rule *rule = rule_of(&x->row, reg);
    if (rule != NULL)
        *rule = (struct rule){how, offset};
}

static void restore(struct run *x, uint64_t reg)
{
    struct rule *rule = rule_of(&x->row, reg);
    if (rule != NULL)
        *rule = *rule_of(&x->initial, reg);
}

static void save_row(struct run *x, bool back)
{
    if (!back && x->depth < SAVED_ROWS)
        x->saved[x->depth++] = x->row;
    else if (back && x->depth > 0)
        x->row = x->saved[--x->depth];
    else
        x->bad = true;
}

static void set_cfa(struct run *x, uint64_t reg, int64_t offset)
{
    x->row.cfa_reg = reg;
    x->row.cfa_offset = offset;
}

/* Instructions about registers whose operands begin with a number. */
static bool do_register(struct run *x, struct reader *r, unsigned op)
{
    uint64_t reg;
    switch (op) {
    case 0x05: /* offset_extended */
    case 0x11: /* offset_extended_sf */
        reg = get_uleb(r);
        set_rule(x, reg, AT_CFA,
                 (op == 0x05 ? (int64_t)get_uleb(r) : get_sleb(r)) *
                     x->cie->data_align);
        return true;
    case 0x06: /* restore_extended */
        restore(x, get_uleb(r));
        return true;
    case 0x07: /* undefined */
        set_rule(x, get_uleb(r), UNDEFINED, 0);
        return true;
    case 0x08: /* same_value */
        set_rule(x, get_uleb(r), SAME, 0);
        return true;
    case 0x09: /* register */
    case 0x14: /* val_offset */
        set_rule(x, get_uleb(r), OTHER, 0);
        get_uleb(r);
        return true;
    case 0x10: /* expression */
    case 0x16: /* val_expression */
        set_rule(x, get_uleb(r), OTHER, 0);
        skip(r, get_uleb(r));
        return true;
    default:
        return false;
    }
}

/* Of the CFA. */
static bool do_cfa(struct run *x, struct reader *r, unsigned op)
{
    uint64_t reg;
    switch (op) {
    case 0x0c: /* def_cfa */
        reg = get_uleb(r);
        set_cfa(x, reg, (int64_t)get_uleb(r));
        return true;
    case 0x12: /* def_cfa_sf */
        reg = get_uleb(r);
        set_cfa(x, reg, get_sleb(r) * x->cie->data_align);
        return true;
    case 0x0d: /* def_cfa_register */
        x->row.cfa_reg = get_uleb(r);
        return true;
    case 0x0e: /* def_cfa_offset */
        x->row.cfa_offset = (int64_t)get_uleb(r);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        x->row.cfa_offset = get_sleb(r) * x->cie->data_align;
        return true;
    case 0x0f: /* def_cfa_expression */
        skip(r, get_uleb(r));
        x->row.cfa_reg = UINT64_MAX;
        return true;
    default:
        return false;
    }
}

static void do_other(struct run *x, struct reader *r, unsigned op)
{
    switch (op) {
    case 0x00: /* nop */
    case 0x2d: /* negate_ra_state: the address is signed, and compared so */
        break;
    case 0x02: /* advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        x->at += get(r, (size_t)1 << (op - 2)) * x->cie->code_align;
        break;
    case 0x0a: /* remember_state */
    case 0x0b: /* restore_state */
        save_row(x, op == 0x0b);
        break;
    case 0x2e: /* GNU_args_size */
        get_uleb(r);
        break;
    default:
        x->bad = true;
    }
}

/* Runs a program until the row of x->until is complete. */
static void run(struct run *x, struct reader r)
{
    while (r.at < r.end && !r.bad && !x->bad) {
        struct run before = *x;
        unsigned op = (unsigned)get(&r, 1), low = op & 0x3f;
        switch (op >> 6) {
        case 1: /* advance_loc */
            x->at += low * x->cie->code_align;
            break;
        case 2: /* offset */
            set_rule(x, low, AT_CFA,
                     (int64_t)get_uleb(&r) * x->cie->data_align);
            break;
        case 3: /* restore */
            restore(x, low);
            break;
        default:
            if (!do_register(x, &r, op) && !do_cfa(x, &r, op))
                do_other(x, &r, op);
        }
        if (x->at > x->until) {
            *x = before;
            return;
        }
    }
    x->bad = x->bad || r.bad;
}

/* The entry that covers pc, in the tables of its object. */
static bool find_entry(uintptr_t pc, struct cie *cie, struct reader *program,
                       uintptr_t *from)
{
    struct dl_find_object o;
    if (_dl_find_object((void *)pc, &o) != 0 || o.dlfo_eh_frame == NULL)
        return false;
    const uint8_t *low = o.dlfo_map_start, *end = o.dlfo_map_end;
    const uint8_t *fde = find_fde(o.dlfo_eh_frame, end, pc);
    return fde != NULL && fde >= low && fde < end &&
           read_fde(fde, low, end, pc, cie, program, from);
}

bool copi_cfi_is_function(uintptr_t pc)
{
    struct cie cie;
    struct reader program;
    uintptr_t from;
    return find_entry(pc, &cie, &program, &from) && from == pc;
}

static bool find_row(uintptr_t pc, struct row *out)
{
    struct cie cie;
    struct reader program;
    struct run x = {.cie = &cie};
    if (!find_entry(pc, &cie, &program, &x.at))
        return false;
    x.until = pc;
    run(&x, cie.program);
    x.initial = x.row;
    run(&x, program);
    *out = x.row;
    return !x.bad;
}

/* ------------------------------------------------------------- the step -- */

/* What lies there may be anything, a sanitizer's red zones too. */
__attribute__((no_sanitize("address"))) bool
copi_cfi_load(const struct copi_stack *s, uintptr_t at, uintptr_t *out)
{
    if (at < (uintptr_t)s->low || at % sizeof at != 0 ||
        at > (uintptr_t)s->low + s->size - sizeof at)
        return false;
    *out = *(const uintptr_t *)at;
    return true;
}

enum copi_cfi copi_cfi_step(const struct copi_stack *s,
                            const struct copi_regs *from, bool is_return,
                            struct copi_regs *to)
{
    struct row row;
    /* a call may be its function's last instruction */
    if (!find_row(from->pc - (is_return ? 1 : 0), &row))
        return COPI_CFI_UNKNOWN;
    if (row.ra.how == UNDEFINED)
        return COPI_CFI_END;
    if ((row.cfa_reg != REG_SP && row.cfa_reg != REG_FP) ||
        row.ra.how == OTHER || row.fp.how == OTHER)
        return COPI_CFI_UNKNOWN;
    uintptr_t cfa = (row.cfa_reg == REG_SP ? from->sp : from->fp) +
                    (uintptr_t)row.cfa_offset;
    *to = (struct copi_regs){.pc = from->link, .sp = cfa, .fp = from->fp};
    if (row.ra.how == AT_CFA &&
        !copi_cfi_load(s, cfa + (uintptr_t)row.ra.offset, &to->pc))
        return COPI_CFI_UNKNOWN;
    if (row.fp.how == AT_CFA &&
        !copi_cfi_load(s, cfa + (uintptr_t)row.fp.offset, &to->fp))
        return COPI_CFI_UNKNOWN;
    return to->pc != 0 && cfa >= from->sp ? COPI_CFI_CALLER : COPI_CFI_UNKNOWN;
}
