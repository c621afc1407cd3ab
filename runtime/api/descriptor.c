/* SPDX-License-Identifier: MIT
 *
 * descriptor.c - file descriptors that belong to an actor. Rank: 5.
 *
 * A temporary file is made and owned inside the runtime, so that no death comes
 * between the two. It never has a name, so that nothing is left of it, even if
 * the process ends by SIGKILL.
 */
#include <coppice/memory.h>

#include "runtime/actor/heap.h"
#include "runtime/api/scope.h"
#include "runtime/base/os.h"

struct descriptor {
    struct copi_owned owned; /* first */
    int fd;
};

_Static_assert(sizeof(struct descriptor) <= 64, "fits its slab class");

static void descriptor_free(struct copi_owned *o)
{
    copi_slab_free(COPI_SLAB_64, o);
}

static void release(struct copi_owned *o)
{
    copi_os_close(((struct descriptor *)(void *)o)->fd);
    descriptor_free(o);
}

static int own(struct copi_actor *a, int fd)
{
    struct descriptor *d = copi_slab_alloc(COPI_SLAB_64);
    if (d == NULL)
        return COP_ENOMEM;
    d->owned.release = release;
    d->fd = fd;
    int rc = copi_heap_own(a, &d->owned, (uint64_t)fd);
    if (rc != 0)
        descriptor_free(&d->owned);
    return rc;
}

int cop_own_fd(int fd)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor_late(&s, "cop_own_fd");
    int rc = fd < 0 ? COP_EINVAL : own(a, fd);
    copi_scope_leave(&s);
    return rc;
}

int cop_disown_fd(int fd)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_disown_fd");
    struct copi_owned *o = fd < 0 ? NULL : copi_heap_disown(a, (uint64_t)fd);
    if (o != NULL)
        descriptor_free(o);
    copi_scope_leave(&s);
    return o != NULL ? 0 : COP_ENOENT;
}

int cop_temp_file(int *fd, const char *dir)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor_late(&s, "cop_temp_file");
    int rc = COP_EINVAL;
    if (fd == NULL)
        goto out;
    *fd = -1;
    int made = copi_os_temp_file(dir != NULL ? dir : "/tmp");
    rc = made < 0 ? made : own(a, made);
    if (rc == 0)
        *fd = made;
    else if (made >= 0)
        copi_os_close(made);
out:
    copi_scope_leave(&s);
    return rc;
}
