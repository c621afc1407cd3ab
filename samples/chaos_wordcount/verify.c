/* SPDX-License-Identifier: MIT
 *
 * verify.c - the same count by other means: one thread, no actors, no chunks,
 * no hash table. It reads each file a byte at a time, writes all words down
 * one after the other, sorts them and counts equal neighbours. It uses nothing
 * of the counting side but the list of files and, to compare, its result.
 */
#include "wordcount.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct list {
    char *letters; /* all words, each closed with a zero byte */
    size_t nletters, letters_size;
    size_t *starts;
    size_t nwords, words_size;
    uint64_t bytes, lines;
};

static int reserve(void **memory, size_t *size, size_t need, size_t each)
{
    size_t wanted = *size * 2 > need ? *size * 2 : need + 1024;
    void *bigger;

    if (need <= *size)
        return 0;
    bigger = realloc(*memory, wanted * each);
    if (bigger == NULL)
        return COP_ENOMEM;
    *memory = bigger;
    *size = wanted;
    return 0;
}

static int put_letter(struct list *l, char letter)
{
    void *memory = l->letters;
    int code = reserve(&memory, &l->letters_size, l->nletters + 1, 1);

    l->letters = memory;
    if (code == 0)
        l->letters[l->nletters++] = letter;
    return code;
}

static int begin_word(struct list *l)
{
    void *memory = l->starts;
    int code =
        reserve(&memory, &l->words_size, l->nwords + 1, sizeof *l->starts);

    l->starts = memory;
    if (code == 0)
        l->starts[l->nwords++] = l->nletters;
    return code;
}

/* What a byte is within a word, folded; 0: it is in none. */
static void fill_letters(char *letter)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    memset(letter, 0, 256);
    for (int i = 0; i < 26; i++) {
        letter[(unsigned char)lower[i]] = lower[i];
        letter[(unsigned char)upper[i]] = lower[i];
    }
    for (int i = 128; i < 256; i++)
        letter[i] = (char)i;
}

static int list_stream(struct list *l, FILE *in)
{
    char letter[256];
    bool inside = false;
    int c, code = 0;

    fill_letters(letter);
    while (code == 0 && (c = getc_unlocked(in)) != EOF) {
        l->bytes++;
        if (c == '\n')
            l->lines++;
        if (letter[c] == 0) {
            if (inside)
                code = put_letter(l, '\0');
            inside = false;
            continue;
        }
        if (!inside)
            code = begin_word(l);
        inside = true;
        if (code == 0)
            code = put_letter(l, letter[c]);
    }
    if (code == 0 && inside)
        code = put_letter(l, '\0');
    return ferror(in) ? COP_ESYS : code;
}

static int list_files(struct list *l, const struct corpus *c)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < c->nfiles; i++) {
        FILE *in = fopen(c->files[i].path, "rb");

        if (in == NULL)
            return COP_ESYS;
        code = list_stream(l, in);
        fclose(in);
    }
    return code;
}

static int by_letters(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted_words(const struct list *l)
{
    char **words = malloc((l->nwords + 1) * sizeof *words);

    if (words == NULL)
        return NULL;
    for (size_t i = 0; i < l->nwords; i++)
        words[i] = l->letters + l->starts[i];
    qsort(words, l->nwords, sizeof *words, by_letters);
    return words;
}

/* ---------------------------------------------------------------- comparing */

static bool same_word(const struct tally_entry *e, const char *word)
{
    return e->word != NULL && strlen(word) == e->length &&
           memcmp(e->word, word, e->length) == 0;
}

/* Walks both in the order of the alphabet. `t` is sorted by word. */
static int compare_words(char **words, size_t n, unsigned passes,
                         const struct tally *t, struct verified *v, char *text,
                         size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < n; at++) {
        size_t first = i;
        uint64_t want;

        while (i < n && strcmp(words[i], words[first]) == 0)
            i++;
        v->distinct++;
        want = (uint64_t)(i - first) * passes;
        if (at < t->used && same_word(&t->entries[at], words[first]) &&
            t->entries[at].count == want)
            continue;
        if (at < t->used && same_word(&t->entries[at], words[first]))
            snprintf(text, size,
                     "\"%.40s\" was counted %" PRIu64
                     " times, it is there %" PRIu64 " times",
                     words[first], t->entries[at].count, want);
        else
            snprintf(text, size, "the words differ near \"%.40s\"",
                     words[first]);
        return 1;
    }
    if (at == t->used)
        return 0;
    snprintf(text, size, "%zu words were counted that are not there",
             t->used - at);
    return 1;
}

static int compare_sums(const struct verified *v, const struct totals *t,
                        char *text, size_t size)
{
    if (v->words == t->words && v->bytes == t->bytes && v->lines == t->lines)
        return 0;
    snprintf(text, size,
             "words %+" PRId64 ", lines %+" PRId64 ", bytes %+" PRId64,
             (int64_t)(t->words - v->words), (int64_t)(t->lines - v->lines),
             (int64_t)(t->bytes - v->bytes));
    return 1;
}

int verify(const struct corpus *c, unsigned passes, const struct totals *t,
           const struct tally *words, struct verified *out, char *text,
           size_t size)
{
    struct list l = {0};
    char **sorted = NULL;
    int code = list_files(&l, c);

    if (code == 0) {
        sorted = sorted_words(&l);
        code = sorted == NULL ? COP_ENOMEM : 0;
    }
    if (code == 0) {
        *out = (struct verified){.bytes = l.bytes * passes,
                                 .lines = l.lines * passes,
                                 .words = (uint64_t)l.nwords * passes};
        code = compare_sums(out, t, text, size);
    }
    if (code == 0)
        code = compare_words(sorted, l.nwords, passes, words, out, text, size);
    if (code < 0)
        snprintf(text, size, "cannot count again: %s", cop_error_str(code));
    free(sorted);
    free(l.starts);
    free(l.letters);
    return code;
}
