/* SPDX-License-Identifier: MIT
 *
 * attach.c - finds programs that can be looked at, connects to them, fetches
 * their documents. A socket counts only in a folder that belongs to the owner
 * of the process and is closed to all others, so that nobody can pass for
 * another's program.
 */
#include "actors/tool/tool.h"
#include "actors/view.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, DOCUMENT_MAX = 1 << 28 };

/* ----------------------------------------------------------- connecting -- */

/* A descriptor, or minus errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err = 0;

    if (fd < 0)
        return -errno;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        err = -errno;
        close(fd);
    }
    return err != 0 ? err : fd;
}

static bool owner_of(int process, unsigned *uid)
{
    char path[32];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", process);
    if (stat(path, &st) != 0)
        return false;
    *uid = st.st_uid;
    return true;
}

/* A descriptor; minus errno of the socket that is there, or -ENOENT. */
static int find(int process, unsigned uid)
{
    char folder[COPI_VIEW_PATH], path[COPI_VIEW_PATH];
    int result = -ENOENT;

    for (unsigned nth = 0; copi_view_folder(folder, sizeof folder, nth, uid);
         nth++) {
        int fd;
        if (!copi_view_folder_is_safe(folder, uid) ||
            !copi_view_socket(path, sizeof path, folder, process))
            continue;
        fd = connect_to(path);
        if (fd >= 0)
            return fd;
        if (fd != -ENOENT && fd != -ECONNREFUSED)
            result = fd;
    }
    return result;
}

/* A descriptor; -1: said why. */
static int attach(int process)
{
    unsigned uid;
    int fd;

    if (!owner_of(process, &uid)) {
        tool_complain("no such process: %d", process);
        return -1;
    }
    fd = find(process, uid);
    if (fd >= 0)
        return fd;
    if (fd == -EACCES || (geteuid() != 0 && geteuid() != uid))
        tool_complain("process %d belongs to another user: permission denied",
                      process);
    else if (fd == -ENOENT)
        tool_complain("process %d has no live view: was it started without "
                      "COP_TOP=1?",
                      process);
    else
        tool_complain("process %d: cannot connect: %s", process, strerror(-fd));
    return -1;
}

/* ------------------------------------------------------------- fetching -- */

static bool await(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do
        n = poll(&p, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool ask(int fd, size_t actors_max)
{
    char line[64] = "info\n";
    size_t n;

    if (actors_max > 0)
        snprintf(line, sizeof line, "info %zu\n", actors_max);
    n = strlen(line);
    return await(fd, POLLOUT) && send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Room for more, with a byte to spare; NULL: no memory, or too much. */
static char *grow(char *text, size_t *room)
{
    size_t want = *room > 0 ? 2 * *room : 1 << 16;
    char *more = want <= DOCUMENT_MAX ? realloc(text, want + 1) : NULL;

    if (more == NULL) {
        free(text);
        return NULL;
    }
    *room = want;
    return more;
}

/* All up to the end of the stream; NULL: none came in time. */
static char *read_all(int fd)
{
    size_t room = 0, used = 0;
    char *text = grow(NULL, &room);

    while (text != NULL) {
        ssize_t n = await(fd, POLLIN) ? read(fd, text + used, room - used) : -1;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0 || (n == 0 && used == 0)) {
            free(text);
            return NULL;
        }
        if (n == 0) {
            text[used] = '\0';
            return text;
        }
        used += (size_t)n;
        if (used == room)
            text = grow(text, &room);
    }
    return NULL;
}

char *attach_fetch(int process, size_t actors_max)
{
    int fd = attach(process);
    char *text = NULL;

    if (fd < 0)
        return NULL;
    if (ask(fd, actors_max))
        text = read_all(fd);
    close(fd);
    if (text == NULL)
        tool_complain("process %d does not answer", process);
    return text;
}

/* -------------------------------------------------------------- listing -- */

static void print_program(int process)
{
    char path[32], name[64] = "?";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/comm", process);
    f = fopen(path, "r");
    if (f != NULL) {
        if (fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    printf("%8d  ", process);
    safe_print(stdout, name, 0);
    putchar('\n');
}

/* "123.sock": 123; else 0. */
static int process_of(const char *file)
{
    char *end;
    long n = strtol(file, &end, 10);

    if (file[0] < '1' || file[0] > '9' || strcmp(end, ".sock") != 0)
        return 0;
    return n < 1 << 30 ? (int)n : 0;
}

/* Removes what a process that did not end orderly has left. */
static size_t list_folder(const char *folder, unsigned uid)
{
    char path[COPI_VIEW_PATH];
    const struct dirent *e;
    size_t count = 0;
    DIR *d;

    if (!copi_view_folder_is_safe(folder, uid))
        return 0;
    d = opendir(folder);
    while (d != NULL && (e = readdir(d)) != NULL) {
        int process = process_of(e->d_name);
        int fd;
        if (process == 0 ||
            !copi_view_socket(path, sizeof path, folder, process))
            continue;
        fd = connect_to(path);
        if (fd >= 0) {
            close(fd);
            print_program(process);
            count++;
        } else if (fd == -ECONNREFUSED) {
            (void)unlink(path);
        }
    }
    if (d != NULL)
        closedir(d);
    return count;
}

static size_t list_user(unsigned uid, unsigned from)
{
    char first[COPI_VIEW_PATH], folder[COPI_VIEW_PATH];
    size_t count = 0;

    first[0] = '\0';
    for (unsigned nth = from; copi_view_folder(folder, sizeof folder, nth, uid);
         nth++) {
        if (strcmp(folder, first) != 0)
            count += list_folder(folder, uid);
        if (nth == 0)
            memcpy(first, folder, sizeof first);
    }
    return count;
}

/* For root: all who have a folder in /tmp. */
static size_t list_others(void)
{
    DIR *d = opendir("/tmp");
    const struct dirent *e;
    size_t count = 0;
    unsigned uid;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (sscanf(e->d_name, "coppice-%u", &uid) == 1 && uid != geteuid())
            count += list_user(uid, 1);
    if (d != NULL)
        closedir(d);
    return count;
}

int attach_list(void)
{
    size_t count = list_user(geteuid(), 0);

    if (geteuid() == 0)
        count += list_others();
    if (count == 0)
        fputs("no program with a live view (start one with COP_TOP=1)\n",
              stderr);
    return count > 0 ? EXIT_DONE : EXIT_FAILED;
}
