/* SPDX-License-Identifier: MIT
 *
 * name.c - names and who has them: one table under one lock. Rank: 3.
 *
 * An actor has at most one name and a name one actor; both directions change
 * together under the lock. An actor that ends closes its name first of all, so
 * that nobody who heard of the death finds the name taken. Most actors never
 * had a name: `naming` lets them close without the lock.
 */
#include "runtime/actor/name.h"

#include "runtime/actor/away.h"
#include "runtime/actor/table.h"
#include "runtime/base/check.h"
#include "runtime/base/hash.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"

struct copi_name {
    struct copi_map_node by_hash;
    struct copi_actor *actor;
    cop_pid pid;
    size_t bytes;
    char text[];
};

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_NAMES);
static struct copi_map names;

/* The bytes that follow a first byte of UTF-8; -1: not a first byte. */
static int utf8_more(unsigned char c)
{
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c < 0xe0)
        return 1;
    if (c >= 0xe0 && c < 0xf0)
        return 2;
    return c >= 0xf0 && c < 0xf5 ? 3 : -1;
}

/* Whether the second byte may follow the first: no longer form of what fits a
 * shorter one, no surrogate, nothing above U+10FFFF, and none of the control
 * characters U+0080 to U+009F. */
static bool utf8_may_follow(unsigned char c, unsigned char second)
{
    switch (c) {
    case 0xc2:
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

bool copi_name_is_valid(const char *name)
{
    if (name == NULL || *name == '\0')
        return false;
    size_t n = strnlen(name, COP_NAME_MAX + 1);
    if (n > COP_NAME_MAX)
        return false;
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)name[i++];
        int more = utf8_more(c);
        if (more < 0 || c < 0x20 || c == 0x7f)
            return false;
        if (more > 0 && !utf8_may_follow(c, (unsigned char)name[i]))
            return false;
        for (; more > 0; more--, i++) {
            if (((unsigned char)name[i] & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

static uint64_t hash(const char *name)
{
    return copi_hash_bytes(COPI_HASH_INIT, name, strlen(name));
}

static struct copi_name *find_locked(const char *name)
{
    uint64_t key = hash(name);
    struct copi_map_node *n = copi_map_find(&names, key);
    for (; n != NULL; n = n->chain) {
        struct copi_name *e = COPI_CONTAINER(n, struct copi_name, by_hash);
        if (n->key == key && strcmp(e->text, name) == 0)
            return e;
    }
    return NULL;
}

/* For copi_actor.naming. */
enum { NEVER_NAMED, NAMED, CLOSED };

static int check_locked(struct copi_actor *a, const char *name)
{
    if (find_locked(name) != NULL)
        return COP_ETAKEN;
    if (a->name != NULL)
        return COP_ENAMED;
    uint8_t was = NEVER_NAMED;
    /* Either this sees CLOSED, or copi_name_close sees NAMED. */
    atomic_compare_exchange_strong(&a->naming, &was, NAMED);
    return was == CLOSED ? COP_ENOPROC : 0;
}

static int add(struct copi_actor *a, const char *name, bool is_new)
{
    if (!copi_name_is_valid(name))
        return COP_ENAME;
    size_t bytes = sizeof(struct copi_name) + strlen(name) + 1;
    struct copi_name *e = copi_mem_alloc(bytes);
    if (e == NULL)
        return COP_ENOMEM;
    e->actor = a;
    e->pid = a->pid;
    e->bytes = bytes;
    memcpy(e->text, name, strlen(name) + 1);

    copi_lock_acquire(&lock);
    int rc = check_locked(a, name);
    if (rc == 0) {
        if (is_new)
            copi_table_publish(a);
        copi_map_insert(&names, &e->by_hash, hash(name));
        a->name = e;
    }
    copi_lock_release(&lock);
    if (rc != 0)
        copi_mem_free(e, bytes);
    return rc;
}

int copi_name_register(struct copi_actor *a, const char *name)
{
    return add(a, name, false);
}

int copi_name_register_new(struct copi_actor *a, const char *name)
{
    return add(a, name, true);
}

static void remove_locked(struct copi_name *e)
{
    COPI_ASSERT(e->actor->name == e);
    e->actor->name = NULL;
    copi_map_remove(&names, &e->by_hash);
    copi_mem_free(e, e->bytes);
}

int copi_name_unregister(const char *name)
{
    if (copi_is_away())
        return copi_away.ask(COPI_ASK_UNREGISTER, COP_NO_PID, name, NULL);
    copi_lock_acquire(&lock);
    struct copi_name *e = find_locked(name);
    if (e != NULL)
        remove_locked(e);
    copi_lock_release(&lock);
    return e != NULL ? 0 : COP_ENOENT;
}

cop_pid copi_name_whereis(const char *name)
{
    if (copi_is_away()) {
        cop_pid there;
        copi_away.ask(COPI_ASK_WHEREIS, COP_NO_PID, name, &there);
        return there;
    }
    copi_lock_acquire(&lock);
    struct copi_name *e = find_locked(name);
    cop_pid pid = e != NULL ? e->pid : COP_NO_PID;
    copi_lock_release(&lock);
    return pid;
}

void copi_name_close(struct copi_actor *a)
{
    uint8_t was = NEVER_NAMED;
    /* pairs with check_locked */
    if (atomic_compare_exchange_strong(&a->naming, &was, CLOSED))
        return;
    copi_lock_acquire(&lock);
    atomic_store(&a->naming, CLOSED);
    if (a->name != NULL)
        remove_locked(a->name);
    copi_lock_release(&lock);
}

void copi_name_of(struct copi_actor *a, char *out)
{
    copi_lock_acquire(&lock);
    const char *text = a->name != NULL ? a->name->text : "";
    memcpy(out, text, strlen(text) + 1);
    copi_lock_release(&lock);
}

bool copi_name_try_of(struct copi_actor *a, char *out)
{
    out[0] = '\0';
    if (!copi_lock_may_acquire(COPI_LOCK_NAMES) || !copi_lock_try(&lock))
        return false;
    const char *text = a->name != NULL ? a->name->text : "";
    memcpy(out, text, strlen(text) + 1);
    copi_lock_release(&lock);
    return true;
}

void copi_name_fini(void)
{
    COPI_ASSERT(copi_map_count(&names) == 0);
    copi_map_fini(&names);
}
