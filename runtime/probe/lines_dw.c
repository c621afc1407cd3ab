/* SPDX-License-Identifier: MIT
 *
 * lines_dw.c - source lines by libdw, of elfutils. Rank: 1.
 *
 * libdw is opened when a line is first asked for: a program that never crashes
 * neither loads it nor needs it to be installed, and where it is not, lines are
 * just not known. Its handle on this process is kept for the next question,
 * and made anew only after objects were loaded or unloaded: that takes
 * milliseconds, and an address in no object, as after a wild jump, will not be
 * found that way.
 *
 * Debugging information that lies apart is looked for on this machine only;
 * libdw's own way would ask servers on the network.
 */
#include "runtime/probe/symbol.h"

#include "runtime/base/lock.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <link.h>

/* What is used of libdw. */
#define CALLS(X)                                                               \
    X(dwfl_begin)                                                              \
    X(dwfl_end)                                                                \
    X(dwfl_linux_proc_report)                                                  \
    X(dwfl_report_end)                                                         \
    X(dwfl_addrmodule)                                                         \
    X(dwfl_module_addrname)                                                    \
    X(dwfl_module_addrdie)                                                     \
    X(dwfl_module_nextcu)                                                      \
    X(dwarf_haspc)                                                             \
    X(dwarf_getsrc_die)                                                        \
    X(dwarf_lineno)                                                            \
    X(dwarf_linesrc)                                                           \
    X(dwfl_linux_proc_find_elf)                                                \
    X(dwfl_build_id_find_debuginfo)                                            \
    X(dwarf_getscopes)                                                         \
    X(dwarf_tag)                                                               \
    X(dwarf_diename)                                                           \
    X(dwarf_getscopes_die)                                                     \
    X(dwarf_attr)                                                              \
    X(dwarf_formudata)                                                         \
    X(dwarf_getsrcfiles)                                                       \
    X(dwarf_filesrc)

static struct {
    void *handle;
#define X(name) __typeof__(&name) name;
    CALLS(X)
#undef X
    void (*free)(void *); /* what libdw allocates for its caller */
} dw;

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_SYMBOLS);
static bool tried; /* under the lock, as all below */
static Dwfl *dwfl;
static struct loads {
    unsigned long long adds, subs;
} loads; /* when it was opened */
static Dwfl_Callbacks callbacks;
static char *debuginfo_path;

/* -------------------------------------------------------------- opening -- */

static bool open_library_locked(void)
{
    bool all = true;
    if (tried)
        return dw.handle != NULL;
    tried = true;
    dw.handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (dw.handle == NULL)
        return false;
#define X(name)                                                                \
    dw.name = (__typeof__(dw.name))dlsym(dw.handle, #name);                    \
    all = all && dw.name != NULL;
    CALLS(X)
#undef X
    dw.free = (__typeof__(dw.free))dlsym(RTLD_DEFAULT, "free");
    if (!all || dw.free == NULL) {
        dlclose(dw.handle);
        dw.handle = NULL;
        return false;
    }
    callbacks.find_elf = dw.dwfl_linux_proc_find_elf;
    callbacks.find_debuginfo = dw.dwfl_build_id_find_debuginfo;
    callbacks.debuginfo_path = &debuginfo_path;
    return true;
}

static void close_process_locked(void)
{
    if (dwfl != NULL)
        dw.dwfl_end(dwfl);
    dwfl = NULL;
}

static int note_loads(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(struct loads *)arg = (struct loads){info->dlpi_adds, info->dlpi_subs};
    return 1; /* the first object's record says it */
}

static bool open_process_locked(const struct loads *now)
{
    loads = *now;
    dwfl = dw.dwfl_begin(&callbacks);
    if (dwfl != NULL && dw.dwfl_linux_proc_report(dwfl, copi_os_pid()) == 0 &&
        dw.dwfl_report_end(dwfl, NULL, NULL) == 0)
        return true;
    close_process_locked();
    return false;
}

static Dwfl_Module *module_of_locked(uintptr_t pc)
{
    struct loads now = {0, 0};
    (void)dl_iterate_phdr(note_loads, &now);
    if (dwfl == NULL || now.adds != loads.adds || now.subs != loads.subs) {
        close_process_locked();
        if (!open_process_locked(&now))
            return NULL;
    }
    return dw.dwfl_addrmodule(dwfl, pc);
}

/* -------------------------------------------------------------- looking -- */

static void set_name(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s", name != NULL ? name : "?");
}

/* Of a long path, the end. */
static void set_file(struct copi_line *l, const char *file, int line)
{
    size_t n = file != NULL ? strlen(file) : 0;
    if (n >= sizeof l->file)
        file += n - (sizeof l->file - 1);
    if (n > 0)
        snprintf(l->file, sizeof l->file, "%s", file);
    l->line = line;
}

/* Where an inlined function was called. */
static void set_call_locked(struct copi_line *l, Dwarf_Die *cu, Dwarf_Die *die)
{
    Dwarf_Attribute a;
    Dwarf_Word file = 0, line = 0;
    Dwarf_Files *files;
    size_t n;
    if (dw.dwarf_formudata(dw.dwarf_attr(die, DW_AT_call_file, &a), &file) ||
        dw.dwarf_formudata(dw.dwarf_attr(die, DW_AT_call_line, &a), &line) ||
        dw.dwarf_getsrcfiles(cu, &files, &n) != 0 || file >= n)
        return;
    set_file(l, dw.dwarf_filesrc(files, (size_t)file, NULL, NULL), (int)line);
}

/* The unit of compilation that has code at pc. gcc writes an index for that,
 * clang does not: then each unit is asked. *at: pc as the unit counts. */
static Dwarf_Die *unit_of_locked(Dwfl_Module *m, uintptr_t pc, Dwarf_Addr *at)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *cu = dw.dwfl_module_addrdie(m, pc, &bias);
    *at = pc - bias;
    if (cu != NULL)
        return cu;
    while ((cu = dw.dwfl_module_nextcu(m, cu, &bias)) != NULL) {
        *at = pc - bias;
        if (dw.dwarf_haspc(cu, *at) == 1)
            return cu;
    }
    return NULL;
}

static void set_source_locked(struct copi_line *l, Dwarf_Die *cu, Dwarf_Addr at)
{
    int line = 0;
    Dwarf_Line *found = dw.dwarf_getsrc_die(cu, at);
    if (found == NULL || dw.dwarf_lineno(found, &line) != 0)
        return;
    set_file(l, dw.dwarf_linesrc(found, NULL, NULL), line);
}

/* The functions around an address, innermost first; each one's place is where
 * the one before was called. */
static size_t walk_locked(Dwarf_Die *cu, Dwarf_Addr at, struct copi_line *out,
                          size_t cap)
{
    Dwarf_Die *inner = NULL, *scopes = NULL;
    size_t n = 0;
    if (dw.dwarf_getscopes(cu, at, &inner) <= 0)
        return 0;
    /* outside of what was inlined the first list goes on with where that was
     * written, the second one with where it was called */
    int count = dw.dwarf_getscopes_die(inner, &scopes);
    for (int i = 0; i < count && n < cap; i++) {
        int tag = dw.dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        set_name(out[n].function, sizeof out[n].function,
                 dw.dwarf_diename(&scopes[i]));
        n++;
        if (tag == DW_TAG_subprogram)
            break;
        if (n < cap)
            set_call_locked(&out[n], cu, &scopes[i]);
    }
    if (count > 0)
        dw.free(scopes);
    dw.free(inner);
    return n;
}

static size_t find_locked(uintptr_t pc, struct copi_line *out, size_t cap)
{
    Dwarf_Addr at;
    Dwfl_Module *m = open_library_locked() ? module_of_locked(pc) : NULL;
    Dwarf_Die *cu = m != NULL ? unit_of_locked(m, pc, &at) : NULL;
    if (cu == NULL)
        return 0;
    memset(out, 0, cap * sizeof *out);
    set_source_locked(&out[0], cu, at);
    if (out[0].file[0] == '\0')
        return 0;
    size_t n = walk_locked(cu, at, out, cap);
    if (n > 0)
        return n;
    set_name(out[0].function, sizeof out[0].function,
             dw.dwfl_module_addrname(m, pc));
    return 1;
}

size_t copi_lines_find(uintptr_t pc, struct copi_line *out, size_t cap)
{
    if (cap == 0)
        return 0;
    copi_lock_acquire(&lock);
    size_t n = find_locked(pc, out, cap);
    copi_lock_release(&lock);
    return n;
}

void copi_lines_forget(void)
{
    copi_lock_acquire(&lock);
    close_process_locked();
    copi_lock_release(&lock);
}

const char *copi_lines_by(void)
{
    copi_lock_acquire(&lock);
    bool there = open_library_locked();
    copi_lock_release(&lock);
    return there ? "libdw" : "none";
}
