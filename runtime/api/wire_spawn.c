/* SPDX-License-Identifier: MIT
 *
 * wire_spawn.c - a spawn, from an isolated actor to its proxy. Rank: 5.
 *
 * An isolated actor spawns in the program: its process holds nobody else. So
 * its proxy spawns for it, and what crosses are addresses: of a function or a
 * handler, of a label, of an argument that is not copied. They mean the same in
 * both processes if they point into what was loaded at cop_start.
 *
 * What the proxy believes. The process of an isolated actor may have gone wild,
 * and then what arrives is what its wild writes made of a request. So nothing
 * is called or read here but
 *
 *  - a function that begins at this very address, says the compiler's table of
 *    the object, and that is the program's own or of a library that it trusts:
 *    libc's are not;
 *  - a handler that lies within such an object, as it is in *our* memory, and
 *    whose callbacks, of which there are some, are such functions;
 *  - a label that is constant text there (an actor's own label that is not is
 *    left out: it is for show);
 *  - an argument that is copied, or points into what was loaded, or is less
 *    than any address can be.
 *
 * An accident does not pass that: few words are the beginning of a function.
 * Malice would: it can have any function of the program called with bytes of
 * its choice, which is no less than writing to our memory. But a process that
 * is not confined has the program's rights over files and other processes
 * anyway; one that is confined by a profile is held to be hostile, and its
 * proxy spawns nothing for it (isolated_proxy.c). What remains of the accident:
 * the bytes of a copied argument are whatever the child says, and the function
 * that gets them may be another one than was meant.
 *
 * One thing is refused that would be sound: in a program that is not position
 * independent the address of a shared library's function is that of an entry of
 * a jump table, which is no function.
 *
 * Rejected: a list of the functions that were spawned before: the first spawn
 * of each would have to come from the program, which nobody expects.
 */
#include "runtime/api/wire_spawn.h"

#include <coppice/extend.h>

#include "runtime/coroutine/cfi.h"
#include "runtime/probe/image.h"
#include "runtime/probe/text.h"

enum {
    IS_HANDLER = 1,
    HAS_LINK = 2,
    HAS_TRAP = 4,
    IS_URGENT = 8,
    IS_PINNED = 16,
    HAS_OWN_MALLOC = 32,
    HAS_LIMITS = 64,
    MAY_DUMP = 128,
    ALL_FLAGS = 255
};

enum { LABEL_MAX = 255 };

/* -------------------------------------------------------------- the asker --
 */

static uint32_t flags_of(const struct copi_away_spawn *what)
{
    const cop_opts *o = what->opts;
    return (what->handler != NULL ? IS_HANDLER : 0u) |
           (o->link ? HAS_LINK : 0u) | (o->trap_exit ? HAS_TRAP : 0u) |
           (o->urgent ? IS_URGENT : 0u) | (o->pinned ? IS_PINNED : 0u) |
           (o->own_malloc ? HAS_OWN_MALLOC : 0u) |
           (o->limits != NULL ? HAS_LIMITS : 0u) |
           (o->limits != NULL && o->limits->core ? MAY_DUMP : 0u);
}

void copi_wire_spawn_pack(struct copi_wire_spawn *out,
                          const struct copi_away_spawn *what)
{
    const cop_opts *o = what->opts;
    memset(out, 0, sizeof *out);
    out->entry =
        what->handler != NULL ? (uintptr_t)what->handler : (uintptr_t)what->fn;
    out->arg = o->arg_bytes == 0 ? (uintptr_t)what->arg : 0;
    out->label = (uintptr_t)o->label;
    out->arg_bytes = o->arg_bytes;
    out->stack_bytes = o->stack_bytes;
    out->memory_max = o->memory_max;
    out->max_run_ns = o->max_run_ns;
    out->monitor = what->monitor.id;
    out->mailbox_max = o->mailbox_max;
    out->flags = flags_of(what);
    out->priority = o->priority;
    out->mailbox_full = o->mailbox_full;
    out->isolation = o->isolation;
    out->seccomp = o->seccomp;
    if (o->limits == NULL)
        return;
    out->limit_memory = o->limits->memory_bytes;
    out->limit_cpu = o->limits->cpu_seconds;
    out->limit_files = o->limits->descriptors;
    out->limit_file = o->limits->file_bytes;
}

/* -------------------------------------------------------------- the proxy --
 */

static void open_limits(cop_limits *l, const struct copi_wire_spawn *w)
{
    *l = (cop_limits){.memory_bytes = w->limit_memory,
                      .cpu_seconds = w->limit_cpu,
                      .descriptors = w->limit_files,
                      .file_bytes = w->limit_file,
                      .core = (w->flags & MAY_DUMP) != 0};
}

static void open_opts(struct copi_wire_spawned *s,
                      const struct copi_wire_spawn *w, const char *name)
{
    s->opts = (cop_opts){.name = name,
                         .link = (w->flags & HAS_LINK) != 0,
                         .monitor = w->monitor != 0 ? &s->monitored : NULL,
                         .priority = (cop_priority)w->priority,
                         .trap_exit = (w->flags & HAS_TRAP) != 0,
                         .urgent = (w->flags & IS_URGENT) != 0,
                         .pinned = (w->flags & IS_PINNED) != 0,
                         .stack_bytes = w->stack_bytes,
                         .arg_bytes = w->arg_bytes,
                         .mailbox_max = w->mailbox_max,
                         .mailbox_full = (cop_full)w->mailbox_full,
                         .isolation = (cop_isolation)w->isolation,
                         .memory_max = w->memory_max,
                         .own_malloc = (w->flags & HAS_OWN_MALLOC) != 0,
                         .max_run_ns = w->max_run_ns,
                         .label = (const char *)(uintptr_t)w->label,
                         .seccomp = (cop_seccomp)w->seccomp};
    if (w->flags & HAS_LIMITS)
        s->opts.limits = &s->limits;
}

bool copi_wire_spawn_open(struct copi_wire_spawned *out, const void *body,
                          size_t size, const char *name)
{
    struct copi_wire_spawn w;
    if (size < sizeof w)
        return false;
    memcpy(&w, body, sizeof w);
    if (w.arg_bytes != size - sizeof w || (w.flags & ~(uint32_t)ALL_FLAGS) ||
        (w.arg_bytes > 0 && w.arg != 0))
        return false;
    memset(out, 0, sizeof *out);
    if (w.flags & IS_HANDLER)
        out->handler = (const cop_handler *)(uintptr_t)w.entry;
    else
        out->fn = (cop_fn)(uintptr_t)w.entry;
    out->arg = w.arg_bytes > 0 ? (char *)(uintptr_t)body + sizeof w
                               : (void *)(uintptr_t)w.arg;
    out->monitor.id = w.monitor;
    open_limits(&out->limits, &w);
    open_opts(out, &w, name);
    return true;
}

static bool is_entry(uintptr_t at)
{
    return copi_image_holds(at, 1) &&
           copi_text_of(at, NULL) == COPI_TEXT_ACTOR &&
           copi_cfi_is_function(at);
}

static bool is_callback(uintptr_t at)
{
    return at == 0 || is_entry(at);
}

static bool is_handler(uintptr_t at)
{
    cop_handler h;
    if (at % _Alignof(cop_handler) != 0 || !copi_image_holds(at, sizeof h))
        return false;
    copi_image_read(&h, at, sizeof h);
    uintptr_t init = (uintptr_t)h.init, message = (uintptr_t)h.message,
              terminate = (uintptr_t)h.terminate;
    return (init | message | terminate) != 0 && is_callback(init) &&
           is_callback(message) && is_callback(terminate) &&
           (h.label == NULL ||
            copi_image_is_text((uintptr_t)h.label, LABEL_MAX));
}

int copi_wire_spawn_check(struct copi_wire_spawned *s, const char **what)
{
    uintptr_t label = (uintptr_t)s->opts.label;
    *what = NULL;
    if (s->handler != NULL ? !is_handler((uintptr_t)s->handler)
                           : !is_entry((uintptr_t)s->fn))
        *what = s->handler != NULL
                    ? "the handler is none that the program had at cop_start"
                    : "the function is none that the program had at cop_start";
    else if (s->opts.arg_bytes == 0 && !cop_ext_is_shared(s->arg))
        *what = "the argument points into the actor's own memory: copy it, "
                "with arg_bytes";
    if (label != 0 && !copi_image_is_text(label, LABEL_MAX))
        s->opts.label = NULL;
    return *what != NULL ? COP_EINVAL : 0;
}
