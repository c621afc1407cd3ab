/* SPDX-License-Identifier: MIT
 *
 * text.c - whose code is at an address. Rank: 1.
 *
 * At the start of the runtime the executable parts of all loaded objects go
 * into an array, sorted by address, that a signal handler searches. The
 * program itself and libcoppice are the actor's code: the runtime tells by a
 * flag of its own when it is inside of itself, and outside of that its
 * functions are as harmless as the program's. All other libraries are foreign.
 *
 * What is loaded later is not in the array; _dl_find_object, which takes no
 * lock, finds it, and it is foreign, unless it was trusted by name.
 *
 * Leaves are few functions of libc that keep no state and hold no lock. Their
 * addresses are those that the dynamic linker chose for this processor; their
 * sizes are not known (the chosen variants have no public symbols), so that a
 * window behind each address is taken. It may cover a neighbour; therefore a
 * leaf only counts if its return address lies in the actor's code (crash.c):
 * a function that has pushed nothing yet has not taken a lock either.
 *
 * Few libraries call the program back without a lock held: qsort and bsearch of
 * libc (with what stands beside them, which never calls back), and the library
 * of C++, whose unwinder runs handlers and clean-ups. All others may hold one.
 *
 * All this rests on libc and the allocator being objects of their own. In a
 * program that is linked statically, or with the allocator in it, their code
 * cannot be told from the actor's: then nothing is the actor's alone.
 *
 * Rejected: dladdr in the handler: it takes the linker's lock, which the
 * crashed code may hold.
 */
#include "runtime/probe/text.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <strings.h>

enum { RANGES_MAX = 512, TRUSTED_MAX = 64, LEAF_WINDOW = 2048 };
/* Of qsort's parts, some lie before it. */
enum { SORT_BEFORE = 2048, SORT_BYTES = 5120 };

struct range {
    uintptr_t low, high;
    enum copi_text text;
    const char *name; /* the linker's; lives as long as the object */
};

static struct range ranges[RANGES_MAX];
static size_t range_count;
static uintptr_t leaves[32]; /* sorted */
static size_t leaf_count;
static uintptr_t sorters[2]; /* qsort, bsearch */
static bool is_static;
static bool is_told_apart;

/* Written by copi_text_trust, read by handlers: low, then high, which
 * publishes. */
static struct {
    _Atomic uintptr_t low, high;
} trusted[TRUSTED_MAX];
static _Atomic uint32_t trusted_count;

static int by_low(const void *a, const void *b)
{
    uintptr_t x = ((const struct range *)a)->low;
    uintptr_t y = ((const struct range *)b)->low;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static bool is_cxx(const char *name)
{
    static const char *const files[] = {"libstdc++.so", "libc++abi.so",
                                        "libgcc_s.so"};
    const char *slash = strrchr(name, '/');
    const char *file = slash != NULL ? slash + 1 : name;
    for (size_t i = 0; i < COPI_ARRAY_LEN(files); i++)
        if (strncmp(file, files[i], strlen(files[i])) == 0)
            return true;
    return false;
}

/* Nobody loads libraries for it. */
static bool has_no_interpreter(const struct dl_phdr_info *o)
{
    for (int i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_INTERP)
            return false;
    return true;
}

/* The program, which has no name, or the object with our own code. */
static enum copi_text text_of_object(const struct dl_phdr_info *o)
{
    uintptr_t own = (uintptr_t)copi_text_init - o->dlpi_addr;
    if (o->dlpi_name == NULL || o->dlpi_name[0] == '\0') {
        is_static = has_no_interpreter(o);
        return COPI_TEXT_ACTOR;
    }
    if (is_cxx(o->dlpi_name))
        return COPI_TEXT_CXX;
    for (int i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_LOAD &&
            own - o->dlpi_phdr[i].p_vaddr < o->dlpi_phdr[i].p_memsz)
            return COPI_TEXT_ACTOR;
    return COPI_TEXT_FOREIGN;
}

static int add_object(struct dl_phdr_info *o, size_t size, void *unused)
{
    enum copi_text text = text_of_object(o);
    (void)size;
    (void)unused;
    for (int i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        uintptr_t low = o->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD || (p->p_flags & PF_X) == 0 ||
            range_count == RANGES_MAX)
            continue;
        ranges[range_count++] =
            (struct range){low, low + p->p_memsz, text, o->dlpi_name};
    }
    return 0;
}

/* Their resolved addresses: taken here and now, a pointer to a function of a
 * library is the function itself, not an entry of a jump table. */
static void add_leaves(void)
{
    static const char *const names[] = {
        "memcpy", "memmove", "memset",  "memcmp",  "memchr", "memrchr",
        "strlen", "strnlen", "strcmp",  "strncmp", "strcpy", "strncpy",
        "strcat", "strchr",  "strrchr", "stpcpy",  "strspn", "rawmemchr",
    };
    leaf_count = 0;
    for (size_t i = 0; i < COPI_ARRAY_LEN(names); i++) {
        void *p = dlsym(RTLD_DEFAULT, names[i]);
        if (p != NULL)
            leaves[leaf_count++] = (uintptr_t)p;
    }
    qsort(leaves, leaf_count, sizeof leaves[0], by_value);
}

void copi_text_init(void)
{
    is_told_apart = false;
    range_count = 0;
    is_static = false;
    dl_iterate_phdr(add_object, NULL);
    qsort(ranges, range_count, sizeof ranges[0], by_low);
    if (is_static)
        return;
    add_leaves();
    sorters[0] = (uintptr_t)dlsym(RTLD_DEFAULT, "qsort");
    sorters[1] = (uintptr_t)dlsym(RTLD_DEFAULT, "bsearch");
    uintptr_t allocator = (uintptr_t)dlsym(RTLD_DEFAULT, "malloc");
    is_told_apart = copi_text_of(allocator, NULL) != COPI_TEXT_ACTOR;
}

bool copi_text_is_told_apart(void)
{
    return is_told_apart;
}

int copi_text_trust(const void *address)
{
    struct dl_find_object o;
    if (_dl_find_object((void *)address, &o) != 0)
        return COP_ENOENT;
    uint32_t i =
        atomic_fetch_add_explicit(&trusted_count, 1, memory_order_relaxed);
    if (i >= TRUSTED_MAX) {
        atomic_store_explicit(&trusted_count, TRUSTED_MAX,
                              memory_order_relaxed);
        return COP_ELIMIT;
    }
    atomic_store_explicit(&trusted[i].low, (uintptr_t)o.dlfo_map_start,
                          memory_order_relaxed);
    /* release: pairs with is_trusted, publishes low */
    atomic_store_explicit(&trusted[i].high, (uintptr_t)o.dlfo_map_end,
                          memory_order_release);
    return 0;
}

static bool is_trusted(uintptr_t pc)
{
    for (size_t i = 0; i < TRUSTED_MAX; i++) {
        /* acquire: pairs with copi_text_trust */
        uintptr_t high =
            atomic_load_explicit(&trusted[i].high, memory_order_acquire);
        if (high == 0)
            return false;
        if (pc < high &&
            pc >= atomic_load_explicit(&trusted[i].low, memory_order_relaxed))
            return true;
    }
    return false;
}

static bool is_leaf(uintptr_t pc)
{
    for (size_t i = 0; i < leaf_count; i++)
        if (pc - leaves[i] < LEAF_WINDOW)
            return true;
    return false;
}

static const struct range *find_range(uintptr_t pc)
{
    size_t low = 0, high = range_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pc < ranges[middle].low)
            high = middle;
        else if (pc >= ranges[middle].high)
            low = middle + 1;
        else
            return &ranges[middle];
    }
    return NULL;
}

/* Its code is in the array: what else lies between these bounds is data. */
static bool is_known(uintptr_t map_low, uintptr_t map_high)
{
    for (size_t i = 0; i < range_count; i++)
        if (ranges[i].low >= map_low && ranges[i].low < map_high)
            return true;
    return false;
}

enum copi_text copi_text_of(uintptr_t pc, const char **name)
{
    const struct range *r = find_range(pc);
    struct dl_find_object o;
    if (name != NULL)
        *name = r != NULL && r->name != NULL ? r->name : "";
    if (r != NULL && r->text == COPI_TEXT_ACTOR)
        return COPI_TEXT_ACTOR;
    if (is_trusted(pc))
        return COPI_TEXT_ACTOR;
    if (r != NULL)
        return is_leaf(pc) ? COPI_TEXT_LEAF : r->text;
    if (_dl_find_object((void *)pc, &o) != 0 ||
        is_known((uintptr_t)o.dlfo_map_start, (uintptr_t)o.dlfo_map_end))
        return COPI_TEXT_NONE;
    if (name != NULL)
        *name = o.dlfo_link_map->l_name;
    return COPI_TEXT_FOREIGN;
}

bool copi_text_may_lock(uintptr_t pc, const char **name)
{
    if (copi_text_of(pc, name) != COPI_TEXT_FOREIGN)
        return false;
    for (size_t i = 0; i < COPI_ARRAY_LEN(sorters); i++)
        if (sorters[i] != 0 && pc - (sorters[i] - SORT_BEFORE) < SORT_BYTES)
            return false;
    return true;
}
