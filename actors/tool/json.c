/* SPDX-License-Identifier: MIT
 *
 * json.c - reads a JSON document into a tree of values. The document comes
 * from another process, so nothing is taken for granted: depth is bounded, and
 * what is not JSON as a whole is refused. Values lie in blocks that are freed
 * together; strings are unescaped where they stand.
 */
#include "actors/tool/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, BLOCK_VALUES = 1000 };

struct json_block {
    struct json_block *next;
    size_t used;
    struct json values[BLOCK_VALUES];
};

struct reader {
    struct json_doc *doc;
    char *at;
    unsigned depth;
};

static bool read_value(struct reader *r, struct json *v);

static struct json *new_value(struct json_doc *d)
{
    struct json_block *b = d->blocks;

    if (b == NULL || b->used == BLOCK_VALUES) {
        b = malloc(sizeof *b);
        if (b == NULL)
            return NULL;
        b->used = 0;
        b->next = d->blocks;
        d->blocks = b;
    }
    memset(&b->values[b->used], 0, sizeof b->values[0]);
    return &b->values[b->used++];
}

static void skip_space(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

/* -------------------------------------------------------------- strings -- */

static bool read_hex(const char *s, unsigned long *c)
{
    *c = 0;
    for (int i = 0; i < 4; i++) {
        int digit = tolower((unsigned char)s[i]);
        if (!isxdigit(digit))
            return false;
        *c = *c << 4 |
             (unsigned long)(digit > '9' ? digit - 'a' + 10 : digit - '0');
    }
    return true;
}

static char *put_utf8(char *out, unsigned long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Behind "\u"; what no text may hold becomes U+FFFD. NULL: not JSON. */
static char *read_code(char *s, char **out)
{
    unsigned long c, low;

    if (!read_hex(s, &c))
        return NULL;
    s += 4;
    if (c >= 0xd800 && c < 0xdc00 && s[0] == '\\' && s[1] == 'u' &&
        read_hex(s + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        s += 6;
    }
    if (c == 0 || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    *out = put_utf8(*out, c);
    return s;
}

/* Behind the backslash. NULL: not JSON. */
static char *read_escape(char *s, char **out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (*s == 'u')
        return read_code(s + 1, out);
    found = *s != '\0' ? strchr(names, *s) : NULL;
    if (found == NULL)
        return NULL;
    *(*out)++ = meant[found - names];
    return s + 1;
}

static bool read_string(struct reader *r, const char **text)
{
    char *s, *out;

    if (!take(r, '"'))
        return false;
    *text = out = s = r->at;
    while (*s != '"') {
        if ((unsigned char)*s < 0x20)
            return false;
        if (*s != '\\') {
            *out++ = *s++;
            continue;
        }
        s = read_escape(s + 1, &out);
        if (s == NULL)
            return false;
    }
    r->at = s + 1;
    *out = '\0';
    return true;
}

/* --------------------------------------------------------------- values -- */

static bool read_number(struct reader *r, struct json *v)
{
    size_t n = strspn(r->at, "+-.0123456789eE");
    char *end;

    if (n == 0 || (r->at[0] != '-' && !isdigit((unsigned char)r->at[0])))
        return false;
    v->number = strtod(r->at, &end);
    if (end != r->at + n)
        return false;
    v->kind = JSON_NUMBER;
    r->at = end;
    return true;
}

static bool read_member(struct reader *r, struct json *v, bool keyed)
{
    if (keyed && (!read_string(r, &v->key) || !take(r, ':')))
        return false;
    return read_value(r, v);
}

/* Behind the opening bracket. */
static bool read_members(struct reader *r, struct json *v, char close)
{
    struct json **last = &v->first;

    if (take(r, close))
        return true;
    if (++r->depth > DEPTH_MAX)
        return false;
    do {
        *last = new_value(r->doc);
        if (*last == NULL || !read_member(r, *last, close == '}'))
            return false;
        last = &(*last)->next;
        v->count++;
    } while (take(r, ','));
    r->depth--;
    return take(r, close);
}

static bool read_value(struct reader *r, struct json *v)
{
    skip_space(r);
    switch (*r->at) {
    case '{':
        r->at++;
        v->kind = JSON_OBJECT;
        return read_members(r, v, '}');
    case '[':
        r->at++;
        v->kind = JSON_ARRAY;
        return read_members(r, v, ']');
    case '"':
        v->kind = JSON_STRING;
        return read_string(r, &v->text);
    case 't':
        v->kind = JSON_TRUE;
        return take_word(r, "true");
    case 'f':
        v->kind = JSON_FALSE;
        return take_word(r, "false");
    case 'n':
        v->kind = JSON_NULL;
        return take_word(r, "null");
    default:
        return read_number(r, v);
    }
}

bool json_parse(struct json_doc *d, char *text)
{
    struct reader r = {.doc = d, .at = text};

    *d = (struct json_doc){0};
    d->root = new_value(d);
    if (d->root != NULL && read_value(&r, d->root)) {
        skip_space(&r);
        if (*r.at == '\0')
            return true;
    }
    json_free(d);
    return false;
}

void json_free(struct json_doc *d)
{
    while (d->blocks != NULL) {
        struct json_block *b = d->blocks;
        d->blocks = b->next;
        free(b);
    }
    d->root = NULL;
}

const struct json *json_get(const struct json *v, const char *key)
{
    const struct json *m = NULL;

    if (v != NULL && v->kind == JSON_OBJECT)
        m = v->first;
    while (m != NULL && strcmp(m->key, key) != 0)
        m = m->next;
    return m;
}

const char *json_text(const struct json *v, const char *key)
{
    const struct json *m = json_get(v, key);

    return m != NULL && m->kind == JSON_STRING ? m->text : NULL;
}

double json_number(const struct json *v, const char *key, double none)
{
    const struct json *m = json_get(v, key);

    return m != NULL && m->kind == JSON_NUMBER ? m->number : none;
}

bool json_is_true(const struct json *v, const char *key)
{
    const struct json *m = json_get(v, key);

    return m != NULL && m->kind == JSON_TRUE;
}
