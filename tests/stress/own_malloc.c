/* SPDX-License-Identifier: MIT
 *
 * own_malloc.c - n actors with a malloc of their own that die by every cause,
 * with all that they and libc's functions took still there.
 *
 * Each takes 50 blocks and more by malloc, strdup, asprintf, getline, regcomp
 * and an open stream, gives some of them back, sends a message and spawns a
 * child, and then returns, exits, is killed in the midst of it, or crashes.
 * Neighbours on the same workers, with plain malloc, meanwhile take, fill,
 * check and free blocks of theirs. Each message must come and be whole, each
 * child must answer; no byte of a neighbour's may change; and after a while the
 * process may not grow.
 */
#include "tests/stress/watched.h"

#include <coppice/memory.h>
#include <regex.h>

enum { AT_ONCE = 32, BLOCKS = 50, NEIGHBOURS = 4, HELD = 200 };
enum { TAG_WORDS = 1, TAG_ASK, WORDS = 300 };
enum { SLACK_RSS = 8 << 20 };

static _Atomic uint64_t died, heirs, interrupted, checked;
static _Atomic size_t rss_warm;
static atomic_bool halt;
static cop_pid leader;

/* ----------------------------------------------------------------- lives -- */

static void child(void *arg)
{
    (void)arg;
    cop_yield();
    atomic_fetch_add_explicit(&heirs, 1, memory_order_relaxed);
}

static void call_libraries(uint64_t number)
{
    static const char line[] = "one line of many bytes\n";
    char *text = NULL;
    size_t room = 0;
    regex_t r;
    FILE *f = fmemopen((void *)(uintptr_t)line, sizeof line - 1, "r");

    STRESS_CHECK(f != NULL && getline(&text, &room, f) == sizeof line - 1,
                 "getline");
    STRESS_CHECK(asprintf(&text, "%" PRIu64, number) > 0, "asprintf");
    STRESS_CHECK(regcomp(&r, "^([0-9]+|x*)$", REG_EXTENDED) == 0 &&
                     regexec(&r, text, 0, NULL, 0) == 0,
                 "regex");
    if (number % 2 == 0)
        regfree(&r);
    if (number % 3 == 0)
        fclose(f);
}

static void take_blocks(uint64_t *rnd)
{
    void *p[BLOCKS];

    for (int i = 0; i < BLOCKS; i++) {
        size_t n = stress_below(rnd, i % 16 == 0 ? 20000 : 400);
        p[i] = malloc(n);
        STRESS_CHECK(p[i] != NULL, "no memory");
        memset(p[i], 0xee, n);
        if (i % 5 == 4) {
            free(p[i - 2]);
            p[i - 1] = realloc(p[i - 1], 2 * n + 1);
        }
    }
}

static void leave_heirs(uint64_t number)
{
    uint64_t *words = malloc(WORDS * sizeof *words);

    for (int i = 0; i < WORDS; i++)
        words[i] = number;
    STRESS_OK(cop_send(leader, TAG_WORDS, words, WORDS * sizeof *words));
    STRESS_OK(cop_spawn(NULL, child, NULL, NULL));
}

static void until_killed(void)
{
    uint64_t rnd = 1;

    atomic_fetch_add_explicit(&interrupted, 1, memory_order_relaxed);
    for (;;) {
        void *p = malloc(stress_below(&rnd, 300));
        cop_yield();
        free(p);
    }
}

static void returns(void) {}

static void exits(void)
{
    cop_exit(cop_because("boom"));
}

#if !STRESS_INSTRUMENTED
static void *volatile null;

static void writes_null(void)
{
    *(volatile char *)null = 1;
}

static void aborts(void)
{
    abort();
}
#endif

static const struct way {
    void (*die)(void);
    const char *reason;
} ways[] = {
    {returns, "normal"},
    {exits, "boom"},
    {until_killed, "killed"},
    {until_killed, "signal"},
#if !STRESS_INSTRUMENTED
    {writes_null, "{fault, SIGSEGV, 0x0}"},
    {aborts, "{fault, abort}"},
#endif
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void owner(void *arg)
{
    uint64_t number = *(const uint64_t *)arg;
    uint64_t rnd = stress_stream(number);

    take_blocks(&rnd);
    leave_heirs(number);
    cop_yield();
    call_libraries(number);
    ways[number % WAYS].die();
}

/* ------------------------------------------------------------ neighbours -- */

static void look(const unsigned char *p, size_t n, int fill)
{
    for (size_t i = 0; i < n; i++)
        STRESS_CHECK(p[i] == fill, "byte %zu of %zu is %d, not %d", i, n, p[i],
                     fill);
    atomic_fetch_add_explicit(&checked, 1, memory_order_relaxed);
}

static void neighbour(void *arg)
{
    int fill = *(const int *)arg;
    uint64_t rnd = stress_stream((uint64_t)fill);
    unsigned char *p[HELD] = {0};
    size_t n[HELD] = {0};

    while (!atomic_load_explicit(&halt, memory_order_relaxed)) {
        size_t i = stress_below(&rnd, HELD);
        look(p[i], n[i], fill);
        free(p[i]);
        n[i] = stress_below(&rnd, 400);
        p[i] = malloc(n[i]);
        STRESS_CHECK(p[i] != NULL, "no memory");
        memset(p[i], fill, n[i]);
        cop_yield();
    }
    for (int i = 0; i < HELD; i++) {
        look(p[i], n[i], fill);
        free(p[i]);
    }
}

static void say_nothing(const char *line)
{
    (void)line;
}

/* ------------------------------------------------------------------ lead -- */

static void take_words(void)
{
    const cop_msg *m;

    STRESS_OK(cop_recv_tag(&m, TAG_WORDS, COP_FOREVER));
    const uint64_t *words = cop_msg_body(m);
    for (int i = 1; i < WORDS; i++)
        STRESS_CHECK(words[i] == words[0], "word %d is damaged", i);
}

static void end(const struct watched *w)
{
    const char *want = ways[w->number % WAYS].reason;
    char why[COP_REASON_TEXT];
    const cop_msg *m;

    if (ways[w->number % WAYS].die == until_killed)
        STRESS_OK(cop_exit_signal(w->pid, strcmp(want, "killed") == 0
                                              ? COP_KILL
                                              : cop_because("signal")));
    STRESS_OK(cop_recv_ref(&m, w->ref, COP_FOREVER));
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    STRESS_CHECK(strcmp(why, want) == 0, "%s, not %s", why, want);
}

static void lead(void *arg)
{
    static struct watched w[AT_ONCE];

    (void)arg;
    leader = cop_self();
    for (int i = 1; i <= NEIGHBOURS; i++) {
        cop_opts opts = {.arg_bytes = sizeof i};
        STRESS_OK(cop_spawn(NULL, neighbour, &i, &opts));
    }
    for (uint64_t i = 0; i < stress.n; i += AT_ONCE) {
        for (int k = 0; k < AT_ONCE; k++)
            watched_start(&w[k], owner, i + (uint64_t)k,
                          (cop_opts){.own_malloc = true});
        for (int k = 0; k < AT_ONCE; k++)
            take_words();
        for (int k = 0; k < AT_ONCE; k++)
            end(&w[k]);
        atomic_store(&died, i + AT_ONCE);
        if (atomic_load(&rss_warm) == 0 && i >= stress.n / 4)
            atomic_store(&rss_warm, stress_rss());
    }
    atomic_store(&halt, true);
}

static bool is_supported(void)
{
    cop_opts opts = {.own_malloc = true};
    int rc = cop_spawn(NULL, child, NULL, &opts);

    STRESS_CHECK(rc == 0 || rc == COP_ENOTSUP, "%s", cop_error_str(rc));
    return rc == 0;
}

int main(int argc, char **argv)
{
    cop_config config = {.log = say_nothing};
    size_t rss;

    stress_begin(argc, argv,
                 "N actors with a malloc of their own die by every cause.",
                 100000);
    stress_start(2, &config);
    if (!is_supported()) {
        stress_stop();
        return stress_ok("supported=0");
    }
    STRESS_OK(cop_ext_quiesce(10 * COP_SEC * stress_slow()));
    atomic_store(&heirs, 0);
    stress_run(lead, NULL, &died);
    STRESS_OK(cop_ext_quiesce(10 * COP_SEC * stress_slow()));
    rss = stress_rss();
    stress_stop();
    STRESS_CHECK(atomic_load(&heirs) == atomic_load(&died),
                 "%" PRIu64 " children of %" PRIu64, atomic_load(&heirs),
                 atomic_load(&died));
    STRESS_CHECK(stress.n < 1000 || atomic_load(&interrupted) > 0,
                 "all killed before they ran");
    STRESS_CHECK(stress.n < 10000 || rss < atomic_load(&rss_warm) + SLACK_RSS,
                 "resident %zu, was %zu", rss, atomic_load(&rss_warm));
    return stress_ok("deaths=%" PRIu64 " interrupted=%" PRIu64
                     " checked=%" PRIu64 " us_per_death=%.1f "
                     "rss_warm_kb=%zu rss_end_kb=%zu",
                     atomic_load(&died), atomic_load(&interrupted),
                     atomic_load(&checked),
                     stress_seconds() * 1e6 / (double)stress.n,
                     atomic_load(&rss_warm) >> 10, rss >> 10);
}
