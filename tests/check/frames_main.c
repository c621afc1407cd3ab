/* SPDX-License-Identifier: MIT
 *
 * frames_main.c - starts the runtime from functions of several shapes; for
 * frames.sh, which compiles it in several ways.
 */
#include <coppice.h>
#include <stdlib.h>
#include <string.h>

static volatile int sink;

static void ends(void *arg)
{
    (void)arg;
    cop_exit(COP_NORMAL);
}

__attribute__((noinline)) static int calls(void)
{
    int rc = cop_run(ends, NULL, NULL);
    sink = rc;
    return rc;
}

__attribute__((noinline)) static int calls_in_tail(void)
{
    return cop_run(ends, NULL, NULL);
}

__attribute__((noinline)) static int calls_aligned(void)
{
    _Alignas(64) volatile char room[256];
    room[sink] = 1;
    int rc = cop_run(ends, NULL, NULL);
    return rc + room[sink] - 1;
}

__attribute__((noinline)) static int calls_with_room(int n)
{
    volatile char room[n];
    room[n - 1] = 1;
    int rc = cop_run(ends, NULL, NULL);
    return rc + room[n - 1] - 1;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int rc = 0;
    if (strcmp(how, "plain") == 0)
        rc = calls();
    else if (strcmp(how, "tail") == 0)
        rc = calls_in_tail();
    else if (strcmp(how, "aligned") == 0)
        rc = calls_aligned();
    else
        rc = calls_with_room(1000 + argc);
    /* once only */
    return rc != 0 ? rc : calls() + sink;
}
