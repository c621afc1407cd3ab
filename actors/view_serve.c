/* SPDX-License-Identifier: MIT
 *
 * view_serve.c - the socket of a live view, and one client at it.
 *
 * Clients are the user's own, or root: the folder keeps all others out, and
 * the socket asks the system who it is. Still one that is slow or stuck must
 * not hold up the rest for long, so each wait for it ends after PATIENCE_MS.
 */
#include "actors/view_serve.h"

#include <coppice/time.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, REQUEST_MAX = 64, PATIENCE_MS = 2000 };
enum { LIVELY_MS = 20 /* two slices, as they are by default */ };

/* ------------------------------------------------------------ listening -- */

static int open_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return COP_ESYS;
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* of an earlier process with our number */
    (void)unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        goto refused;
    if (chmod(path, S_IRUSR | S_IWUSR) != 0 || listen(fd, BACKLOG) != 0) {
        (void)unlink(path);
        goto refused;
    }
    return fd;
refused:
    close(fd);
    return COP_ESYS;
}

int copi_view_listen(char *path)
{
    char folder[COPI_VIEW_PATH];
    int fd = COP_ESYS;

    for (unsigned nth = 0; fd < 0 && nth < 2; nth++)
        if (copi_view_folder(folder, sizeof folder, nth, geteuid()) &&
            copi_view_folder_make(folder, geteuid()) &&
            copi_view_socket(path, COPI_VIEW_PATH, folder, (int)getpid()))
            fd = open_at(path);
    if (fd < 0)
        path[0] = '\0';
    return fd;
}

/* ------------------------------------------------------------ one client -- */

static bool is_allowed(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

/* False: it is not ready in time, or the view is to end. */
static bool await(int fd, short events, int wake)
{
    struct pollfd p[] = {{.fd = fd, .events = events},
                         {.fd = wake, .events = POLLIN}};
    int n;

    do
        n = poll(p, 2, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n > 0 && p[1].revents == 0;
}

static void send_all(int fd, int wake, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (done == 0 || (errno != EAGAIN && errno != EINTR) ||
                   !await(fd, POLLOUT, wake)) {
            return;
        }
    }
}

/* A line, without its end; false: none came. */
static bool read_line(int fd, int wake, char *line)
{
    size_t used = 0;

    while (used < REQUEST_MAX - 1 && await(fd, POLLIN, wake)) {
        ssize_t n = recv(fd, line + used, REQUEST_MAX - 1 - used, 0);
        char *end;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return false;
        used += (size_t)n;
        line[used] = '\0';
        end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

/* "info", "info N": how many actors; false: it is neither. */
static bool read_request(const char *line, size_t *actors_max)
{
    char *end;

    *actors_max = 0;
    if (strcmp(line, "info") == 0)
        return true;
    if (strncmp(line, "info ", 5) != 0 || line[5] < '0' || line[5] > '9')
        return false;
    *actors_max = strtoul(line + 5, &end, 10);
    return *end == '\0';
}

static void answer(int fd, int wake)
{
    struct copi_view_text t = {0};
    char line[REQUEST_MAX];
    size_t actors_max;

    if (!is_allowed(fd) || !read_line(fd, wake, line))
        return;
    if (!read_request(line, &actors_max))
        copi_view_add(&t, "{\"error\":\"no such request\"}\n");
    else if (copi_view_document(&t, actors_max, copi_view_may_ask()) != 0)
        t.used = 0;
    if (t.used > 0)
        send_all(fd, wake, t.bytes, t.used);
    free(t.bytes);
}

bool copi_view_serve_one(int listener, int wake)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    answer(fd, wake);
    close(fd);
    return true;
}

/* -------------------------------------------------- whether to ask actors --
 */

static bool clock_runs(void)
{
    cop_time before = cop_now();

    if (cop_now() == before)
        (void)poll(NULL, 0, 1);
    return cop_now() != before;
}

/* How many turns there were; *is_free: a worker is not in one. */
static uint64_t count_turns(bool *is_free)
{
    cop_worker_info w;
    uint64_t turns = 0;

    *is_free = false;
    for (unsigned i = 0; cop_worker_get(i, &w) == 0; i++) {
        turns += w.turns;
        *is_free = *is_free || !w.in_turn;
    }
    return turns;
}

static bool workers_go_on(void)
{
    bool is_free;
    uint64_t before = count_turns(&is_free);

    for (int i = 0; !is_free && i < LIVELY_MS; i++) {
        (void)poll(NULL, 0, 1);
        if (count_turns(&is_free) != before)
            return true;
    }
    return is_free;
}

bool copi_view_may_ask(void)
{
    return clock_runs() && workers_go_on();
}
