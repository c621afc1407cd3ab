/* SPDX-License-Identifier: MIT
 *
 * scribble.h - a wild writer: fills all memory that this process can write to,
 * as a program gone mad would, until something of that ends it. Only for a
 * process that nobody misses.
 */
#ifndef COPPICE_TESTS_SCRIBBLE_H
#define COPPICE_TESTS_SCRIBBLE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct scribble_range {
    unsigned char *from, *to;
};

/* Writable mappings whose line in the list of mappings has `what` in it. */
static inline int scribble_find(struct scribble_range *out, int max,
                                const char *what)
{
    static char text[1 << 18];
    size_t n = 0;
    ssize_t got;
    int count = 0, fd = open("/proc/self/maps", O_RDONLY);

    while (fd >= 0 && n < sizeof text - 1 &&
           (got = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    for (char *line = strtok(text, "\n"); line != NULL && count < max;
         line = strtok(NULL, "\n")) {
        unsigned long from, to;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 &&
            mode[1] == 'w' && strstr(line, what) != NULL)
            out[count++] = (struct scribble_range){(unsigned char *)from,
                                                   (unsigned char *)to};
    }
    return count;
}

/* `seed` chooses the bytes; page by page, so that none is left out before the
 * writer itself is hit. */
static inline void scribble_over(const struct scribble_range *r, uint64_t seed)
{
    for (unsigned char *p = r->from; p < r->to; p += 8) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        *(volatile uint64_t *)(void *)p = seed >> 7;
    }
}

/* All that is mapped, the memory shared with others first. */
static inline void scribble_all(uint64_t seed)
{
    static struct scribble_range shared[8], all[512];
    int n = scribble_find(shared, 8, "memfd:coppice");
    int m = scribble_find(all, 512, "");

    for (int i = 0; i < n; i++)
        scribble_over(&shared[i], seed);
    for (int i = 0; i < m; i++)
        scribble_over(&all[i], seed + (uint64_t)i);
}

#endif
