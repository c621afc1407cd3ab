/* SPDX-License-Identifier: MIT
 *
 * main.c - `bench WORKLOAD N [WORKERS]`: runs one workload and prints one line,
 *
 *     workload=X peer=coppice n=OPS seconds=S ns_per_op=T peak_rss_kb=K
 *
 * Status 0: the result was checked and is right; 1: it was wrong; 2: bad
 * arguments; 3: there is no such workload.
 */
#include "tests/bench/bench.h"

#include <unistd.h>

static const struct workload {
    const char *name;
    unsigned n, quick;
    const char *op;
    bool is_scale;
    void (*run)(struct bench *b);
} workloads[] = {
#define COP_X(name, n, quick, op) {#name, n, quick, op, false, bench_##name},
    BENCH_WORKLOADS(COP_X)
#undef COP_X
#define COP_X(name, n, quick, op) {#name, n, quick, op, true, bench_##name},
        BENCH_SCALES(COP_X)
#undef COP_X
};

enum { COUNT = sizeof(workloads) / sizeof(workloads[0]) };

void bench_wrong(const char *file, int line, const char *what)
{
    fprintf(stderr, "FAILED %s:%d: %s\n", file, line, what);
    _exit(1);
}

void bench_begin(struct bench *b)
{
    b->began = cop_now();
}

void bench_end(struct bench *b, uint64_t ops)
{
    b->took_ns += cop_now() - b->began;
    b->ops += ops;
}

void bench_note(struct bench *b, const char *key, uint64_t value)
{
    size_t used = strlen(b->notes);

    (void)snprintf(b->notes + used, sizeof(b->notes) - used, "%s=%" PRIu64 " ",
                   key, value);
}

void bench_metric(struct bench *b, const char *key, double value)
{
    b->metric = key;
    b->value = value;
}

uint64_t bench_status_kb(const char *key)
{
    char line[128];
    uint64_t kb = 0;
    size_t length = strlen(key);
    FILE *f = fopen("/proc/self/status", "r");

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            kb = strtoull(line + length + 1, NULL, 10);
    fclose(f);
    return kb;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: bench WORKLOAD N [WORKERS]\n"
                "       bench --list     workloads that others have too\n"
                "       bench --scales   workloads that show how cost grows\n"
                "WORKERS is 2 unless given.\n");
}

static void list(bool scales)
{
    for (int i = 0; i < COUNT; i++)
        if (workloads[i].is_scale == scales)
            printf("%-24s %8u %8u %s\n", workloads[i].name, workloads[i].n,
                   workloads[i].quick, workloads[i].op);
}

static const struct workload *find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

struct errand {
    const struct workload *workload;
    struct bench *bench;
};

static void run(void *arg)
{
    struct errand *e = arg;

    e->workload->run(e->bench);
}

static int measure(const struct workload *w, struct bench *b)
{
    struct errand errand = {w, b};
    cop_config config = {.workers = b->workers};
    double ns;

    if (cop_run(run, &errand, &config) != 0 || b->ops == 0) {
        fprintf(stderr, "FAILED %s: main did not end orderly\n", w->name);
        return 1;
    }
    ns = (double)b->took_ns;
    printf("workload=%s peer=coppice n=%" PRIu64 " seconds=%.6f ", w->name,
           b->ops, ns / 1e9);
    if (b->metric != NULL)
        printf("%s=%.1f ", b->metric, b->value);
    else
        printf("ns_per_op=%.1f ", ns / (double)b->ops);
    printf("%speak_rss_kb=%" PRIu64 " workers=%u\n", b->notes,
           bench_status_kb("VmHWM"), b->workers);
    return fflush(stdout) == 0 ? 0 : 1;
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && *out > 0;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    const struct workload *w;
    uint64_t workers = 2;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list(false);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--scales") == 0) {
        list(true);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (argc < 3 || argc > 4 || !read_number(argv[2], &b.n) ||
        (argc == 4 && !read_number(argv[3], &workers)) || workers > 256) {
        usage(stderr);
        return 2;
    }
    w = find(argv[1]);
    if (w == NULL) {
        fprintf(stderr, "no workload %s; see --list, --scales\n", argv[1]);
        return 3;
    }
    b.workload = w->name;
    b.workers = (unsigned)workers;
    return measure(w, &b);
}
