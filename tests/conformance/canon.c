/* SPDX-License-Identifier: MIT
 *
 * canon.c - traces in canonical order.
 *
 * The lines between two headers are sorted by their stream, and keep their
 * order within it. The stream of a start, exit or terminate is the topmost
 * supervisor above the process; of any other line its first word. In a step
 * marked `~` each line is a stream of its own.
 */
#include "tests/conformance/run.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 512, DEPTH_MAX = 100, WORDS = 20, LINE_BYTES = 8192 };

/* Who is whose child, by name. */
struct tree {
    int n;
    struct {
        char child[32];
        char parent[32];
        bool described; /* by a defchild */
    } of[NAMES_MAX];
};

/* -------------------------------------------------------------- the tree -- */

static int split(char *line, char **word)
{
    char *save = NULL;
    int n = 0;

    for (char *w = strtok_r(line, " \t\r\n", &save); w != NULL && n < WORDS;
         w = strtok_r(NULL, " \t\r\n", &save))
        if (n > 0 || strcmp(w, "~") != 0)
            word[n++] = w;
    return n;
}

static int find_child(const struct tree *t, const char *child)
{
    int i = 0;

    while (i < t->n && strcmp(t->of[i].child, child) != 0)
        i++;
    return i;
}

static void put_under(struct tree *t, const char *child, const char *parent,
                      bool described)
{
    int i = find_child(t, child);

    if (i == NAMES_MAX || (i < t->n && (described || t->of[i].described)))
        return;
    if (i == t->n)
        t->n++;
    snprintf(t->of[i].child, sizeof t->of[i].child, "%s", child);
    snprintf(t->of[i].parent, sizeof t->of[i].parent, "%s", parent);
    t->of[i].described = described;
}

static void read_lines_of_tree(struct tree *t, FILE *f, bool described)
{
    char line[LINE_BYTES];
    char *w[WORDS];
    int n;

    rewind(f);
    while (fgets(line, sizeof line, f) != NULL) {
        n = split(line, w);
        if (described && n > 2 && strcmp(w[0], "defchild") == 0)
            put_under(t, w[2], w[1], true);
        if (!described && n > 3 && strcmp(w[0], "start_child") == 0)
            put_under(t, w[3], w[2], false);
    }
}

static bool read_tree(struct tree *t, const char *scenario_path)
{
    FILE *f = fopen(scenario_path, "r");

    t->n = 0;
    if (f == NULL)
        return false;
    read_lines_of_tree(t, f, true);
    read_lines_of_tree(t, f, false);
    fclose(f);
    return true;
}

static const char *root_of(const struct tree *t, const char *name)
{
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        int i = find_child(t, name);
        if (i == t->n)
            break;
        name = t->of[i].parent;
    }
    return name;
}

/* ----------------------------------------------------------------- lines -- */

static bool is_life(const char *word)
{
    static const char *const life[] = {"start", "exit", "terminate"};

    for (int i = 0; i < 3; i++)
        if (strcmp(word, life[i]) == 0)
            return true;
    return false;
}

/* The stream of a line, into key. */
static void stream_of(const struct tree *t, const char *line, char *key,
                      size_t size)
{
    char first[64] = "";
    char second[64] = "";

    sscanf(line, "%63s %63s", first, second);
    snprintf(key, size, "%s", is_life(second) ? root_of(t, first) : first);
}

static int compare(const struct tree *t, bool loose, const char *a,
                   const char *b)
{
    char x[64];
    char y[64];

    if (loose)
        return strcmp(a, b);
    stream_of(t, a, x, sizeof x);
    stream_of(t, b, y, sizeof y);
    return strcmp(x, y);
}

/* By insertion: stable, and blocks are short. */
static void sort_block(const struct tree *t, bool loose, char **line, int n)
{
    for (int i = 1; i < n; i++) {
        char *moved = line[i];
        int j = i;
        for (; j > 0 && compare(t, loose, line[j - 1], moved) > 0; j--)
            line[j] = line[j - 1];
        line[j] = moved;
    }
}

static void sort_all(const struct tree *t, struct lines *l)
{
    bool loose = false;
    int begin = 0;

    for (int i = 0; i <= l->n; i++) {
        const char *line = i < l->n ? l->line[i] : "> ";
        if (strncmp(line, "> ", 2) != 0 && strncmp(line, "@ ", 2) != 0)
            continue;
        sort_block(t, loose, l->line + begin, i - begin);
        begin = i + 1;
        if (line[0] == '>')
            loose = strncmp(line, "> ~ ", 4) == 0;
    }
}

/* --------------------------------------------------------------- reading -- */

static char *read_text(FILE *f)
{
    size_t room = 1 << 16;
    size_t used = 0;
    char *text = malloc(room);
    char *more;
    size_t n;

    while (text != NULL &&
           (n = fread(text + used, 1, room - used - 1, f)) > 0) {
        used += n;
        if (used < room - 1)
            continue;
        room *= 2;
        more = realloc(text, room);
        if (more == NULL)
            free(text);
        text = more;
    }
    if (text != NULL)
        text[used] = '\0';
    return text;
}

static bool cut_into_lines(struct lines *l)
{
    size_t n = 1;
    char *save = NULL;

    for (const char *p = l->text; *p != '\0'; p++)
        n += *p == '\n';
    l->line = calloc(n, sizeof *l->line);
    if (l->line == NULL)
        return false;
    for (char *p = strtok_r(l->text, "\r\n", &save); p != NULL;
         p = strtok_r(NULL, "\r\n", &save))
        l->line[l->n++] = p;
    return true;
}

bool canon_lines(struct lines *out, FILE *trace, const char *scenario_path)
{
    struct tree *t = calloc(1, sizeof *t);
    bool ok;

    *out = (struct lines){0};
    rewind(trace);
    out->text = read_text(trace);
    ok = t != NULL && out->text != NULL && read_tree(t, scenario_path) &&
         cut_into_lines(out);
    if (ok)
        sort_all(t, out);
    free(t);
    return ok;
}

void canon_free(struct lines *l)
{
    free(l->line);
    free(l->text);
}
