/* SPDX-License-Identifier: MIT
 *
 * view_place.c - where the sockets of live views are. In /tmp anybody may have
 * made a folder of that name before us: it serves only if it is a folder, no
 * link, and ours alone.
 */
#include "actors/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool fits(int n, size_t size)
{
    return n >= 0 && (size_t)n < size;
}

bool copi_view_folder(char *out, size_t size, unsigned nth, unsigned uid)
{
    const char *base = getenv("XDG_RUNTIME_DIR");

    switch (nth) {
    case 0:
        if (base == NULL || base[0] != '/' ||
            !fits(snprintf(out, size, "%s/coppice", base), size))
            out[0] = '\0';
        return true;
    case 1:
        return fits(snprintf(out, size, "/tmp/coppice-%u", uid), size);
    case 2:
        return fits(snprintf(out, size, "/run/user/%u/coppice", uid), size);
    default:
        return false;
    }
}

bool copi_view_folder_is_safe(const char *path, unsigned uid)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
           (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool copi_view_folder_make(const char *path, unsigned uid)
{
    (void)mkdir(path, S_IRWXU);
    return copi_view_folder_is_safe(path, uid);
}

bool copi_view_socket(char *out, size_t size, const char *folder, int process)
{
    return fits(snprintf(out, size, "%s/%d.sock", folder, process), size);
}
