/* SPDX-License-Identifier: MIT
 *
 * common.c - what the stress programs share; see common.h.
 *
 * The watchdog is a plain thread and looks at one number only, so that it
 * works however the runtime hangs. It is also who prints progress, and only
 * to a terminal.
 */
#include "tests/stress/common.h"

#include <dirent.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_S 60

struct stress stress = {.name = "stress"};

static int64_t began;
static _Atomic uint64_t done_so_far;

int64_t stress_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

int64_t stress_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

double stress_seconds(void)
{
    return (double)(stress_now() - began) / 1e9;
}

void stress_nap(int64_t ns)
{
    struct timespec t = {ns / COP_SEC, ns % COP_SEC};

    nanosleep(&t, NULL);
}

int64_t stress_slow(void)
{
    const char *text = getenv("COP_TEST_SLOW");
    int64_t factor = text ? strtoll(text, NULL, 10) : 1;

    return factor > 0 ? factor : 1;
}

uint64_t stress_rnd(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t stress_stream(uint64_t which)
{
    uint64_t state = stress.seed ^ (which * 0xd6e8feb86659fd93u);

    return stress_rnd(&state);
}

/* ----------------------------------------------------------- the verdict -- */

static void dump_actors(void)
{
    static cop_pid pids[40];
    static cop_info info;
    char text[COP_PID_TEXT];
    size_t live = cop_actors(pids, 40);

    fprintf(stderr, "%zu actors live\n", live);
    for (size_t i = 0; i < live && i < 40; i++) {
        if (cop_info_get(pids[i], &info) != 0)
            continue;
        fprintf(stderr, "  %s %s %s/%s queue=%zu %s\n",
                cop_pid_str(pids[i], text, sizeof(text)), info.name,
                cop_status_str(info.status), cop_wait_str(info.wait),
                info.queue, info.label ? info.label : "");
    }
}

static void dump_counters(void)
{
    cop_counters c;

    cop_counters_get(&c);
#define COP_X(field) fprintf(stderr, #field "=%" PRIu64 " ", c.field);
    COP_COUNTERS(COP_X)
#undef COP_X
    fprintf(stderr, "queued=%" PRIu64 "\n", c.queued);
}

void stress_fail(const char *fmt, ...)
{
    static atomic_flag failing = ATOMIC_FLAG_INIT;
    va_list args;

    while (atomic_flag_test_and_set(&failing))
        stress_nap(COP_SEC);
    printf("%s: FAILED ", stress.name);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf(" n=%" PRIu64 " seed=%" PRIu64 " workers=%u seconds=%.2f\n",
           stress.n, stress.seed, stress.workers, stress_seconds());
    fflush(stdout);
    if (cop_is_running()) {
        dump_counters();
        dump_actors();
    }
    if (getenv("COP_STRESS_ABORT") != NULL)
        abort();
    _exit(1);
}

int stress_ok(const char *fmt, ...)
{
    va_list args;

    printf("%s: ok n=%" PRIu64 " seed=%" PRIu64 " ", stress.name, stress.n,
           stress.seed);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf(" seconds=%.2f\n", stress_seconds());
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---------------------------------------------------------- the watchdog -- */

void stress_beat(uint64_t done)
{
    /* Relaxed: only the number itself is looked at. */
    atomic_store_explicit(&done_so_far, done, memory_order_relaxed);
}

static void *watch(void *arg)
{
    bool tty = isatty(STDERR_FILENO) != 0;
    int64_t limit = SILENCE_S * stress_slow() * 4;
    uint64_t last = UINT64_MAX;
    int64_t quiet = 0;

    (void)arg;
    for (;;) {
        uint64_t done =
            atomic_load_explicit(&done_so_far, memory_order_relaxed);

        quiet = done == last ? quiet + 1 : 0;
        last = done;
        if (quiet > limit)
            stress_fail("no progress for %" PRId64 " s at %" PRIu64, limit / 4,
                        done);
        if (tty)
            fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 "\r", stress.name,
                    done, stress.n);
        stress_nap(COP_SEC / 4);
    }
    return NULL;
}

/* --------------------------------------------------------- the arguments -- */

static COP_NORETURN void usage(FILE *to, const char *about, int status)
{
    fprintf(to,
            "usage: %s [N] [--seed S] [--workers W] [--help]\n%s\n"
            "N is %" PRIu64 " unless given.\n",
            stress.name, about, stress.n);
    exit(status);
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

void stress_begin(int argc, char **argv, const char *about, uint64_t n_default)
{
    const char *slash = strrchr(argv[0], '/');
    uint64_t workers = 0;

    stress.name = slash ? slash + 1 : argv[0];
    stress.n = n_default;
    stress.seed = 1;
    for (int i = 1; i < argc; i++) {
        bool good;

        if (strcmp(argv[i], "--help") == 0)
            usage(stdout, about, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            good = ++i < argc && read_number(argv[i], &stress.seed);
        else if (strcmp(argv[i], "--workers") == 0)
            good = ++i < argc && read_number(argv[i], &workers);
        else
            good = read_number(argv[i], &stress.n);
        if (!good || workers > 256 || stress.n == 0)
            usage(stderr, about, 2);
    }
    stress.workers = (unsigned)workers;
    began = stress_now();
    pthread_detach(stress_thread(watch, NULL));
}

/* ----------------------------------------------------------- the runtime -- */

void stress_start(unsigned workers, const cop_config *more)
{
    cop_config config = {0};

    if (more != NULL)
        config = *more;
    config.workers = stress.workers != 0 ? stress.workers : workers;
    if (config.seed == 0)
        config.seed = stress.seed;
    STRESS_OK(cop_start(&config));
}

void stress_stop(void)
{
    static cop_stop_report report;
    int rc = cop_stop(cop_in(30 * stress_slow() * COP_SEC), &report);

    STRESS_CHECK(rc == 0 && report.left == 0, "stop: %s, %zu left: %s",
                 cop_error_str(rc), report.left, report.text);
}

struct errand {
    cop_fn fn;
    void *arg;
    _Atomic bool over; /* release, when it has ended; pairs with stress_run */
};

static void guard(void *arg)
{
    struct errand *e = arg;
    char why[COP_REASON_TEXT];
    cop_ref ref;
    cop_opts opts = {.monitor = &ref, .stack_bytes = 256 * 1024};
    const cop_msg *m;

    STRESS_OK(cop_spawn(NULL, e->fn, e->arg, &opts));
    STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    STRESS_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL,
                 "the leading actor ended with %s",
                 cop_reason_str(cop_msg_reason(m), why, sizeof(why)));
    atomic_store_explicit(&e->over, true, memory_order_release);
}

void stress_run(cop_fn fn, void *arg, _Atomic uint64_t *done)
{
    struct errand e = {.fn = fn, .arg = arg};

    STRESS_OK(cop_spawn(NULL, guard, &e, NULL));
    while (!atomic_load_explicit(&e.over, memory_order_acquire)) {
        stress_nap(COP_MS);
        stress_beat(atomic_load_explicit(done, memory_order_relaxed));
    }
}

/* ----------------------------------------------------------- warming up -- */

enum { CROWD = 16384, STUCK = 16, TAG_END = 1 };

static void end(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    cop_exit(COP_NORMAL);
}

static void be_stuck(void *arg)
{
    (void)arg;
    stress_nap(100 * COP_MS);
}

void stress_warm_up(void)
{
    static const cop_handler one_of_many = {.message = end};
    static cop_pid crowd[CROWD];
    static cop_ref crowd_ref[CROWD];
    cop_ref stuck[STUCK];
    const cop_msg *m;

    for (int i = 0; i < STUCK; i++)
        STRESS_OK(
            cop_spawn(NULL, be_stuck, NULL, &(cop_opts){.monitor = &stuck[i]}));
    for (int i = 0; i < CROWD; i++)
        STRESS_OK(cop_spawn_handler(
            &crowd[i], &one_of_many, NULL,
            &(cop_opts){.link = true, .monitor = &crowd_ref[i]}));
    for (int i = 0; i < CROWD; i++)
        STRESS_OK(cop_send(crowd[i], TAG_END, NULL, 0));
    for (int i = 0; i < CROWD; i++)
        STRESS_OK(cop_recv_ref(&m, crowd_ref[i], COP_FOREVER));
    for (int i = 0; i < STUCK; i++)
        STRESS_OK(cop_recv_ref(&m, stuck[i], COP_FOREVER));
}

/* ------------------------------------------------ the process from outside --
 */

/* Plain read() calls would need a buffer size; stdio's own buffer is freed
 * again, so that looking costs nothing that lasts. */
static size_t count_entries(const char *path)
{
    DIR *d = opendir(path);
    size_t entries = 0;

    if (d == NULL)
        return 0;
    while (readdir(d) != NULL)
        entries++;
    closedir(d);
    return entries;
}

size_t stress_rss(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    size_t total = 0, resident = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%zu %zu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

size_t stress_threads(void)
{
    return count_entries("/proc/self/task") - 2;
}
size_t stress_fds(void)
{
    return count_entries("/proc/self/fd") - 3;
}
size_t stress_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long inode;
    char line[4200];
    size_t n = 0;

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL)
        n += sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1 && inode == 0;
    fclose(f);
    return n;
}

pthread_t stress_thread(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    STRESS_CHECK(pthread_create(&t, NULL, fn, arg) == 0, "no thread");
    return t;
}

void stress_join(pthread_t t)
{
    STRESS_CHECK(pthread_join(t, NULL) == 0, "no join");
}
