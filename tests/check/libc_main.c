/* SPDX-License-Identifier: MIT
 *
 * libc_main.c - a program that knows nothing of fault plans. Its actor reads,
 * writes, opens, waits and looks; main prints which of these failed in the
 * actor and which in main itself. With OWN_CONNECT it has a `connect` of its
 * own.
 */
#include <coppice.h>
#include <coppice/errno.h>

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef OWN_CONNECT
int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    (void)fd;
    (void)to;
    return n == 1 ? 0 : -1;
}
#endif

static volatile int flags = O_RDWR;
static volatile size_t one = 1;
static char failed[64];

static void note(bool ok, const char *letter)
{
    if (!ok && errno == EIO)
        strcat(failed, letter);
    errno = 0;
}

static void work(void *unused)
{
    char c[8];
    struct stat st;
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct pollfd none = {.fd = -1};
    (void)unused;
    int fd = open("/dev/zero", flags);
    note(fd >= 0, "o");
    if (fd < 0)
        fd = dup(0);
    note(read(fd, c, 1) == 1, "r");
    note(read(fd, c, one) == 1, "R");
    note(pread(fd, c, 1, 0) == 1, "p");
    note(write(fd, c, 1) == 1, "w");
    note(fstat(fd, &st) == 0, "s");
    note(poll(&none, one, 0) == 0, "P");
    note(connect(-1, &nobody, 1) == 0, "c");
    note(close(fd) == 0, "x");
}

static atomic_bool done;

static void act(void *unused)
{
    work(unused);
    atomic_store(&done, true);
}

int main(void)
{
    if (cop_start(NULL) != 0 || cop_spawn(NULL, act, NULL, NULL) != 0)
        return 1;
    while (!atomic_load(&done))
        usleep(1000);
    printf("actor: %s\n", failed);
    failed[0] = '\0';
    work(NULL);
    printf("main: %s\n", failed);
    return cop_stop(cop_in(5 * COP_SEC), NULL);
}
