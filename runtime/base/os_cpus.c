/* SPDX-License-Identifier: MIT
 *
 * os_cpus.c - how many cores this process may use. Rank: 0.
 *
 * The affinity mask says on which cores it may run; the control group may
 * allow it less time than that: a quota per period, on its own group or on any
 * above it, and the smallest counts. Version 2 writes both into one file,
 * cpu.max; version 1 into two. More workers than the quota pays for would
 * spend the end of each period stopped, with whatever they hold.
 *
 * In a container the path of the group may be one that only the host sees; then
 * nothing is found along it except at the root, which is the container's own.
 */
#include "runtime/base/os.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/base/format.h"

#define PATH_BYTES 1024
#define MAX_CPUS 8192

/* The file's beginning as a string; false: no such file, or empty. */
static bool read_text(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, buf, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    buf[n] = '\0';
    return true;
}

static bool read_number(const char *dir, const char *file, long long *out)
{
    char path[PATH_BYTES + 64];
    char text[64];

    copi_format(path, sizeof(path), "%s/%s", dir, file);
    return read_text(path, text, sizeof(text)) &&
           sscanf(text, "%lld", out) == 1;
}

/* Rounded up: half a core still needs a worker. */
static unsigned to_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return UINT_MAX;
    return (unsigned)COPI_MIN((quota - 1) / period + 1, (long long)INT_MAX);
}

/* "max 100000" or "150000 100000". */
static unsigned group_quota_v2(const char *dir)
{
    char path[PATH_BYTES + 64];
    char text[64];
    long long quota, period;

    copi_format(path, sizeof(path), "%s/cpu.max", dir);
    if (!read_text(path, text, sizeof(text)) ||
        sscanf(text, "%lld %lld", &quota, &period) != 2)
        return UINT_MAX;
    return to_cpus(quota, period);
}

/* A quota of -1 is none. */
static unsigned group_quota_v1(const char *dir)
{
    long long quota, period;

    if (!read_number(dir, "cpu.cfs_quota_us", &quota) ||
        !read_number(dir, "cpu.cfs_period_us", &period))
        return UINT_MAX;
    return to_cpus(quota, period);
}

/* The smallest quota from base/group up to base. */
static unsigned smallest_quota(const char *base, const char *group,
                               unsigned (*quota)(const char *dir))
{
    char path[PATH_BYTES];
    size_t base_len = strlen(base);
    unsigned least = UINT_MAX;
    unsigned here;
    char *slash;

    if (copi_format(path, sizeof(path), "%s%s", base, group) >= sizeof(path))
        return quota(base);
    for (;;) {
        here = quota(path);
        least = COPI_MIN(least, here);
        slash = strrchr(path + base_len, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Is "cpu" in a list such as "cpu,cpuacct"? */
static bool has_cpu(const char *list)
{
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, "cpu", 3) == 0 && (p[3] == ',' || p[3] == '\0'))
            return true;
    }
    return false;
}

/* "0::/group" of version 2, "4:cpu,cpuacct:/group" of version 1; is cut up. */
static unsigned line_quota(char *line, const char *root)
{
    char base[PATH_BYTES];
    char *list = strchr(line, ':');
    char *group = list ? strchr(list + 1, ':') : NULL;

    if (!group)
        return UINT_MAX;
    *list++ = '\0';
    *group++ = '\0';
    if (*list == '\0')
        return smallest_quota(root, group, group_quota_v2);
    if (!has_cpu(list))
        return UINT_MAX;
    copi_format(base, sizeof(base), "%s/cpu", root);
    return smallest_quota(base, group, group_quota_v1);
}

unsigned copi_os_cpus_quota(const char *cgroup_file, const char *root)
{
    char text[4096];
    char *save = NULL;
    unsigned least = UINT_MAX;
    unsigned here;

    if (!read_text(cgroup_file, text, sizeof(text)))
        return UINT_MAX;
    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        here = line_quota(line, root);
        least = COPI_MIN(least, here);
    }
    return least;
}

/* The kernel refuses a mask smaller than its own; libc's fixed one ends at
 * 1024 cores. */
static unsigned affinity_cpus(void)
{
    unsigned char mask[MAX_CPUS / 8] COPI_ALIGNED(16) = {0};
    unsigned n = 0;

    if (sched_getaffinity(0, sizeof(mask), (cpu_set_t *)(void *)mask) != 0)
        return 1;
    for (size_t i = 0; i < sizeof(mask); i++)
        n += (unsigned)__builtin_popcount(mask[i]);
    return COPI_MAX(n, 1u);
}

unsigned copi_os_cpus(void)
{
    unsigned quota = copi_os_cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup");

    return COPI_MIN(affinity_cpus(), quota);
}
