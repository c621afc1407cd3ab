/* SPDX-License-Identifier: MIT
 *
 * application_env.c - the environment of an application: keys and values, in
 * the order in which they came. A handful of them, so a list does.
 *
 * The controller alone has environments. A difference between two of them goes
 * to a master as one block, which lives as long as its message: that is why the
 * texts are copied behind the lists.
 */
#include "actors/application.h"

#include <coppice/memory.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The link that leads to a key, or the last one. */
static struct copi_env_pair **link_of(struct copi_env *env, const char *key)
{
    struct copi_env_pair **at = &env->first;

    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

int copi_env_set(struct copi_env *env, const char *key, const char *value)
{
    struct copi_env_pair **at = link_of(env, key);
    size_t head = strlen(key) + 1, tail = strlen(value) + 1;
    struct copi_env_pair *p = cop_common_malloc(sizeof *p + head + tail);

    if (p == NULL)
        return COP_ENOMEM;
    memcpy(p->key, key, head);
    p->value = p->key + head;
    memcpy(p->value, value, tail);
    p->next = *at != NULL ? (*at)->next : NULL;
    free(*at);
    *at = p;
    return 0;
}

const char *copi_env_get(const struct copi_env *env, const char *key)
{
    const struct copi_env_pair *p = env->first;

    while (p != NULL && strcmp(p->key, key) != 0)
        p = p->next;
    return p != NULL ? p->value : NULL;
}

bool copi_env_unset(struct copi_env *env, const char *key)
{
    struct copi_env_pair **at = link_of(env, key);
    struct copi_env_pair *p = *at;

    if (p == NULL)
        return false;
    *at = p->next;
    free(p);
    return true;
}

void copi_env_clear(struct copi_env *env)
{
    while (env->first != NULL)
        (void)copi_env_unset(env, env->first->key);
}

/* -------------------------------------------------------------- loading -- */

static void append_upper(char *out, const char *text)
{
    size_t n = strlen(out);

    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char c = (unsigned char)text[i];
        out[n++] = isalnum(c) ? (char)toupper(c) : '_';
    }
    out[n] = '\0';
}

/* What the process's environment says about a key, or NULL. */
static const char *from_outside(const char *name, const char *key)
{
    char variable[sizeof "COP_APP__" + 2 * COP_APP_NAME_MAX] = "COP_APP_";

    append_upper(variable, name);
    append_upper(variable, "_");
    append_upper(variable, key);
    return getenv(variable);
}

int copi_env_load(struct copi_env *env, const cop_app *app)
{
    int err = 0;

    for (size_t i = 0; i < app->nenv && err == 0; i++) {
        const cop_app_env *e = &app->env[i];
        const char *value = from_outside(app->name, e->key);
        err = copi_env_set(env, e->key, value != NULL ? value : e->value);
    }
    return err;
}

/* ----------------------------------------------------------- difference -- */

static size_t measure(const struct copi_env *env, size_t *texts)
{
    size_t n = 0;

    for (const struct copi_env_pair *p = env->first; p != NULL; p = p->next) {
        *texts += strlen(p->key) + strlen(p->value) + 2;
        n++;
    }
    return n;
}

/* Where the next pair and the next text go. */
struct writer {
    cop_app_env *pair;
    char *text;
};

static const char *write_text(struct writer *w, const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = w->text;

    memcpy(at, text, size);
    w->text += size;
    return at;
}

static void write_pair(struct writer *w, const char *key, const char *value)
{
    w->pair->key = write_text(w, key);
    w->pair->value = value != NULL ? write_text(w, value) : NULL;
    w->pair++;
}

enum kind { CHANGED, ADDED, REMOVED };

/* The pairs of one environment that are of that kind compared with another,
 * and the pair that ends the list. */
static const cop_app_env *write_list(struct writer *w, enum kind kind,
                                     const struct copi_env *of,
                                     const struct copi_env *other)
{
    const cop_app_env *list = w->pair;
    const struct copi_env_pair *p = of->first;

    for (; p != NULL; p = p->next) {
        const char *value = copi_env_get(other, p->key);
        if (kind == CHANGED ? value != NULL && strcmp(value, p->value) != 0
                            : value == NULL)
            write_pair(w, p->key, kind == REMOVED ? NULL : p->value);
    }
    *w->pair++ = (cop_app_env){NULL, NULL};
    return list;
}

struct copi_env_diff *copi_env_diff(const struct copi_env *old,
                                    const struct copi_env *now, bool *differs)
{
    size_t texts = 0;
    size_t pairs = measure(old, &texts) + measure(now, &texts) + 3;
    struct copi_env_diff *d =
        cop_common_malloc(sizeof *d + pairs * sizeof(cop_app_env) + texts);
    struct writer w;

    if (d == NULL)
        return NULL;
    w.pair = (cop_app_env *)(d + 1);
    w.text = (char *)(w.pair + pairs);
    d->changed = write_list(&w, CHANGED, now, old);
    d->added = write_list(&w, ADDED, now, old);
    d->removed = write_list(&w, REMOVED, old, now);
    *differs = d->changed->key != NULL || d->added->key != NULL ||
               d->removed->key != NULL;
    return d;
}
