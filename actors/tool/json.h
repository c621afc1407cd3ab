/* SPDX-License-Identifier: MIT
 *
 * json.h - reads a JSON document into a tree of values.
 */
#ifndef COPPICE_TOOL_JSON_H
#define COPPICE_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_kind kind;
    const char *key;   /* of an object's member, else NULL */
    const char *text;  /* of a string; UTF-8, no zero bytes within */
    double number;     /* of a number */
    size_t count;      /* of an array or object */
    struct json *next; /* sibling */
    struct json *first;
};

struct json_doc {
    struct json *root;
    struct json_block *blocks;
};

/* Takes `text` apart in place: it must outlive the document. False: no memory,
 * or not JSON. */
bool json_parse(struct json_doc *d, char *text);
void json_free(struct json_doc *d);

/* The member with that key; NULL if there is none, or `v` is no object. */
const struct json *json_get(const struct json *v, const char *key);
/* Its text; NULL if it is no string. */
const char *json_text(const struct json *v, const char *key);
/* Its number; `none` if it is no number. */
double json_number(const struct json *v, const char *key, double none);
bool json_is_true(const struct json *v, const char *key);

#endif
