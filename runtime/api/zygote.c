/* SPDX-License-Identifier: MIT
 *
 * zygote.c - the process that forks those of isolated actors. Rank: 5.
 *
 * The program has many threads and much memory; forking it would copy the page
 * tables of all of that and leave the child with locks that nobody holds. So
 * cop_start forks a zygote before it makes any thread. It has one thread, and
 * two things to wait for: the socket to the program, and the ends of its
 * children. As it is their parent, it alone knows when a process number may
 * be used again, and so it alone kills.
 *
 * A fork rather than another program started afresh: the child finds functions
 * and tables at the addresses at which the program has them, so a spawn is the
 * same call with the same arguments.
 *
 * It ends when the other end of the socket is closed, and kills its children
 * then: the program has ended, whatever ended it. Should the zygote itself be
 * killed, its children die of that (copi_os_be_child).
 */
#include "runtime/api/zygote.h"

#include "runtime/api/isolated.h"
#include "runtime/base/os.h"
#include "runtime/base/os_process.h"
#include "runtime/memory/mem.h"

enum { FDS = 2 };

struct child {
    int pid;
    struct copi_zygote_key key;
};

static struct {
    int socket;
    int ends; /* readable when a child has ended */
    int self;
    struct child *child;
    size_t count, room;
} zygote;

static void tell(enum copi_zygote_op op, int value, struct copi_zygote_key key)
{
    struct copi_zygote_note n = {op, value, key};
    while (copi_os_pair_send(zygote.socket, &n, sizeof n, NULL, 0) ==
           COP_ETIMEDOUT)
        copi_os_yield(); /* the program always reads on */
}

static bool make_room(void)
{
    if (zygote.count < zygote.room)
        return true;
    size_t room = zygote.room * 2 + 16;
    struct child *c = copi_mem_alloc(room * sizeof *c);
    if (c == NULL)
        return false;
    if (zygote.count > 0)
        memcpy(c, zygote.child, zygote.count * sizeof *c);
    copi_mem_free(zygote.child, zygote.room * sizeof *c);
    zygote.child = c;
    zygote.room = room;
    return true;
}

static void fork_child(struct copi_zygote_key key, const int fds[FDS])
{
    enum { NO_MEMORY = 12 };
    int error = NO_MEMORY;
    int pid = make_room() ? copi_os_fork(&error) : COP_ESYS;
    if (pid == 0) {
        copi_os_be_child(zygote.self);
        copi_os_close_others(fds, FDS);
        copi_isolated_child(fds[0], fds[1]);
    }
    if (pid < 0) {
        tell(COPI_ZYGOTE_FAILED, error, key);
        return;
    }
    zygote.child[zygote.count++] = (struct child){pid, key};
    tell(COPI_ZYGOTE_FORKED, pid, key);
}

static void kill_child(struct copi_zygote_key key)
{
    for (size_t i = 0; i < zygote.count; i++)
        if (zygote.child[i].key.index == key.index &&
            zygote.child[i].key.turn == key.turn)
            copi_os_kill(zygote.child[i].pid);
}

/* Those that have ended are told and forgotten. */
static void reap(void)
{
    int pid, status;
    while ((pid = copi_os_reap(&status)) > 0) {
        for (size_t i = 0; i < zygote.count; i++) {
            struct child *c = &zygote.child[i];
            if (c->pid != pid)
                continue;
            tell(COPI_ZYGOTE_ENDED, status, c->key);
            *c = zygote.child[--zygote.count];
            break;
        }
    }
}

/* False: the program is gone. */
static bool take_orders(void)
{
    struct copi_zygote_note n;
    int fds[FDS];
    int got;
    while ((got = copi_os_pair_recv(zygote.socket, &n, sizeof n, fds, FDS)) ==
           (int)sizeof n) {
        if (n.op == COPI_ZYGOTE_FORK)
            fork_child(n.key, fds);
        else
            kill_child(n.key);
        for (int i = 0; i < FDS; i++)
            if (fds[i] >= 0)
                copi_os_close(fds[i]);
        reap();
    }
    return got == COP_ETIMEDOUT;
}

static void drain(int fd)
{
    char bytes[512];
    while (copi_os_read(fd, bytes, sizeof bytes) > 0)
        ;
}

void copi_zygote_run(const struct copi_zygote *z)
{
    copi_os_close_others(&z->socket, 1);
    zygote.socket = z->socket;
    zygote.self = copi_os_pid();
    zygote.ends = copi_os_be_zygote();
    if (zygote.ends < 0)
        copi_os_end(1);
    do {
        const int fds[] = {zygote.socket, zygote.ends};
        copi_os_wait_readable(fds, COPI_ARRAY_LEN(fds));
        drain(zygote.ends);
        reap();
    } while (take_orders());
    for (size_t i = 0; i < zygote.count; i++)
        copi_os_kill(zygote.child[i].pid);
    for (size_t i = 0; i < zygote.count; i++)
        copi_os_wait(zygote.child[i].pid);
    copi_os_end(0);
}

int copi_zygote_fork(struct copi_zygote *z)
{
    int fd[2], error;
    int rc = copi_os_pair_new(fd);
    if (rc != 0)
        return rc;
    fflush(NULL); /* else each child has the same text to write */
    z->pid = copi_os_fork(&error);
    bool is_zygote = z->pid == 0;
    copi_os_close(fd[is_zygote ? 0 : 1]);
    z->socket = fd[is_zygote ? 1 : 0];
    if (z->pid >= 0)
        return is_zygote;
    copi_os_close(z->socket);
    return COP_ESYS;
}

void copi_zygote_end(struct copi_zygote *z)
{
    copi_os_close(z->socket);
    copi_os_wait(z->pid);
    z->pid = 0;
}
