/* SPDX-License-Identifier: MIT
 *
 * safe.c - text of others, made harmless. Names, labels and reasons are chosen
 * by the program that is looked at, often out of its input: on a terminal a
 * control character is a command, in DOT a quote ends the string, in SVG a tag
 * is a script. The text is UTF-8 (json.c); whatever could do more than be seen
 * becomes a question mark.
 */
#include "actors/tool/tool.h"

#include <string.h>

/* The bytes of the character at s, and its number. */
static size_t next_char(const char *s, unsigned long *c)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    *c = p[0];
    if (n == 1)
        return 1;
    *c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *c = 0xfffd;
            return 1;
        }
        *c = *c << 6 | (p[i] & 0x3fu);
    }
    return n;
}

static bool is_harmless(unsigned long c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    /* separators of lines, directions of writing, what is not seen */
    if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
        (c >= 0x2060 && c <= 0x206f))
        return false;
    return c != 0xfeff && c != 0xfffd && c < 0xe0000 && (c & 0xfffe) != 0xfffe;
}

typedef const char *(*escape_fn)(unsigned long c);

static void print(FILE *to, const char *s, size_t width, escape_fn escape)
{
    unsigned long c;
    size_t shown = 0;

    while (*s != '\0' && (width == 0 || shown < width)) {
        size_t n = next_char(s, &c);
        const char *instead = escape != NULL ? escape(c) : NULL;
        if (!is_harmless(c))
            instead = "?";
        if (instead != NULL)
            fputs(instead, to);
        else
            fwrite(s, 1, n, to);
        s += n;
        shown++;
    }
}

static const char *escape_dot(unsigned long c)
{
    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
}

static const char *escape_xml(unsigned long c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void safe_print(FILE *to, const char *text, size_t width)
{
    print(to, text, width, NULL);
}

void safe_print_dot(FILE *to, const char *text, size_t width)
{
    print(to, text, width, escape_dot);
}

void safe_print_xml(FILE *to, const char *text, size_t width)
{
    print(to, text, width, escape_xml);
}

const char *safe_amount(double value, char buf[16])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;

    if (value < 0)
        return strcpy(buf, "-");
    if (value < 10000) {
        snprintf(buf, 16, "%.0f", value);
        return buf;
    }
    while (value >= 1000 && units[unit + 1] != '\0') {
        value /= 1000;
        unit++;
    }
    snprintf(buf, 16, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return buf;
}
