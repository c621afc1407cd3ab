/* SPDX-License-Identifier: MIT
 *
 * json.h - is a text one whole JSON value, as strictly as any parser asks?
 *
 *     ck_assert(json_is_whole("{\"a\":[1,2]}"));
 */
#ifndef TESTS_SUPPORT_JSON_H
#define TESTS_SUPPORT_JSON_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char *json_value(const char *s, int depth);

/* Each takes the text from s on and gives what follows; NULL: not well
 * formed. */
static const char *json_utf8(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned long c = u[0];
    unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

    if ((c >= 0x80 && c < 0xc0) || c >= 0xf8)
        return NULL;
    c &= more == 0 ? 0x7fu : 0x3fu >> more;
    for (unsigned i = 1; i <= more; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return NULL;
        c = c << 6 | (u[i] & 0x3fu);
    }
    if ((more == 1 && c < 0x80) || (more == 2 && c < 0x800) ||
        (more == 3 && c < 0x10000) || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000))
        return NULL;
    return s + 1 + more;
}

static const char *json_escape(const char *s)
{
    if (*s != 'u')
        return *s != '\0' && strchr("\"\\/bfnrt", *s) != NULL ? s + 1 : NULL;
    for (int i = 1; i <= 4; i++)
        if (!isxdigit((unsigned char)s[i]))
            return NULL;
    return s + 5;
}

static const char *json_string(const char *s)
{
    if (*s++ != '"')
        return NULL;
    while (s != NULL && *s != '"') {
        if ((unsigned char)*s < ' ')
            return NULL;
        s = *s == '\\' ? json_escape(s + 1) : json_utf8(s);
    }
    return s != NULL ? s + 1 : NULL;
}

static const char *json_number(const char *s)
{
    s += *s == '-';
    if (!isdigit((unsigned char)*s) ||
        (*s == '0' && isdigit((unsigned char)s[1])))
        return NULL;
    while (isdigit((unsigned char)*s))
        s++;
    return s;
}

/* Of an object, with names, or a list. */
static const char *json_members(const char *s, char end, int depth)
{
    if (*s == end)
        return s + 1;
    for (;;) {
        if (end == '}') {
            s = json_string(s);
            if (s == NULL || *s++ != ':')
                return NULL;
        }
        s = json_value(s, depth + 1);
        if (s == NULL)
            return NULL;
        if (*s == end)
            return s + 1;
        if (*s++ != ',')
            return NULL;
    }
}

static const char *json_value(const char *s, int depth)
{
    if (depth > 16)
        return NULL;
    if (*s == '{')
        return json_members(s + 1, '}', depth);
    if (*s == '[')
        return json_members(s + 1, ']', depth);
    if (*s == '"')
        return json_string(s);
    if (strncmp(s, "true", 4) == 0)
        return s + 4;
    if (strncmp(s, "false", 5) == 0)
        return s + 5;
    return json_number(s);
}

static inline bool json_is_whole(const char *text)
{
    const char *end = json_value(text, 0);

    return end != NULL && *end == '\0';
}

#endif
