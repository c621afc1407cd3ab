/* SPDX-License-Identifier: MIT
 *
 * spec.c - specifications of supervisors and children: checking them, and
 * packing them into one block.
 *
 * A supervisor keeps a copy of its specification, supervisors below it
 * included, and a child that is added later travels in a message. Both are the
 * same thing, a *packed* specification: one block with the structures, ids,
 * names and copied arguments behind each other. Pointers into the block are
 * offsets in it until it is *opened* where it has come to rest; so a message
 * may be copied, and whoever sent it may die.
 *
 * Not copied, because they have to outlive the supervisor anyway: functions,
 * servers, labels, arguments without a size.
 *
 * Behind the n children of a packed supervisor lie n more: the same ones, bit
 * by bit, as the user gave them. They are what cop_sup_get_childspec shows: its
 * pointers are the user's, which a supervisor that forgets a child does not
 * free.
 *
 * Supervisors that contain themselves are found by depth.
 */
#include "actors/spec.h"

#include <coppice/extend.h>
#include <coppice/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 63, PACK_MIN = 1024, SUPS_MAX = 1000000 };

#define DEFAULT_SHUTDOWN (5 * COP_SEC)
#define DEFAULT_PERIOD (5 * COP_SEC)
#define PACK_ALIGN 16u
#define PACK_MAX ((size_t)1 << 30) /* as any message's body */

/* -------------------------------------------------------------- packing -- */

struct pack {
    char *bytes;
    size_t size, room;
    int err; /* once set, nothing more is written */
};

static bool make_room(struct pack *p, size_t n)
{
    size_t room = p->room > 0 ? p->room : PACK_MIN;
    char *bytes;

    if (p->err != 0)
        return false;
    if (n > PACK_MAX - p->size) {
        p->err = COP_ENOMEM;
        return false;
    }
    while (room < p->size + n)
        room *= 2;
    if (room == p->room)
        return true;
    bytes = cop_common_realloc(p->bytes, room);
    if (bytes == NULL) {
        p->err = COP_ENOMEM;
        return false;
    }
    p->bytes = bytes;
    p->room = room;
    return true;
}

/* Appends a copy right behind what is there; its offset, or 0 on failure. */
static size_t put_next(struct pack *p, const void *from, size_t n)
{
    size_t at = p->size;

    if (!make_room(p, n))
        return 0;
    memcpy(p->bytes + at, from, n);
    p->size = at + n;
    return at;
}

/* Appends a copy, aligned for any type; its offset, or 0 on failure. */
static size_t put(struct pack *p, const void *from, size_t n)
{
    static const char zeros[PACK_ALIGN];

    (void)put_next(p, zeros, (PACK_ALIGN - p->size % PACK_ALIGN) % PACK_ALIGN);
    return put_next(p, from, n);
}

static size_t put_text(struct pack *p, const char *text)
{
    return text != NULL ? put(p, text, strlen(text) + 1) : 0;
}

/* An offset in the place of a pointer. */
static void *as_pointer(size_t offset)
{
    return (void *)(uintptr_t)offset;
}

static void pack_sup(struct pack *p, size_t at, const cop_sup *from,
                     enum copi_spec_source source, unsigned depth);

/* A supervisor that is a child; its offset. */
static size_t put_sup(struct pack *p, const cop_sup *sup,
                      enum copi_spec_source source, unsigned depth)
{
    size_t at = sup != NULL ? put(p, sup, sizeof *sup) : 0;

    if (at != 0)
        pack_sup(p, at, sup, source, depth);
    return at;
}

/* Packs what child `from` points at; its copy lies at `at` already. */
static void pack_child(struct pack *p, size_t at, const cop_child *from,
                       enum copi_spec_source source, unsigned depth)
{
    size_t id = put_text(p, from->id);
    size_t name = put_text(p, from->opts.name);
    size_t arg = from->arg_bytes > 0 && from->arg != NULL
                     ? put(p, from->arg, from->arg_bytes)
                     : 0;
    size_t sup = put_sup(p, from->sup, source, depth + 1);
    cop_child *c;

    if (p->err != 0)
        return;
    c = (cop_child *)(void *)(p->bytes + at);
    c->id = as_pointer(id);
    c->opts.name = as_pointer(name);
    c->sup = as_pointer(sup);
    if (c->arg_bytes > 0)
        c->arg = as_pointer(arg);
}

/* Packs what supervisor `from` points at; its copy lies at `at` already. */
static void pack_sup(struct pack *p, size_t at, const cop_sup *from,
                     enum copi_spec_source source, unsigned depth)
{
    size_t n = from->children != NULL ? from->nchildren : 0;
    size_t bytes = n * sizeof(cop_child);
    size_t kids = 0;

    if (depth >= COPI_SPEC_DEPTH)
        p->err = COP_ESPEC;
    else if (n > PACK_MAX / sizeof(cop_child))
        p->err = COP_ENOMEM;
    if (p->err == 0 && n > 0) {
        kids = put(p, from->children, bytes);
        (void)put_next(p, from->children + (source == COPI_SPEC_OPENED ? n : 0),
                       bytes);
    }
    for (size_t i = 0; i < n && p->err == 0; i++)
        pack_child(p, kids + i * sizeof(cop_child), &from->children[i], source,
                   depth);
    if (p->err == 0)
        ((cop_sup *)(void *)(p->bytes + at))->children = as_pointer(kids);
}

int copi_spec_pack(struct copi_spec **out, const cop_sup *sup,
                   enum copi_spec_source source)
{
    const struct copi_spec head = {.sup = *sup};
    struct pack p = {0};

    (void)put(&p, &head, sizeof head);
    if (p.err == 0)
        pack_sup(&p, offsetof(struct copi_spec, sup), sup, source, 0);
    if (p.err != 0) {
        free(p.bytes);
        return p.err;
    }
    *out = (struct copi_spec *)(void *)p.bytes;
    (*out)->size = p.size;
    return 0;
}

/* -------------------------------------------------------------- opening -- */

/* The pointer that an offset stands for. */
static void *resolve(struct copi_spec *s, const void *offset)
{
    return offset != NULL ? (char *)s + (uintptr_t)offset : NULL;
}

static void open_sup(struct copi_spec *s, cop_sup *sup);

static void open_child(struct copi_spec *s, cop_child *c)
{
    cop_sup *sup = resolve(s, c->sup);

    c->id = resolve(s, c->id);
    c->opts.name = resolve(s, c->opts.name);
    c->sup = sup;
    if (c->arg_bytes > 0)
        c->arg = resolve(s, c->arg);
    if (sup != NULL)
        open_sup(s, sup);
}

static void open_sup(struct copi_spec *s, cop_sup *sup)
{
    cop_child *kids = resolve(s, sup->children);

    sup->children = kids;
    for (size_t i = 0; kids != NULL && i < sup->nchildren; i++)
        open_child(s, &kids[i]);
}

const cop_sup *copi_spec_open(struct copi_spec *s)
{
    if (!s->is_open)
        open_sup(s, &s->sup);
    s->is_open = true;
    return &s->sup;
}

struct copi_spec *copi_spec_copy(const void *packed, size_t size)
{
    struct copi_spec *s = cop_common_malloc(size > 0 ? size : 1);

    if (s == NULL)
        return NULL;
    memcpy(s, packed, size);
    if (size < sizeof *s || s->size != size || s->is_open) {
        free(s);
        return NULL;
    }
    (void)copi_spec_open(s);
    return s;
}

const cop_child *copi_spec_given(const cop_sup *opened, size_t i)
{
    return &opened->children[opened->nchildren + i];
}

/* ------------------------------------------------------------- checking -- */

/* What is wrong with a child by itself; NULL: nothing. */
static const char *wrong_kind(const cop_child *c)
{
    int kinds = (c->fn != NULL) + (c->server != NULL) + (c->sup != NULL) +
                (c->start != NULL);

    if (kinds == 0)
        return "none of fn, server, sup and start is set";
    if (kinds > 1)
        return "more than one of fn, server, sup and start is set";
    return NULL;
}

static const char *wrong_opts(const cop_child *c)
{
    if (c->opts.monitor != NULL)
        return "opts.monitor is set";
    if (c->opts.arg_bytes > 0)
        return "opts.arg_bytes is set (use arg_bytes of the child)";
    if (c->opts.arg_release != NULL)
        return "opts.arg_release is set (each restart would need another "
               "argument)";
    if (c->sup != NULL && c->opts.mailbox_max > 0)
        return "opts.mailbox_max is set (a supervisor must not lose "
               "messages)";
    if (c->arg_bytes > 0 && c->arg == NULL)
        return "arg_bytes is set, arg is NULL";
    if (c->arg_bytes > PACK_MAX)
        return "arg_bytes is more than 1 GiB";
    return NULL;
}

static const char *wrong_times(const cop_child *c)
{
    const cop_backoff *b = &c->backoff;

    if (c->shutdown_ns < 0 && c->shutdown_ns != COP_BRUTAL_KILL)
        return "shutdown_ns is negative";
    if (b->min_ns < 0 || b->max_ns < 0 || b->reset_ns < 0)
        return "a time of backoff is negative";
    if (b->max_ns != 0 && b->max_ns < b->min_ns)
        return "backoff.max_ns is less than backoff.min_ns";
    if (b->jitter_percent > 100)
        return "backoff.jitter_percent is more than 100";
    return NULL;
}

static const char *wrong_restart(const cop_child *c, const cop_sup *sup)
{
    if ((unsigned)c->restart > COP_TEMPORARY)
        return "restart is none of its three values";
    if (c->significant && c->restart == COP_PERMANENT)
        return "significant is set, but restart is COP_PERMANENT";
    if (c->significant && sup->auto_shutdown == COP_AUTO_NEVER)
        return "significant is set, but the supervisor's auto_shutdown is "
               "COP_AUTO_NEVER";
    return NULL;
}

static const char *wrong_child(const cop_child *c, const cop_sup *sup)
{
    const char *wrong = wrong_kind(c);

    if (wrong == NULL)
        wrong = wrong_restart(c, sup);
    if (wrong == NULL)
        wrong = wrong_opts(c);
    if (wrong == NULL)
        wrong = wrong_times(c);
    return wrong;
}

int copi_spec_check_child(const cop_child *c, const cop_sup *sup, char *text)
{
    const char *wrong = wrong_child(c, sup);

    bool has_id = c->id != NULL && c->id[0] != '\0';

    if (!has_id && sup->strategy != COP_DYNAMIC)
        snprintf(text, COPI_SPEC_TEXT, "child: id is missing");
    else if (has_id && strlen(c->id) > ID_MAX)
        snprintf(text, COPI_SPEC_TEXT,
                 "child \"%.20s...\": id has more than %d bytes", c->id,
                 ID_MAX);
    else if (wrong != NULL)
        snprintf(text, COPI_SPEC_TEXT, "child \"%s\": %s", has_id ? c->id : "",
                 wrong);
    else
        return 0;
    return COP_ESPEC;
}

static const char *wrong_sup(const cop_sup *sup)
{
    if ((unsigned)sup->strategy > COP_DYNAMIC)
        return "strategy is none of its five values";
    if (sup->intensity < COP_INTENSITY_ZERO)
        return "intensity is negative";
    if (sup->period_ns < 0)
        return "period_ns is negative";
    if ((unsigned)sup->auto_shutdown > COP_AUTO_ALL)
        return "auto_shutdown is none of its three values";
    if (sup->nchildren > 0 && sup->children == NULL)
        return "nchildren is set, children is NULL";
    if (sup->strategy == COP_SIMPLE_ONE_FOR_ONE && sup->nchildren != 1)
        return "simple_one_for_one needs one child, the template";
    if (sup->strategy == COP_DYNAMIC && sup->nchildren > 0)
        return "dynamic has children (they are all added at run time)";
    if (sup->strategy != COP_DYNAMIC && sup->max_children > 0)
        return "max_children is set, but strategy is not COP_DYNAMIC";
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether an id occurs twice. */
static int check_ids(const cop_sup *sup, char *text)
{
    size_t n = sup->nchildren;
    const char **ids = cop_common_malloc((n + 1) * sizeof *ids);
    size_t i;

    if (ids == NULL) {
        snprintf(text, COPI_SPEC_TEXT, "supervisor: no memory to check it");
        return COP_ENOMEM;
    }
    for (i = 0; i < n; i++)
        ids[i] = sup->children[i].id;
    qsort(ids, n, sizeof *ids, by_text);
    for (i = 1; i < n && strcmp(ids[i - 1], ids[i]) != 0;)
        i++;
    if (i < n)
        snprintf(text, COPI_SPEC_TEXT, "child \"%s\": id occurs twice", ids[i]);
    free(ids);
    return i < n ? COP_ESPEC : 0;
}

int copi_spec_check(const cop_sup *sup, char *text)
{
    const char *wrong = wrong_sup(sup);

    if (wrong != NULL) {
        snprintf(text, COPI_SPEC_TEXT, "supervisor: %s", wrong);
        return COP_ESPEC;
    }
    for (size_t i = 0; i < sup->nchildren; i++)
        if (copi_spec_check_child(&sup->children[i], sup, text) != 0)
            return COP_ESPEC;
    return check_ids(sup, text);
}

/* What points out of the specification, and means nothing here. */
static const char *wrong_pointer(const cop_child *c)
{
    if (!cop_ext_is_shared((const void *)(uintptr_t)c->fn) ||
        !cop_ext_is_shared(c->server) ||
        !cop_ext_is_shared((const void *)(uintptr_t)c->start))
        return "fn, server or start is none that was there at cop_start";
    if (c->arg_bytes == 0 && !cop_ext_is_shared(c->arg))
        return "arg points into the isolated actor's own memory: set arg_bytes";
    if (!cop_ext_is_shared(c->opts.label) || !cop_ext_is_shared(c->opts.limits))
        return "opts.label or opts.limits points into the isolated actor's "
               "own memory";
    return NULL;
}

static int check_crossed(const cop_sup *sup, char *text)
{
    int err = 0;

    for (size_t i = 0; i < sup->nchildren && err == 0; i++) {
        const cop_child *c = &sup->children[i];
        const char *wrong = wrong_pointer(c);
        if (wrong != NULL) {
            snprintf(text, COPI_SPEC_TEXT, "child \"%.63s\": %s",
                     c->id != NULL ? c->id : "", wrong);
            return COP_ESPEC;
        }
        err = c->sup != NULL ? check_crossed(c->sup, text) : 0;
    }
    return err;
}

int copi_spec_check_crossed(const struct copi_spec *spec, char *text)
{
    if (!spec->is_from_isolated || cop_is_isolated())
        return 0;
    return check_crossed(&spec->sup, text);
}

/* Says where it was found. */
static void add_place(char *text, const char *id)
{
    char inner[COPI_SPEC_TEXT];

    snprintf(inner, sizeof inner, "%s", text);
    snprintf(text, COPI_SPEC_TEXT, "in \"%s\": %.180s", id, inner);
}

/* As copi_spec_check, with all below. `seen` counts supervisors. */
static int check_all(const cop_sup *sup, unsigned depth, unsigned *seen,
                     char *text)
{
    int err = copi_spec_check(sup, text);

    if (err == 0 && (depth >= COPI_SPEC_DEPTH || ++*seen > SUPS_MAX)) {
        snprintf(text, COPI_SPEC_TEXT,
                 "supervisor: more than %d below each other, or more than %d "
                 "in all; does one contain itself?",
                 COPI_SPEC_DEPTH, SUPS_MAX);
        return COP_ESPEC;
    }
    for (size_t i = 0; i < sup->nchildren && err == 0; i++) {
        const cop_child *c = &sup->children[i];
        err = c->sup != NULL ? check_all(c->sup, depth + 1, seen, text) : 0;
        if (err != 0 && depth < 2)
            add_place(text, c->id);
    }
    return err;
}

int cop_sup_check(const cop_sup *sup, char *text, size_t size)
{
    char wrong[COPI_SPEC_TEXT] = "supervisor: NULL";
    unsigned seen = 0;
    int err = sup != NULL ? check_all(sup, 0, &seen, wrong) : COP_ESPEC;

    if (text != NULL && size > 0)
        snprintf(text, size, "%s", err == 0 ? "" : wrong);
    return err;
}

/* -------------------------------------------------------------- meaning -- */

bool copi_spec_is_supervisor(const cop_child *c)
{
    return c->sup != NULL || (c->start != NULL && c->is_supervisor);
}

cop_time copi_spec_shutdown_ns(const cop_child *c)
{
    if (c->shutdown_ns != 0)
        return c->shutdown_ns;
    return copi_spec_is_supervisor(c) ? COP_FOREVER : DEFAULT_SHUTDOWN;
}

cop_time copi_spec_period_ns(const cop_sup *sup)
{
    return sup->period_ns > 0 ? sup->period_ns : DEFAULT_PERIOD;
}

int copi_spec_intensity(const cop_sup *sup)
{
    if (sup->intensity == COP_INTENSITY_ZERO)
        return 0;
    return sup->intensity > 0 ? sup->intensity : 1;
}
