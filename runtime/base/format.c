/* SPDX-License-Identifier: MIT
 *
 * format.c - snprintf for places where libc's may not be called. Rank: 0.
 *
 * A conversion is parsed into a struct spec, its argument turned into a run of
 * characters (sign or base prefix, zeros, body), and the run is padded.
 */
#include "runtime/base/format.h"

struct out {
    char *buf;
    size_t size;
    size_t len; /* of the whole text, written or not */
};

/* The arguments, in a struct because a va_list parameter may decay. */
struct input {
    const char *fmt;
    va_list args;
};

struct spec {
    bool left, zero, plus, space, alt;
    int width;
    int precision; /* -1: none */
    char length;   /* 'H' for hh, 'L' for ll, else the letter; 0: none */
    char conv;
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_fill(struct out *o, char c, int n)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_run(struct out *o, const char *s, int n)
{
    for (int i = 0; i < n; i++)
        put(o, s[i]);
}

/* Written out in full: prefix, zeros, body, padded to the width. */
static void put_field(struct out *o, const struct spec *sp, const char *prefix,
                      int zeros, const char *body, int n)
{
    int prefix_n = (int)strlen(prefix);
    int pad = sp->width - prefix_n - zeros - n;

    if (!sp->left)
        put_fill(o, ' ', pad);
    put_run(o, prefix, prefix_n);
    put_fill(o, '0', zeros);
    put_run(o, body, n);
    if (sp->left)
        put_fill(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v,
                       const char *prefix)
{
    static const char lower[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";
    const char *set = sp->conv == 'X' ? upper : lower;
    unsigned base = sp->conv == 'o' ? 8 : strchr("xXp", sp->conv) ? 16 : 10;
    char digits[24];
    char *p = digits + sizeof(digits);
    int n, zeros;

    for (; v != 0; v /= base)
        *--p = set[v % base];
    n = (int)(digits + sizeof(digits) - p);
    if (sp->precision >= 0)
        zeros = sp->precision - n;
    else if (sp->zero && !sp->left)
        zeros = COPI_MAX(sp->width - (int)strlen(prefix) - n, n == 0);
    else
        zeros = n == 0;
    put_field(o, sp, prefix, COPI_MAX(zeros, 0), p, n);
}

static int64_t take_signed(struct input *in, char length)
{
    switch (length) {
    case 'H':
        return (signed char)va_arg(in->args, int);
    case 'h':
        return (short)va_arg(in->args, int);
    case 'l':
        return va_arg(in->args, long);
    case 'L':
        return va_arg(in->args, long long);
    case 'j':
        return va_arg(in->args, intmax_t);
    case 'z':
    case 't':
        return va_arg(in->args, ptrdiff_t);
    default:
        return va_arg(in->args, int);
    }
}

static uint64_t take_unsigned(struct input *in, char length)
{
    switch (length) {
    case 'H':
        return (unsigned char)va_arg(in->args, unsigned);
    case 'h':
        return (unsigned short)va_arg(in->args, unsigned);
    case 'l':
        return va_arg(in->args, unsigned long);
    case 'L':
        return va_arg(in->args, unsigned long long);
    case 'j':
        return va_arg(in->args, uintmax_t);
    case 'z':
    case 't':
        return va_arg(in->args, size_t);
    default:
        return va_arg(in->args, unsigned);
    }
}

/* 0 when there is no number, or an absurd one. */
static int parse_number(struct input *in)
{
    int n = 0;

    if (*in->fmt == '*') {
        in->fmt++;
        return va_arg(in->args, int);
    }
    for (; *in->fmt >= '0' && *in->fmt <= '9'; in->fmt++)
        n = n < 10000 ? n * 10 + (*in->fmt - '0') : n;
    return n;
}

static void parse_flags(struct input *in, struct spec *sp)
{
    for (;; in->fmt++) {
        switch (*in->fmt) {
        case '-':
            sp->left = true;
            break;
        case '0':
            sp->zero = true;
            break;
        case '+':
            sp->plus = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '#':
            sp->alt = true;
            break;
        default:
            return;
        }
    }
}

/* in->fmt stands behind the percent sign. */
static struct spec parse_spec(struct input *in)
{
    struct spec sp = {.precision = -1};

    parse_flags(in, &sp);
    sp.width = parse_number(in);
    if (sp.width < 0) {
        sp.left = true;
        sp.width = sp.width == INT_MIN ? 0 : -sp.width;
    }
    if (*in->fmt == '.') {
        in->fmt++;
        sp.precision = parse_number(in);
    }
    if (*in->fmt != '\0' && strchr("hlzjt", *in->fmt)) {
        sp.length = *in->fmt++;
        if (*in->fmt == sp.length && (sp.length == 'h' || sp.length == 'l'))
            sp.length = *in->fmt++ == 'h' ? 'H' : 'L';
    }
    sp.conv = *in->fmt;
    if (sp.conv != '\0')
        in->fmt++;
    return sp;
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
    size_t max = sp->precision < 0 ? INT_MAX : (size_t)sp->precision;

    if (!s)
        s = "(null)";
    put_field(o, sp, "", 0, s, (int)strnlen(s, max));
}

static void put_signed(struct out *o, const struct spec *sp, int64_t v)
{
    const char *sign = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";

    put_number(o, sp, v < 0 ? -(uint64_t)v : (uint64_t)v, sign);
}

static void put_unsigned(struct out *o, const struct spec *sp, uint64_t v)
{
    const char *prefix = "";

    if (sp->alt && v != 0 && sp->conv != 'u')
        prefix = sp->conv == 'x' ? "0x" : sp->conv == 'X' ? "0X" : "0";
    put_number(o, sp, v, prefix);
}

/* False: not a conversion this file knows. */
static bool convert(struct out *o, struct input *in, const struct spec *sp)
{
    char c;

    switch (sp->conv) {
    case '%':
        put(o, '%');
        return true;
    case 'c':
        c = (char)va_arg(in->args, int);
        put_field(o, sp, "", 0, &c, 1);
        return true;
    case 's':
        put_string(o, sp, va_arg(in->args, const char *));
        return true;
    case 'd':
    case 'i':
        put_signed(o, sp, take_signed(in, sp->length));
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(o, sp, take_unsigned(in, sp->length));
        return true;
    case 'p':
        put_number(o, sp, (uintptr_t)va_arg(in->args, void *), "0x");
        return true;
    default:
        return false;
    }
}

static void format_all(struct out *o, struct input *in)
{
    while (*in->fmt != '\0') {
        const char *start = in->fmt;
        struct spec sp;

        if (*start != '%') {
            put(o, *start);
            in->fmt++;
            continue;
        }
        in->fmt++;
        sp = parse_spec(in);
        if (!convert(o, in, &sp)) {
            put_run(o, start, (int)strlen(start));
            return;
        }
    }
}

size_t copi_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {.buf = buf, .size = size};
    struct input in = {.fmt = fmt};

    va_copy(in.args, args);
    format_all(&o, &in);
    va_end(in.args);
    if (size > 0)
        buf[COPI_MIN(o.len, size - 1)] = '\0';
    return o.len;
}

size_t copi_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = copi_vformat(buf, size, fmt, args);
    va_end(args);
    return n;
}
