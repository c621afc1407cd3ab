/* SPDX-License-Identifier: MIT
 *
 * image.c - what two processes of one program have in common. Rank: 1.
 *
 * A process that was forked finds functions, constants and globals where the
 * other has them, as long as they lie in an object that was loaded before the
 * fork. An address that one of them hands to the other means something there
 * only then; and if what hands it over may have gone wild, that has to be
 * looked at before anybody follows the address.
 *
 * So the bounds of all loadable segments are noted before the fork. What a
 * library that came later has is not there in the other process. One that was
 * unloaded since is known by the linker's table, which takes no lock.
 */
#include "runtime/probe/image.h"

#include <dlfcn.h>
#include <link.h>

enum { SEGMENTS_MAX = 1024 };

static struct {
    uintptr_t low, high;
    bool is_constant;
} segment[SEGMENTS_MAX];
static size_t segments;

static int add_object(struct dl_phdr_info *o, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        uintptr_t low = o->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD || (p->p_flags & PF_R) == 0 ||
            segments == SEGMENTS_MAX)
            continue;
        segment[segments].low = low;
        segment[segments].high = low + p->p_memsz;
        segment[segments].is_constant = (p->p_flags & PF_W) == 0;
        segments++;
    }
    return 0;
}

void copi_image_init(void)
{
    segments = 0;
    dl_iterate_phdr(add_object, NULL);
}

/* How many bytes there are from `at` to the end of its segment; 0: it is in
 * none. */
static size_t room_at(uintptr_t at, bool of_constants)
{
    struct dl_find_object o;
    for (size_t i = 0; i < segments; i++)
        if (at >= segment[i].low && at < segment[i].high)
            return (segment[i].is_constant || !of_constants) &&
                           _dl_find_object((void *)at, &o) == 0
                       ? segment[i].high - at
                       : 0;
    return 0;
}

bool copi_image_holds(uintptr_t at, size_t size)
{
    size_t room = room_at(at, false);
    return room > 0 && size <= room;
}

/* One by one, so that no function that a sanitizer watches is called. */
__attribute__((no_sanitize("address"))) void
copi_image_read(void *out, uintptr_t at, size_t size)
{
    const volatile char *from = (const volatile char *)at;
    for (size_t i = 0; i < size; i++)
        ((char *)out)[i] = from[i];
}

bool copi_image_is_text(uintptr_t at, size_t max)
{
    size_t room = COPI_MIN(room_at(at, true), max + 1);
    char c = 1;
    for (size_t i = 0; i < room && c != '\0'; i++)
        copi_image_read(&c, at + i, 1);
    return c == '\0';
}
