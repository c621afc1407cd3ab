/* SPDX-License-Identifier: MIT
 *
 * tally.c - words and how often each was seen: a hash table with open
 * addressing, at most two thirds full. The bytes of the words sit in blocks
 * that are freed together, so that a worker clears its table in one sweep.
 */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 1024, BLOCK_BYTES = 32 * 1024 };

struct tally_block {
    struct tally_block *next;
    size_t used, size;
    char bytes[];
};

struct tally *tally_new(void)
{
    struct tally *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->size = FIRST_SIZE;
    t->entries = calloc(t->size, sizeof *t->entries);
    if (t->entries == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

static void free_blocks(struct tally_block *b)
{
    while (b != NULL) {
        struct tally_block *next = b->next;

        free(b);
        b = next;
    }
}

void tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    free_blocks(t->blocks);
    free(t->entries);
    free(t);
}

/* Keeps one block: the next chunk needs about as much. */
void tally_clear(struct tally *t)
{
    memset(t->entries, 0, t->size * sizeof *t->entries);
    t->used = 0;
    if (t->blocks != NULL) {
        free_blocks(t->blocks->next);
        t->blocks->next = NULL;
        t->blocks->used = 0;
    }
}

static uint32_t hash_of(const char *word, size_t length)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619u;
    return h ^ h >> 15;
}

static char *keep_word(struct tally *t, const char *word, size_t length)
{
    struct tally_block *b = t->blocks;
    char *kept;

    if (b == NULL || b->size - b->used < length) {
        size_t size = length > BLOCK_BYTES ? length : BLOCK_BYTES;

        b = malloc(sizeof *b + size);
        if (b == NULL)
            return NULL;
        *b = (struct tally_block){.next = t->blocks, .size = size};
        t->blocks = b;
    }
    kept = b->bytes + b->used;
    memcpy(kept, word, length);
    b->used += length;
    return kept;
}

/* The place of a word, or the empty one where it belongs. */
static struct tally_entry *place_of(struct tally_entry *entries, size_t size,
                                    const char *word, size_t length,
                                    uint32_t hash)
{
    size_t i = hash & (size - 1);

    while (entries[i].word != NULL) {
        const struct tally_entry *e = &entries[i];

        if (e->hash == hash && e->length == length &&
            memcmp(e->word, word, length) == 0)
            break;
        i = (i + 1) & (size - 1);
    }
    return &entries[i];
}

static int grow(struct tally *t)
{
    size_t size = t->size * 2;
    struct tally_entry *entries = calloc(size, sizeof *entries);

    if (entries == NULL)
        return COP_ENOMEM;
    for (size_t i = 0; i < t->size; i++) {
        const struct tally_entry *e = &t->entries[i];

        if (e->word != NULL)
            *place_of(entries, size, e->word, e->length, e->hash) = *e;
    }
    free(t->entries);
    t->entries = entries;
    t->size = size;
    return 0;
}

int tally_add(struct tally *t, const char *word, size_t length, uint64_t n)
{
    uint32_t hash = hash_of(word, length);
    struct tally_entry *e;

    e = place_of(t->entries, t->size, word, length, hash);
    if (e->word != NULL) {
        e->count += n;
        return 0;
    }
    if ((t->used + 1) * 3 > t->size * 2) {
        if (grow(t) != 0)
            return COP_ENOMEM;
        e = place_of(t->entries, t->size, word, length, hash);
    }
    e->word = keep_word(t, word, length);
    if (e->word == NULL)
        return COP_ENOMEM;
    e->length = (uint32_t)length;
    e->hash = hash;
    e->count = n;
    t->used++;
    return 0;
}

/* ---------------------------------------------------------------- packing */

size_t tally_packed_bytes(const struct tally *t)
{
    size_t bytes = 0;

    for (size_t i = 0; i < t->size; i++)
        if (t->entries[i].word != NULL)
            bytes += sizeof(uint64_t) + sizeof(uint32_t) + t->entries[i].length;
    return bytes;
}

void tally_pack(const struct tally *t, void *out)
{
    char *at = out;

    for (size_t i = 0; i < t->size; i++) {
        const struct tally_entry *e = &t->entries[i];

        if (e->word == NULL)
            continue;
        memcpy(at, &e->count, sizeof e->count);
        at += sizeof e->count;
        memcpy(at, &e->length, sizeof e->length);
        at += sizeof e->length;
        memcpy(at, e->word, e->length);
        at += e->length;
    }
}

int tally_add_packed(struct tally *t, const void *packed, size_t size)
{
    const char *at = packed, *end = at + size;

    while (at < end) {
        uint64_t count;
        uint32_t length;
        int code;

        if ((size_t)(end - at) < sizeof count + sizeof length)
            return COP_ESIZE;
        memcpy(&count, at, sizeof count);
        at += sizeof count;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        if ((size_t)(end - at) < length)
            return COP_ESIZE;
        code = tally_add(t, at, length, count);
        if (code != 0)
            return code;
        at += length;
    }
    return 0;
}

/* ---------------------------------------------------------------- sorting */

static int by_word(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    size_t least = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->word, y->word, least);

    if (order != 0)
        return order;
    return x->length < y->length ? -1 : x->length > y->length;
}

static int by_count(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_word(a, b);
}

static void sort(struct tally *t, int (*order)(const void *, const void *))
{
    size_t n = 0;

    for (size_t i = 0; i < t->size; i++)
        if (t->entries[i].word != NULL)
            t->entries[n++] = t->entries[i];
    memset(t->entries + n, 0, (t->size - n) * sizeof *t->entries);
    qsort(t->entries, n, sizeof *t->entries, order);
}

void tally_sort_by_count(struct tally *t)
{
    sort(t, by_count);
}

void tally_sort_by_word(struct tally *t)
{
    sort(t, by_word);
}
