/* SPDX-License-Identifier: MIT
 *
 * stack_pages.c - the questions to the kernel about pages. Rank: 1.
 *
 * Wraps madvise and mincore; the fallbacks are those of a system without an
 * answer: huge pages stay, everything counts as touched, the usual limit.
 * Whether a guard works is asked by a write to a pipe from there: the kernel
 * refuses what it cannot read.
 */
#include "runtime/memory/stack_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/os.h"

#define MAP_MAX_USUAL 65530

void copi_stack_pages_no_huge(void *p, size_t bytes)
{
    (void)madvise(p, bytes, MADV_NOHUGEPAGE);
}

size_t copi_stack_pages_untouched(char *low, size_t bytes)
{
    unsigned char resident[64];
    size_t page = copi_os_page_size();
    size_t pages = bytes / page;

    for (size_t i = 0; i < pages; i += sizeof(resident)) {
        size_t n = COPI_MIN(pages - i, sizeof(resident));

        if (mincore(low + i * page, n * page, resident) != 0)
            return 0;
        for (size_t k = 0; k < n; k++)
            if (resident[k] & 1)
                return (i + k) * page;
    }
    return bytes;
}

bool copi_stack_pages_are_guarded(const char *p)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) != 0)
        return true;
    bool is_readable = write(fd[1], p, 1) == 1;
    close(fd[0]);
    close(fd[1]);
    return !is_readable;
}

uint32_t copi_stack_pages_map_max(void)
{
    uint32_t n = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

    if (f == NULL)
        return MAP_MAX_USUAL;
    if (fscanf(f, "%" SCNu32, &n) != 1)
        n = MAP_MAX_USUAL;
    fclose(f);
    return n;
}
