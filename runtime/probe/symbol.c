/* SPDX-License-Identifier: MIT
 *
 * symbol.c - functions from addresses, without anybody's help. Rank: 1.
 *
 * The dynamic linker's lock-free table tells which object holds an address and
 * where that was loaded; the object's file is mapped, its symbol table
 * searched for the function that covers the address, and the file unmapped.
 * .symtab is preferred, for it has static functions too; a stripped file has
 * .dynsym. Nothing of a file is believed before it has been compared with the
 * file's size.
 *
 * That takes some 50 us per address, and is kept that way: no cache means no
 * lock, no memory, nothing to invalidate when libraries come and go, and it
 * works in a signal handler of a process that is about to end.
 *
 * Rejected: dladdr, which takes the linker's lock, and sees exported functions
 * only.
 */
#include "runtime/probe/symbol.h"

#include "runtime/base/format.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
    const char *at;
    size_t size;
};

/* `count` items of `size` bytes at `offset`; NULL: the file is too short. */
static const void *part(const struct image *f, uint64_t offset, uint64_t count,
                        uint64_t size)
{
    if (offset > f->size || offset % sizeof(uint32_t) != 0 ||
        count > (f->size - offset) / size)
        return NULL;
    return f->at + offset;
}

static bool map(struct image *f, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    f->at = MAP_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        f->size = (size_t)st.st_size;
        f->at = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return f->at != (const char *)MAP_FAILED;
}

/* The first section of that type; NULL: there is none. */
static const ElfW(Shdr) *
    section(const struct image *f, const ElfW(Ehdr) * e, uint32_t type)
{
    const ElfW(Shdr) *s = part(f, e->e_shoff, e->e_shnum, sizeof *s);
    for (unsigned i = 0; s != NULL && i < e->e_shnum; i++)
        if (s[i].sh_type == type && s[i].sh_entsize == sizeof(ElfW(Sym)))
            return &s[i];
    return NULL;
}

/* The strings that belong to a table of symbols; *size: of all. */
static const char *strings(const struct image *f, const ElfW(Ehdr) * e,
                           const ElfW(Shdr) * table, size_t *size)
{
    const ElfW(Shdr) *s = part(f, e->e_shoff, e->e_shnum, sizeof *s);
    if (s == NULL || table->sh_link >= e->e_shnum)
        return NULL;
    s += table->sh_link;
    *size = (size_t)s->sh_size;
    if (s->sh_offset > f->size || s->sh_size > f->size - s->sh_offset)
        return NULL;
    return f->at + s->sh_offset;
}

/* The function that covers `at`, or the nearest before it of no known size. */
static const ElfW(Sym) * nearest(const ElfW(Sym) * sym, size_t n, ElfW(Addr) at)
{
    const ElfW(Sym) *best = NULL;
    for (size_t i = 0; i < n; i++) {
        const ElfW(Sym) *s = &sym[i];
        if (s->st_shndx == SHN_UNDEF || s->st_value > at ||
            (s->st_info & 0xf) > STT_FUNC || (s->st_info & 0xf) == STT_OBJECT)
            continue;
        if ((s->st_size != 0 || (s->st_info & 0xf) != STT_FUNC) &&
            at - s->st_value >= s->st_size)
            continue;
        if (best == NULL || s->st_value >= best->st_value)
            best = s;
    }
    return best;
}

static void copy_name(char *out, size_t size, const char *from, size_t max)
{
    size_t n = strnlen(from, COPI_MIN(max, size - 1));
    memcpy(out, from, n);
    out[n] = '\0';
}

static bool search(const struct image *f, ElfW(Addr) at,
                   struct copi_symbol *out)
{
    const ElfW(Ehdr) *e = part(f, 0, 1, sizeof *e);
    if (e == NULL || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
        e->e_ident[EI_CLASS] != ELFCLASS64 ||
        e->e_shentsize != sizeof(ElfW(Shdr)))
        return false;
    const ElfW(Shdr) *table = section(f, e, SHT_SYMTAB);
    if (table == NULL)
        table = section(f, e, SHT_DYNSYM);
    if (table == NULL)
        return false;
    size_t n = (size_t)table->sh_size / sizeof(ElfW(Sym)), bytes;
    const ElfW(Sym) *sym = part(f, table->sh_offset, n, sizeof *sym);
    const char *text = strings(f, e, table, &bytes);
    if (sym == NULL || text == NULL || (sym = nearest(sym, n, at)) == NULL ||
        sym->st_name >= bytes)
        return false;
    copy_name(out->function, sizeof out->function, text + sym->st_name,
              bytes - sym->st_name);
    out->offset = at - sym->st_value;
    return true;
}

bool copi_symbol_find(uintptr_t pc, struct copi_symbol *out)
{
    struct dl_find_object o;
    struct image f;
    memset(out, 0, sizeof *out);
    out->offset = pc;
    if (pc == 0 || _dl_find_object((void *)pc, &o) != 0)
        return false;
    const char *path = o.dlfo_link_map->l_name;
    if (path == NULL || path[0] == '\0')
        path = "/proc/self/exe";
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    copy_name(out->object, sizeof out->object, base, SIZE_MAX);
    out->offset = pc - o.dlfo_link_map->l_addr;
    if (!map(&f, path))
        return true;
    (void)search(&f, (ElfW(Addr))out->offset, out);
    munmap((void *)(uintptr_t)f.at, f.size);
    return true;
}

/* ----------------------------------------------------------------- texts -- */

/* Appends what fits; *used is the length of what is there. */
COP_PRINTF(4, 5)
static void add(char *buf, size_t size, size_t *used, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t n = copi_vformat(buf + *used, size - *used, fmt, args);
    va_end(args);
    *used = COPI_MIN(*used + n, size - 1);
}

static bool add_lines(char *buf, size_t size, uintptr_t pc)
{
    struct copi_line line[4];
    size_t used = 0;
    size_t n = copi_lines_find(pc, line, COPI_ARRAY_LEN(line));
    for (size_t i = 0; i < n; i++) {
        add(buf, size, &used, "%s%s", i > 0 ? ", in " : "", line[i].function);
        if (line[i].file[0] != '\0')
            add(buf, size, &used, " at %s:%d", line[i].file, line[i].line);
    }
    return n > 0;
}

char *copi_symbol_str(uintptr_t pc, bool is_return, bool deep, char *buf,
                      size_t size)
{
    struct copi_symbol s;
    size_t used = 0;
    /* a call may be its function's last instruction */
    uintptr_t back = is_return && pc > 0 ? 1 : 0;
    if (size == 0)
        return buf;
    buf[0] = '\0';
    if (deep && add_lines(buf, size, pc - back))
        return buf;
    if (!copi_symbol_find(pc - back, &s))
        add(buf, size, &used, "0x%zx", (size_t)pc);
    else if (s.function[0] == '\0')
        add(buf, size, &used, "%s+0x%zx", s.object, (size_t)(s.offset + back));
    else if (s.offset + back == 0)
        add(buf, size, &used, "%s", s.function);
    else
        add(buf, size, &used, "%s+0x%zx", s.function,
            (size_t)(s.offset + back));
    return buf;
}
