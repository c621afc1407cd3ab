/* SPDX-License-Identifier: MIT
 *
 * view_text.c - a text that grows, with what JSON needs. Names and labels are
 * whatever a program makes of its input, so strings are taken for nothing but
 * bytes: what JSON must not hold is escaped, what is no UTF-8 is replaced.
 */
#include "actors/view.h"

#include <coppice/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct copi_view_text *t, size_t more)
{
    size_t room = t->room > 0 ? t->room : 4096;
    char *bytes;

    while (room - t->used <= more)
        room *= 2;
    if (t->failed || room == t->room)
        return !t->failed;
    bytes = cop_common_realloc(t->bytes, room);
    if (bytes == NULL) {
        t->failed = true;
        return false;
    }
    t->bytes = bytes;
    t->room = room;
    return true;
}

static void add_bytes(struct copi_view_text *t, const char *s, size_t n)
{
    if (!reserve(t, n))
        return;
    memcpy(t->bytes + t->used, s, n);
    t->used += n;
    t->bytes[t->used] = '\0';
}

void copi_view_add(struct copi_view_text *t, const char *fmt, ...)
{
    char piece[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    if (n >= (int)sizeof piece)
        n = sizeof piece - 1;
    if (n > 0)
        add_bytes(t, piece, (size_t)n);
}

/* The bytes of the UTF-8 character at s; 0: it is none. */
static size_t utf8_length(const unsigned char *s)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned long c = s[0];
    size_t n;

    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    return n;
}

void copi_view_add_string(struct copi_view_text *t, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    add_bytes(t, "\"", 1);
    while (*p != '\0') {
        size_t n = utf8_length(p);
        if (*p < 0x20 || *p == 0x7f)
            copi_view_add(t, "\\u%04x", (unsigned)*p);
        else if (*p == '"' || *p == '\\')
            copi_view_add(t, "\\%c", *p);
        else if (n == 0)
            add_bytes(t, "\\ufffd", 6);
        else
            add_bytes(t, (const char *)p, n);
        p += n > 0 ? n : 1;
    }
    add_bytes(t, "\"", 1);
}
