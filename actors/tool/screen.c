/* SPDX-License-Identifier: MIT
 *
 * screen.c - the terminal that the table is on. However the tool ends, the
 * terminal is as it was before: signals that end it are only noted.
 */
#include "actors/tool/tool.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool is_open;
static volatile sig_atomic_t is_over;

static void on_signal(int n)
{
    (void)n;
    is_over = 1;
}

bool screen_is_terminal(void)
{
    return isatty(STDOUT_FILENO) != 0;
}

void screen_open(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    struct termios now;

    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return;
    now = before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    is_open = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

void screen_close(void)
{
    if (is_open)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    is_open = false;
}

void screen_size(size_t *lines, size_t *columns)
{
    struct winsize w;

    *lines = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0)
        return;
    if (w.ws_row > 0)
        *lines = w.ws_row;
    if (w.ws_col > 0)
        *columns = w.ws_col;
}

int screen_wait(int ms)
{
    struct pollfd p = {.fd = is_open ? STDIN_FILENO : -1, .events = POLLIN};
    char key;
    int n = is_over ? 0 : poll(&p, 1, ms);

    if (is_over)
        return 'q';
    if (n <= 0)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : 'q';
}
