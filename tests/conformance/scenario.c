/* SPDX-License-Identifier: MIT
 *
 * scenario.c - reading a scenario.
 *
 * The whole file is read before anything runs, so that while actors run steps
 * and descriptions are constant and need no lock. Tags are interned here for
 * the same reason: each word that a step sends with is known beforehand. Only
 * memory is asked for later (for what a step starts), under a lock.
 */
#include "tests/conformance/scenario.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- memory -- */

struct block {
    struct block *next;
    max_align_t bytes[];
};

static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;

void *scenario_alloc(size_t size)
{
    struct block *b = calloc(1, sizeof *b + size);

    if (b == NULL)
        abort();
    pthread_mutex_lock(&blocks_lock);
    b->next = blocks;
    blocks = b;
    pthread_mutex_unlock(&blocks_lock);
    return b->bytes;
}

static const char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(scenario_alloc(size), text, size);
}

/* ------------------------------------------------------------------ tags -- */

enum { TAGS_MAX = 4096 };

static const char *tags[TAGS_MAX];
static cop_tag n_tags;

static void intern_tag(const char *word)
{
    if (tag_of(word) == COP_TAG_ANY && n_tags < TAGS_MAX)
        tags[n_tags++] = word;
}

cop_tag tag_of(const char *word)
{
    for (cop_tag i = 0; i < n_tags; i++)
        if (strcmp(tags[i], word) == 0)
            return i + 1;
    return COP_TAG_ANY;
}

const char *tag_text(cop_tag tag)
{
    return tag >= 1 && tag <= n_tags ? tags[tag - 1] : NULL;
}

void scenario_free(void)
{
    struct block *b;

    while ((b = blocks) != NULL) {
        blocks = b->next;
        free(b);
    }
    n_tags = 0;
}

/* --------------------------------------------------------------- options -- */

cop_time duration_of(const char *word)
{
    return strcmp(word, "inf") == 0 ? COP_FOREVER : atol(word) * COP_MS;
}

cop_time deadline_of(const char *word)
{
    return cop_in(duration_of(word));
}

static const char *value_of(const char *word, const char *key)
{
    size_t n = strlen(key);

    return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static void take_flag(struct options *o, const char *word)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {
        {"link", &o->link},   {"nolink", &o->nolink},
        {"trap", &o->trap},   {"eager", &o->eager},
        {"cont", &o->cont},   {"significant", &o->significant},
        {"later", &o->later},
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(word, flags[i].word) == 0)
            *flags[i].flag = true;
    if (strcmp(word, "transient") == 0)
        o->restart = COP_TRANSIENT;
    if (strcmp(word, "temporary") == 0)
        o->restart = COP_TEMPORARY;
}

struct options options_of(const struct step *s, int from)
{
    struct options o = {.restart = COP_PERMANENT};
    const char *v;

    for (int i = from; i < s->n; i++) {
        const char *w = s->word[i];
        if ((v = value_of(w, "monitor")) != NULL)
            o.monitor = v;
        else if ((v = value_of(w, "reg")) != NULL)
            o.reg = v;
        else if ((v = value_of(w, "init")) != NULL)
            o.init = v;
        else if ((v = value_of(w, "shutdown")) != NULL)
            o.shutdown = v;
        else if ((v = value_of(w, "initslow")) != NULL)
            o.initslow = duration_of(v);
        else if ((v = value_of(w, "slow")) != NULL)
            o.slow = duration_of(v);
        else
            take_flag(&o, w);
    }
    return o;
}

/* ----------------------------------------------------------------- names -- */

static struct entity *entity_of(struct scenario *s, const char *name)
{
    struct entity **at = &s->entities;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = scenario_alloc(sizeof **at);
        (*at)->name = name;
    }
    return *at;
}

/* ---------------------------------------------------------- descriptions -- */

static int find_word(const char *word, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static bool read_sup(struct scenario *s, const struct step *st)
{
    static const char *const strategies[] = {
        [COP_ONE_FOR_ONE] = "one_for_one",
        [COP_ONE_FOR_ALL] = "one_for_all",
        [COP_REST_FOR_ONE] = "rest_for_one",
        [COP_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one"};
    static const char *const autos[] = {[COP_AUTO_NEVER] = "never",
                                        [COP_AUTO_ANY] = "any",
                                        [COP_AUTO_ALL] = "all"};
    struct entity *e = entity_of(s, st->word[1]);
    struct sup_def *d = scenario_alloc(sizeof *d);
    int strategy = find_word(st->word[2], strategies, 4);
    int mode = COP_AUTO_NEVER;
    const char *v;

    d->intensity = 1;
    d->period_ns = 5 * COP_SEC;
    for (int i = 3; i < st->n; i++) {
        if ((v = value_of(st->word[i], "intensity")) != NULL)
            d->intensity = atoi(v);
        if ((v = value_of(st->word[i], "period")) != NULL)
            d->period_ns = atol(v) * COP_SEC;
        if ((v = value_of(st->word[i], "auto")) != NULL)
            mode = find_word(v, autos, 3);
    }
    if (strategy < 0 || mode < 0)
        return false;
    d->strategy = (cop_strategy)strategy;
    d->auto_shutdown = (cop_auto_shutdown)mode;
    d->who = e;
    e->sup = d;
    e->is_actor = true;
    return true;
}

static bool read_child(struct scenario *s, const struct step *st)
{
    static const char *const kinds[] = {
        [KIND_ACTOR] = "actor", [KIND_SERVER] = "server", [KIND_SUP] = "sup"};
    struct sup_def *sup = entity_of(s, st->word[1])->sup;
    struct entity *e = entity_of(s, st->word[2]);
    struct child_def *d = scenario_alloc(sizeof *d);
    int kind = find_word(st->word[3], kinds, 3);
    struct child_def **at;

    if (kind < 0 || sup == NULL)
        return false;
    d->kind = (enum kind)kind;
    if (e->parent == NULL)
        e->parent = sup;
    d->role = (struct role){e, e, sup, options_of(st, 4)};
    for (at = &sup->children; *at != NULL;)
        at = &(*at)->next;
    *at = d;
    e->child = d;
    e->is_actor = true;
    return true;
}

/* ------------------------------------------------------------ operations -- */

struct operation {
    const char *name;
    int least, most; /* words after it; most 0: options follow */
    int tag;         /* which word is a tag, 0: none */
};

static const struct operation operations[] = {
    {"defsup", 2, 0, 0},
    {"defchild", 3, 0, 0},
    {"spawn", 2, 0, 0},
    {"handle", 2, 2, 0},
    {"advance", 1, 1, 0},
    {"exit", 2, 2, 0},
    {"signal", 3, 3, 0},
    {"trap", 2, 2, 0},
    {"link", 2, 2, 0},
    {"unlink", 2, 2, 0},
    {"monitor", 3, 4, 0},
    {"demonitor", 2, 3, 0},
    {"alias", 2, 3, 0},
    {"unalias", 2, 2, 0},
    {"send", 4, 4, 3},
    {"recv", 3, 3, 0},
    {"drain", 1, 1, 0},
    {"register", 3, 3, 0},
    {"unregister", 2, 2, 0},
    {"whereis", 2, 2, 0},
    {"send_after", 6, 6, 5},
    {"cancel", 2, 2, 0},
    {"join", 2, 2, 0},
    {"leave", 2, 2, 0},
    {"members", 2, 2, 0},
    {"publish", 4, 4, 3},
    {"start_server", 2, 0, 0},
    {"call", 4, 5, 3},
    {"cast", 4, 4, 3},
    {"stop", 3, 4, 0},
    {"start_sup", 2, 3, 0},
    {"start_child", 3, 3, 0},
    {"terminate_child", 3, 3, 0},
    {"restart_child", 3, 3, 0},
    {"delete_child", 3, 3, 0},
    {"which_children", 2, 2, 0},
    {"count_children", 2, 2, 0},
};

static const struct operation *operation_of(const char *word)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].name, word) == 0)
            return &operations[i];
    return NULL;
}

/* Notes the names that a step starts something under. */
static void note_names(struct scenario *s, const struct step *st)
{
    const char *op = st->word[0];

    if (strcmp(op, "spawn") == 0 || strcmp(op, "start_server") == 0) {
        entity_of(s, st->word[2])->is_actor = true;
    } else if (strcmp(op, "handle") == 0) {
        entity_of(s, st->word[1])->is_handle = true;
    } else if (strcmp(op, "start_child") == 0) {
        struct entity *e = entity_of(s, st->word[3]);
        e->is_actor = true;
        if (e->child == NULL) {
            const struct entity *sup = entity_of(s, st->word[2]);
            e->parent = sup->sup;
        }
    } else if (strcmp(op, "join") == 0 || strcmp(op, "leave") == 0 ||
               strcmp(op, "members") == 0 || strcmp(op, "publish") == 0) {
        s->has_groups = true;
    }
}

/* ----------------------------------------------------------------- lines -- */

/* NULL: nothing in it. */
static struct step *split(char *line)
{
    struct step *st = scenario_alloc(sizeof *st);
    char *save = NULL;
    char *w = strtok_r(line, " \t\r\n", &save);

    if (w == NULL || w[0] == '#')
        return NULL;
    if (strcmp(w, "~") == 0) {
        st->loose = true;
        w = strtok_r(NULL, " \t\r\n", &save);
    }
    for (; w != NULL && st->n < WORDS_MAX; w = strtok_r(NULL, " \t\r\n", &save))
        st->word[st->n++] = copy_text(w);
    return st;
}

static bool read_step(struct scenario *s, struct step *st)
{
    const struct operation *op = st->n > 0 ? operation_of(st->word[0]) : NULL;
    int words = st->n - 1;

    if (op == NULL || words < op->least || (op->most != 0 && words > op->most))
        return false;
    if (op->tag != 0)
        intern_tag(st->word[op->tag]);
    return strcmp(op->name, "defsup") != 0 || read_sup(s, st);
}

static bool is_added(const struct scenario *s, const struct child_def *d)
{
    for (const struct step *st = s->steps; st != NULL; st = st->next)
        if (strcmp(st->word[0], "start_child") == 0 &&
            strcmp(st->word[3], d->role.who->name) == 0)
            return true;
    return false;
}

static void note_fixed(struct scenario *s)
{
    bool fixed = true;

    for (const struct entity *e = s->entities; e != NULL; e = e->next)
        if (e->child != NULL && is_added(s, e->child))
            fixed = false;
    for (const struct entity *e = s->entities; e != NULL; e = e->next)
        if (e->child != NULL)
            e->child->is_fixed = fixed;
}

/* Once all supervisors are known: a defchild may come before its defsup. */
static bool read_children(struct scenario *s)
{
    for (const struct step *st = s->steps; st != NULL; st = st->next)
        if (strcmp(st->word[0], "defchild") == 0 && !read_child(s, st))
            return false;
    for (const struct step *st = s->steps; st != NULL; st = st->next)
        note_names(s, st);
    note_fixed(s);
    return true;
}

bool scenario_read(struct scenario *s, const char *path, char *error,
                   size_t size)
{
    FILE *f = fopen(path, "r");
    char line[LINE_TEXT];
    struct step **end = &s->steps;
    struct step *st;
    bool ok = f != NULL;

    *s = (struct scenario){0};
    intern_tag("echo");
    snprintf(error, size, "%s: cannot be read", path);
    for (int n = 1; ok && fgets(line, sizeof line, f) != NULL; n++) {
        st = split(line);
        if (st == NULL)
            continue;
        ok = read_step(s, st);
        snprintf(error, size, "%s:%d: not a step", path, n);
        *end = st;
        end = &st->next;
    }
    if (f != NULL)
        fclose(f);
    if (ok && !read_children(s)) {
        snprintf(error, size, "%s: a defchild is wrong", path);
        ok = false;
    }
    return ok;
}
