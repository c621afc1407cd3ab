/* SPDX-License-Identifier: MIT
 *
 * isolated.c - the table of isolated actors, and the thread that serves them.
 * Rank: 5.
 *
 * An isolated actor is two things: a *proxy* here, an ordinary actor with its
 * pid (isolated_proxy.c), and a *child*, a process in which its function runs
 * (isolated_child.c), with a piece of memory that both map. This file joins
 * them: each has a place in a table, from which one thread of ours, the
 * *server*, works. It waits for the bells that the children ring and turns
 * each ring into a message that wakes the proxy; it tells the zygote whom to
 * fork and whom to kill, and the proxies what became of that.
 *
 * Why a thread: somebody has to wait for descriptors, and a worker must not.
 *
 * Lives. NEW: on the list of things to do, the zygote has not heard of it.
 * ASKED: the zygote has; sooner or later it says ENDED. A proxy that goes while
 * NEW takes the record along; else the record stays until ENDED, and the child
 * is killed by the zygote, which alone knows that its number is still its own.
 *
 * Invariants.
 *  1. A record is freed once, by who finds both true: the proxy is gone, and
 *     the state is not ASKED.
 *  2. `woken` is 1 from when a wake is sent until the proxy looks at it; so
 *     however often a child rings, there is one wake in the mailbox.
 *  3. A place's turn grows with each tenant: keys that come late name nobody.
 *
 * Shutting down: after all actors have ended the thread is stopped, the zygote
 * ended (which kills what is left and waits for it), the records are freed.
 */
#include "runtime/api/isolated.h"

#include "runtime/actor/away.h"
#include "runtime/actor/signal.h"
#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/base/os_process.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/image.h"
#include "runtime/scheduler/epoch.h"
#include "runtime/scheduler/worker.h"

#define KEY_SOCKET UINT64_MAX
#define KEY_KICK (UINT64_MAX - 1)

enum { RETRY_MS = 2, PLACES_MAX = 1 << 20 };

struct place {
    struct copi_isolated *tenant;
    uint32_t turn;
    uint32_t next_free; /* place + 1; 0: none */
};

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_ISOLATED);
static struct {
    /* under the lock */
    struct place *place;
    uint32_t places, first_free; /* place + 1; 0: none */
    struct copi_isolated *todo, *todo_last;
    bool owed; /* a wake could not be sent */
    bool zygote_gone;

    /* constant while it runs */
    bool is_on; /* there is a zygote */
    bool is_serving;
    struct copi_zygote zygote;
    int set, kick;
    struct copi_thread thread;
    _Atomic uint32_t quit;
} server;

/* --------------------------------------------------------------- places -- */

static uint64_t key_word(struct copi_zygote_key key)
{
    return (uint64_t)key.turn << 32 | key.index;
}

static struct copi_zygote_key key_of(uint64_t word)
{
    return (struct copi_zygote_key){(uint32_t)word, (uint32_t)(word >> 32)};
}

static struct copi_isolated *find_locked(struct copi_zygote_key key)
{
    if (key.index >= server.places)
        return NULL;
    const struct place *p = &server.place[key.index];
    return p->turn == key.turn ? p->tenant : NULL;
}

static int grow_locked(void)
{
    uint32_t n = server.places, more = n == 0 ? 16 : n * 2;
    if (n >= PLACES_MAX)
        return COP_ELIMIT;
    struct place *p = copi_mem_zalloc(more * sizeof *p);
    if (p == NULL)
        return COP_ENOMEM;
    if (n > 0)
        memcpy(p, server.place, n * sizeof *p);
    for (uint32_t i = n; i < more; i++)
        p[i].next_free = i + 1 < more ? i + 2 : server.first_free;
    copi_mem_free(server.place, n * sizeof *p);
    server.place = p;
    server.places = more;
    server.first_free = n + 1;
    return 0;
}

static int settle_locked(struct copi_isolated *iso)
{
    int rc = server.first_free == 0 ? grow_locked() : 0;
    if (rc != 0)
        return rc;
    uint32_t i = server.first_free - 1;
    struct place *p = &server.place[i];
    server.first_free = p->next_free;
    p->tenant = iso;
    /* 31 bits: the keys of the two descriptors of our own differ from all */
    p->turn = (p->turn + 1) & INT32_MAX;
    iso->key = (struct copi_zygote_key){i, p->turn};
    return 0;
}

static void leave_locked(struct copi_isolated *iso)
{
    struct place *p = &server.place[iso->key.index];
    COPI_ASSERT(p->tenant == iso && !iso->is_todo);
    p->tenant = NULL;
    p->next_free = server.first_free;
    server.first_free = iso->key.index + 1;
    copi_os_watch_remove(server.set, iso->bell);
}

void copi_isolated_free(struct copi_isolated *iso)
{
    if (iso->memory >= 0)
        copi_os_close(iso->memory);
    if (iso->bell >= 0)
        copi_os_close(iso->bell);
    if (iso->map != NULL)
        copi_os_shared_unmap(iso->map, sizeof *iso->map);
    copi_wire_in_fini(&iso->in);
    copi_given_fini(&iso->given);
    copi_mem_free(iso->out, iso->out_room);
    copi_mem_free(iso->arg_copy, iso->boot.arg_bytes);
    copi_mem_free(iso, sizeof *iso);
}

static void to_do_locked(struct copi_isolated *iso)
{
    if (iso->is_todo)
        return;
    iso->is_todo = true;
    iso->todo_next = NULL;
    if (server.todo == NULL)
        server.todo = iso;
    else
        server.todo_last->todo_next = iso;
    server.todo_last = iso;
    copi_os_bell_ring(server.kick);
}

int copi_isolated_add(struct copi_isolated *iso)
{
    copi_lock_acquire(&lock);
    int rc = settle_locked(iso);
    if (rc == 0) {
        rc = copi_os_watch_add(server.set, iso->bell, key_word(iso->key));
        if (rc != 0)
            leave_locked(iso);
        else
            to_do_locked(iso);
    }
    copi_lock_release(&lock);
    return rc;
}

void copi_isolated_remove(struct copi_isolated *iso)
{
    bool is_last = false;
    copi_lock_acquire(&lock);
    iso->proxy_gone = true;
    if (iso->state == COPI_ISOLATED_ENDED && !iso->is_todo) {
        leave_locked(iso);
        is_last = true;
    } else {
        to_do_locked(iso);
    }
    copi_lock_release(&lock);
    if (is_last)
        copi_isolated_free(iso);
}

int copi_isolated_os_pid(cop_pid pid)
{
    int found = 0;
    if (!copi_lock_try(&lock))
        return 0; /* a view waits for nobody */
    for (uint32_t i = 0; server.is_on && i < server.places; i++) {
        const struct copi_isolated *iso = server.place[i].tenant;
        if (iso != NULL && iso->pid.id == pid.id &&
            iso->state == COPI_ISOLATED_ASKED)
            found = iso->os_pid;
    }
    copi_lock_release(&lock);
    return found;
}

/* ---------------------------------------------------------- the server -- */

static void wake_locked(struct copi_isolated *iso)
{
    iso->wake_owed = false;
    /* pairs with the proxy's look at it; what is to be seen came before */
    if (iso->proxy_gone || atomic_exchange(&iso->woken, 1) != 0)
        return;
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, COPI_TAG_WAKE, 0);
    if (m == NULL) {
        atomic_store(&iso->woken, 0);
        iso->wake_owed = server.owed = true;
        return;
    }
    m->flags = COPI_MSG_SYSTEM;
    copi_signal_send(iso->pid, m);
}

static void end_locked(struct copi_isolated *iso, int how, int status)
{
    iso->state = COPI_ISOLATED_ENDED;
    iso->how = how;
    iso->status = status;
    /* release: pairs with the proxy's acquire */
    atomic_store_explicit(&iso->ended, 1, memory_order_release);
    if (!iso->proxy_gone) {
        wake_locked(iso);
    } else if (!iso->is_todo) {
        leave_locked(iso);
        copi_isolated_free(iso);
    }
}

/* Whoever waits for it hears that there is none any more. */
static void lose_zygote_locked(void)
{
    if (server.zygote_gone)
        return;
    server.zygote_gone = true;
    copi_os_watch_remove(server.set, server.zygote.socket);
    for (uint32_t i = 0; i < server.places; i++) {
        struct copi_isolated *iso = server.place[i].tenant;
        if (iso != NULL && iso->state == COPI_ISOLATED_ASKED)
            end_locked(iso, COPI_ENDED_ZYGOTE, 0);
    }
}

static int send_locked(enum copi_zygote_op op, struct copi_isolated *iso)
{
    struct copi_zygote_note n = {op, 0, iso->key};
    const int fds[] = {iso->memory, iso->bell};
    bool is_fork = op == COPI_ZYGOTE_FORK;
    if (server.zygote_gone)
        return COP_ESYS;
    return copi_os_pair_send(server.zygote.socket, &n, sizeof n,
                             is_fork ? fds : NULL,
                             is_fork ? COPI_ARRAY_LEN(fds) : 0);
}

static void asked_locked(struct copi_isolated *iso)
{
    iso->state = COPI_ISOLATED_ASKED;
    copi_os_close(iso->memory);
    iso->memory = -1;
}

/* What the zygote has to hear of it; false: not now. The record may be gone
 * then. */
static bool do_one_locked(struct copi_isolated *iso)
{
    int rc = 0;
    if (iso->state == COPI_ISOLATED_NEW && !iso->proxy_gone)
        rc = send_locked(COPI_ZYGOTE_FORK, iso);
    else if (iso->state == COPI_ISOLATED_ASKED && iso->proxy_gone)
        rc = send_locked(COPI_ZYGOTE_KILL, iso);
    if (rc == COP_ETIMEDOUT)
        return false;
    server.todo = iso->todo_next;
    iso->is_todo = false;
    if (iso->proxy_gone && iso->state != COPI_ISOLATED_ASKED) {
        leave_locked(iso);
        copi_isolated_free(iso);
    } else if (rc != 0) {
        end_locked(iso, COPI_ENDED_ZYGOTE, 0);
    } else if (iso->state == COPI_ISOLATED_NEW) {
        asked_locked(iso);
    }
    return true;
}

static void do_all_locked(void)
{
    while (server.todo != NULL && do_one_locked(server.todo))
        ;
    bool owed = server.owed;
    server.owed = false;
    for (uint32_t i = 0; owed && i < server.places; i++)
        if (server.place[i].tenant != NULL && server.place[i].tenant->wake_owed)
            wake_locked(server.place[i].tenant);
}

static void hear_locked(const struct copi_zygote_note *n)
{
    struct copi_isolated *iso = find_locked(n->key);
    if (iso == NULL || iso->state != COPI_ISOLATED_ASKED)
        return;
    if (n->op == COPI_ZYGOTE_FORKED)
        iso->os_pid = n->value;
    else
        end_locked(iso,
                   n->op == COPI_ZYGOTE_ENDED ? COPI_ENDED_STATUS
                                              : COPI_ENDED_FORK,
                   n->value);
}

static void hear_all_locked(void)
{
    struct copi_zygote_note n;
    int got;
    while ((got = copi_os_pair_recv(server.zygote.socket, &n, sizeof n, NULL,
                                    0)) > 0)
        if (got == (int)sizeof n)
            hear_locked(&n);
    if (got == 0)
        lose_zygote_locked();
}

static void serve(void *unused)
{
    enum { KEYS = 32 };
    uint64_t key[KEYS];
    (void)unused;
    bool retry = false;
    while (atomic_load(&server.quit) == 0) {
        int n =
            copi_os_watch_wait(server.set, key, KEYS, retry ? RETRY_MS : -1);
        unsigned section = copi_epoch_guest_enter();
        copi_lock_acquire(&lock);
        for (int i = 0; i < n; i++) {
            struct copi_isolated *iso =
                key[i] < KEY_KICK ? find_locked(key_of(key[i])) : NULL;
            if (iso != NULL)
                wake_locked(iso);
            else if (key[i] == KEY_SOCKET && !server.zygote_gone)
                hear_all_locked();
        }
        do_all_locked();
        retry = server.todo != NULL || server.owed;
        copi_lock_release(&lock);
        copi_epoch_guest_leave(section);
    }
}

/* ------------------------------------------------------ starting, ending -- */

static bool is_wanted(void)
{
    const char *word = copi_os_env("COP_ZYGOTE");
    return !copi_is_away() && !copi_rt.config.virtual_time &&
           (copi_rt.config.zygote || (word != NULL && strcmp(word, "1") == 0));
}

bool copi_isolated_is_possible(void)
{
    return server.is_on;
}

int copi_isolated_fork_zygote(void)
{
    memset((void *)&server, 0, sizeof server);
    if (!is_wanted())
        return 0;
    copi_image_init();
    int rc = copi_zygote_fork(&server.zygote);
    if (rc == 1)
        return rc;
    server.is_on = rc == 0;
    return rc;
}

static int make_set(void)
{
    int rc = copi_os_watch_new(&server.set);
    if (rc != 0)
        return rc;
    rc = copi_os_bell_new(&server.kick);
    if (rc != 0)
        goto no_kick;
    rc = copi_os_watch_add(server.set, server.kick, KEY_KICK);
    if (rc == 0)
        rc = copi_os_watch_add(server.set, server.zygote.socket, KEY_SOCKET);
    if (rc == 0)
        return 0;
    copi_os_close(server.kick);
no_kick:
    copi_os_close(server.set);
    return rc;
}

void copi_isolated_be_zygote(void)
{
    copi_zygote_run(&server.zygote);
}

int copi_isolated_start(void)
{
    if (!server.is_on)
        return 0;
    int rc = make_set();
    if (rc != 0)
        return rc;
    rc = copi_os_thread_start(&server.thread, "cop-isolated", 0, serve, NULL);
    server.is_serving = rc == 0;
    if (rc == 0)
        return 0;
    copi_os_close(server.kick);
    copi_os_close(server.set);
    return rc;
}

static void stop_serving(void)
{
    atomic_store(&server.quit, 1);
    copi_os_bell_ring(server.kick);
    copi_os_thread_join(&server.thread);
    copi_os_close(server.kick);
    copi_os_close(server.set);
    server.is_serving = false;
}

void copi_isolated_stop(void)
{
    if (!server.is_on)
        return;
    if (server.is_serving)
        stop_serving();
    copi_zygote_end(&server.zygote);
    for (uint32_t i = 0; i < server.places; i++)
        if (server.place[i].tenant != NULL)
            copi_isolated_free(server.place[i].tenant);
    copi_mem_free(server.place, server.places * sizeof *server.place);
    server.is_on = false;
}
