/* SPDX-License-Identifier: MIT
 *
 * check.c - many scenarios against their stored traces.
 *
 * Each runs in a process of its own, so that one that crashes or hangs is one
 * failure; as many at once as there are processors. They are forked before this
 * process has any other thread. What fails is said at once.
 */
#include "tests/conformance/run.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATHS_MAX = 8192, PATH_BYTES = 1024, DIFF_LINES = 24 };
enum { JOBS_MAX = 8, HUNG_MAX = 3 };

/* A scenario that runs; pid 0: none does here. */
struct run {
    const char *path;
    FILE *out;
    pid_t pid;
};

struct check {
    unsigned workers;
    int seconds;
    int passed, failed, skipped, hung;
    int jobs, running;
    struct run runs[JOBS_MAX];
    int n;
    char *path[PATHS_MAX];
};

/* ------------------------------------------------------------- scenarios -- */

static bool is_scenario(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".scn") == 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(struct check *c, const char *folder, const char *name)
{
    char path[PATH_BYTES];

    if (c->n == PATHS_MAX)
        return;
    snprintf(path, sizeof path, "%s%s%s", folder, folder[0] ? "/" : "", name);
    c->path[c->n] = strdup(path);
    if (c->path[c->n] != NULL)
        c->n++;
}

static bool add_folder(struct check *c, const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    int from = c->n;

    if (d == NULL)
        return false;
    while ((e = readdir(d)) != NULL)
        if (is_scenario(e->d_name))
            add_path(c, folder, e->d_name);
    closedir(d);
    qsort(c->path + from, (size_t)(c->n - from), sizeof c->path[0], by_text);
    return true;
}

/* ----------------------------------------------------------- differences -- */

/* How many lines a[i..] and b[j..] have in common, in order, for all i, j. */
static int *common_lines(const struct lines *a, const struct lines *b)
{
    size_t w = (size_t)b->n + 1;
    int *t = calloc(((size_t)a->n + 1) * w, sizeof *t);

    if (t == NULL)
        return NULL;
    for (int i = a->n - 1; i >= 0; i--) {
        for (int j = b->n - 1; j >= 0; j--) {
            int *at = &t[(size_t)i * w + (size_t)j];
            if (strcmp(a->line[i], b->line[j]) == 0)
                *at = at[w + 1] + 1;
            else
                *at = at[1] > at[w] ? at[1] : at[w];
        }
    }
    return t;
}

static void print_header_before(const struct lines *want, int i)
{
    while (i > 0 && strncmp(want->line[i], "> ", 2) != 0)
        i--;
    if (i < want->n)
        printf("    %s\n", want->line[i]);
}

static void print_difference(const struct lines *want, const struct lines *got)
{
    int *common = common_lines(want, got);
    size_t w = (size_t)got->n + 1;
    int i = 0;
    int j = 0;
    int shown = 0;

    while (common != NULL && (i < want->n || j < got->n) &&
           shown < DIFF_LINES) {
        const int *at = &common[(size_t)i * w + (size_t)j];
        if (i < want->n && j < got->n &&
            strcmp(want->line[i], got->line[j]) == 0) {
            i++;
            j++;
            continue;
        }
        if (shown == 0)
            print_header_before(want, i < want->n ? i : want->n - 1);
        if (j == got->n || (i < want->n && at[w] >= at[1]))
            printf("  - %s\n", want->line[i++]);
        else
            printf("  + %s\n", got->line[j++]);
        shown++;
    }
    free(common);
}

static bool is_equal(const struct lines *a, const struct lines *b)
{
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->line[i], b->line[i]) != 0)
            return false;
    return true;
}

/* --------------------------------------------------------------- judging -- */

/* Runs it apart from this process, with its output in r->out. */
static bool launch(const struct check *c, struct run *r)
{
    fflush(stdout);
    r->out = tmpfile();
    r->pid = r->out != NULL ? fork() : -1;
    if (r->pid == 0) {
        alarm((unsigned)c->seconds);
        if (dup2(fileno(r->out), STDOUT_FILENO) < 0)
            _exit(1);
        exit(run_scenario(r->path, c->workers));
    }
    if (r->pid < 0 && r->out != NULL)
        fclose(r->out);
    return r->pid > 0;
}

static bool is_as_expected(const char *path, FILE *got, int status)
{
    char trace[PATH_BYTES];
    struct lines want = {0};
    struct lines have = {0};
    FILE *f;
    bool ok = false;

    snprintf(trace, sizeof trace, "%.*s.trace", (int)strlen(path) - 4, path);
    f = fopen(trace, "r");
    if (f != NULL && canon_lines(&want, f, path) &&
        canon_lines(&have, got, path))
        ok = status == 0 && is_equal(&want, &have);
    if (!ok) {
        printf("FAIL %s%s\n", path, f == NULL ? ": no trace" : "");
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
            puts("  (took too long)");
        else if (WIFSIGNALED(status))
            printf("  (signal %d)\n", WTERMSIG(status));
        else if (status != 0)
            printf("  (status %d)\n", WEXITSTATUS(status));
        print_difference(&want, &have);
        fflush(stdout);
    }
    canon_free(&want);
    canon_free(&have);
    if (f != NULL)
        fclose(f);
    return ok;
}

/* One of those that run has ended. */
static void judge(struct check *c, struct run *r, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        c->skipped++;
    else if (is_as_expected(r->path, r->out, status))
        c->passed++;
    else
        c->failed++;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        c->hung++;
    fclose(r->out);
    r->pid = 0;
}

/* ---------------------------------------------------------- side by side -- */

static struct run *find_run(struct check *c, pid_t pid)
{
    for (int i = 0; i < c->jobs; i++)
        if (c->runs[i].pid == pid)
            return &c->runs[i];
    return NULL;
}

/* Waits for any. */
static void await_one(struct check *c)
{
    int status = 0;
    pid_t pid = waitpid(-1, &status, 0);
    struct run *r = pid > 0 ? find_run(c, pid) : NULL;

    if (r == NULL)
        return;
    judge(c, r, status);
    c->running--;
}

static void start_one(struct check *c, const char *path)
{
    struct run *r;

    while (c->running == c->jobs)
        await_one(c);
    r = find_run(c, 0);
    r->path = path;
    if (launch(c, r)) {
        c->running++;
        return;
    }
    r->pid = 0;
    c->failed++;
    printf("FAIL %s: cannot be run\n", path);
}

/* All with so many workers. When some hang the rest would take too long. */
static void check_with(struct check *c, unsigned workers)
{
    int i = 0;

    c->workers = workers;
    for (; i < c->n && c->hung < HUNG_MAX; i++)
        start_one(c, c->path[i]);
    while (c->running > 0)
        await_one(c);
    if (i < c->n)
        printf("FAIL: %d scenarios are not tried, as %d took too long\n",
               c->n - i, c->hung);
    c->failed += c->n - i;
}

static void collect(struct check *c, char *const *paths, int n)
{
    for (int i = 0; i < n; i++) {
        if (is_scenario(paths[i])) {
            add_path(c, "", paths[i]);
        } else if (!add_folder(c, paths[i])) {
            printf("FAIL %s: cannot be read\n", paths[i]);
            c->failed++;
        }
    }
}

static int jobs_of_machine(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (int)n;
}

int check_all(char *const *paths, int n, const char *workers, int seconds)
{
    struct check *c = calloc(1, sizeof *c);
    bool ok;

    if (c == NULL)
        return 1;
    c->seconds = seconds;
    c->jobs = jobs_of_machine();
    collect(c, paths, n);
    for (const char *w = workers; w != NULL; w = strchr(w, ',')) {
        w += *w == ',';
        check_with(c, (unsigned)atoi(w));
    }
    for (int i = 0; i < c->n; i++)
        free(c->path[i]);
    if (c->skipped > 0)
        printf("%d skipped\n", c->skipped);
    printf("%d passed, %d failed\n", c->passed, c->failed);
    ok = c->failed == 0 && c->passed > 0;
    free(c);
    return ok ? 0 : 1;
}
