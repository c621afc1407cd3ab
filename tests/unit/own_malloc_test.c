/* SPDX-License-Identifier: MIT
 *
 * own_malloc_test.c - cop_opts.own_malloc: where plain malloc takes its blocks
 * in such an actor, and that they go with it; what does not.
 *
 * No ck_assert in these actors: it writes to a stream of the check library,
 * whose buffer it might be the first to need. They note what they see instead.
 */
#include <coppice/memory.h>

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/memory/arena.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/stdio.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"

#include <regex.h>
#include <unistd.h>

enum { TAG_GO = 1, TAG_BLOCK };

/* No compiler sees through it. */
static void *(*volatile take)(size_t) = malloc;

static cop_pid start_with(cop_fn fn, void *arg, cop_opts opts)
{
    cop_pid pid;
    opts.own_malloc = true;
    ck_assert_int_eq(cop_spawn(&pid, fn, arg, &opts), 0);
    return pid;
}

static void down_is(cop_ref ref, const char *want)
{
    const cop_msg *m;
    char why[COP_REASON_TEXT];
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    ck_assert_msg(strncmp(why, want, strlen(want)) == 0, "%s, not %s", why,
                  want);
}

/* Runs it in such an actor. */
static void ends_so(cop_fn fn, void *arg, cop_opts opts, const char *want)
{
    cop_ref ref;
    opts.monitor = &ref;
    (void)start_with(fn, arg, opts);
    down_is(ref, want);
}

static void runs(cop_fn fn, void *arg)
{
    ends_so(fn, arg, (cop_opts){0}, "normal");
}

#ifdef NATIVE_SANITIZED

static void unsupported_body(void *arg)
{
    cop_opts opts = {.own_malloc = true};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, unsupported_body, NULL, &opts),
                     COP_ENOTSUP);
    (void)start_with;
    (void)runs;
}

KID_TEST(is_not_supported, unsupported_body)

static const TTest *const cases[] = {is_not_supported};

#else

#include <dirent.h>
#include <jemalloc/jemalloc.h>

/* The pool gets the arena back after the DOWN is sent. */
static void all_are_back(void)
{
    for (int i = 0; i < 1000 && copi_arena_taken() > 0; i++)
        cop_sleep(COP_MS);
    ck_assert_uint_eq(copi_arena_taken(), 0);
}

static uint32_t my_arena(void)
{
    return copi_here_actor()->heap->arena;
}

static bool is_mine(const void *p)
{
    return copi_arena_has(my_arena(), p);
}

/* ----------------------------------------------------------------- where -- */

static void libraries(void)
{
    char *text = NULL;
    regex_t r;
    int n = asprintf(&text, "%d and %s", 1, "more");
    note("asprintf %d %d", n, is_mine(text));
    size_t before = copi_arena_bytes(my_arena());
    n = regcomp(&r, "^(a|b)*c[0-9]+$", REG_EXTENDED);
    n += regexec(&r, "abbac42", 0, NULL, 0);
    note("regex %d %d", n, copi_arena_bytes(my_arena()) > before);
}

static void takes(const char *when)
{
    void *p[] = {malloc(10),  calloc(3, 10),         realloc(NULL, 100),
                 strdup("x"), aligned_alloc(64, 64), malloc(1 << 20)};
    int mine = 0;
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
        mine += p[i] != NULL && is_mine(p[i]);
    note("%s %d", when, mine);
}

static void job(void *arg)
{
    void *p = calloc(1, 100);
    note("job %d", p != NULL && copi_arena_has(*(uint32_t *)arg, p));
}

static void not_there(void)
{
    void *p[] = {cop_common_malloc(100),
                 cop_common_calloc(10, 10),
                 cop_common_realloc(cop_common_malloc(1), 5000),
                 cop_alloc(100),
                 cop_alloc(10000),
                 copi_mem_alloc(4000),
                 copi_mem_zalloc(4000),
                 copi_mem_alloc_aligned(64, 64)};
    int mine = 0;
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
        mine += p[i] == NULL || is_mine(p[i]);
    note("others %d", mine);
    free(p[0]);
    free(p[1]);
    free(p[2]);
    copi_mem_free(p[5], 4000);
    copi_mem_free(p[6], 4000);
    copi_mem_free(p[7], 64);
}

static void everywhere(void *arg)
{
    uint32_t arena = my_arena();
    (void)arg;
    takes("first");
    libraries();
    cop_yield();
    takes("yielded");
    cop_sleep(COP_MS);
    takes("slept");
    (void)!cop_blocking(job, &arena);
    takes("blocked");
    not_there();
}

static void where_body(void *arg)
{
    (void)arg;
    runs(everywhere, NULL);
    notes_are("first 6|asprintf 10 1|regex 0 1|yielded 6|slept 6|job 1|"
              "blocked 6|others 0|");
    all_are_back();
}

KID_TEST(all_mallocs_are_its_own, where_body)

/* A neighbour on the same worker, between its turns. */
static void neighbour(void *arg)
{
    const uint32_t *arena = arg;
    int wrong = 0;
    for (int i = 0; i < 100; i++) {
        void *p = calloc(1, 64);
        wrong += copi_arena_has(*arena, p);
        cop_yield();
        free(p);
    }
    note("wrong %d", wrong);
}

static void alternates(void *arg)
{
    cop_ref ref;
    uint32_t arena = my_arena();
    const cop_msg *m;
    int wrong = 0;
    (void)arg;
    cop_opts opts = {.monitor = &ref};
    (void)!cop_spawn(NULL, neighbour, &arena, &opts);
    for (int i = 0; i < 100; i++) {
        void *p = calloc(1, 64);
        wrong += !is_mine(p);
        cop_yield();
        if (i % 2 == 0)
            free(p);
    }
    (void)!cop_recv_ref(&m, ref, COP_FOREVER);
    note("mine wrong %d", wrong);
}

static void neighbour_body(void *arg)
{
    (void)arg;
    runs(alternates, NULL);
    notes_are("wrong 0|mine wrong 0|");
}

static const cop_config one_worker = {.workers = 1};

START_TEST(others_are_not_in_it)
{
    actor_test(neighbour_body, &one_worker);
}
END_TEST

/* A neighbour's free pages stay where they are: its own purges would show as a
 * fall to nothing. */
static unsigned usual_arena(void)
{
    unsigned arena = 0;
    size_t n = sizeof arena;
    ck_assert_int_eq(mallctl("thread.arena", &arena, &n, NULL, 0), 0);
    return arena;
}

/* What the allocator says of an arena now. */
static void ask(const char *what, unsigned arena, void *out, size_t size)
{
    uint64_t epoch = 1;
    char name[64];
    snprintf(name, sizeof name, "stats.arenas.%u.%s", arena, what);
    ck_assert_int_eq(mallctl("epoch", NULL, NULL, &epoch, sizeof epoch), 0);
    ck_assert_int_eq(mallctl(name, out, &size, NULL, 0), 0);
}

static size_t dirty_pages(unsigned arena)
{
    size_t pages = 0;
    ask("pdirty", arena, &pages, sizeof pages);
    return pages;
}

/* The keeper is a thread, which begins when the system has time for it. */
static void keeper_is_in(unsigned arena)
{
    unsigned threads = 0;
    for (int i = 0; i < 10000 && threads < 2; i++) {
        cop_sleep(COP_MS);
        ask("nthreads", arena, &threads, sizeof threads);
    }
    ck_assert_uint_ge(threads, 2);
}

static void leaves_pages(void)
{
    void *p[40];
    for (int i = 0; i < 40; i++)
        p[i] = memset(take(65536), 1, 65536);
    for (int i = 0; i < 40; i++)
        free(p[i]);
}

static void visits(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        free(take(100));
        cop_yield();
    }
}

static void keeper_body(void *arg)
{
    (void)arg;
    runs(visits, NULL); /* the keeper comes with the first visit */
    unsigned arena = usual_arena();
    keeper_is_in(arena);
    leaves_pages();
    size_t before = dirty_pages(arena);
    runs(visits, NULL);
    ck_assert_uint_gt(before, 100);
    ck_assert_uint_gt(dirty_pages(arena), before / 2);
}

START_TEST(neighbours_keep_their_pages)
{
    actor_test(keeper_body, &one_worker);
}
END_TEST

/* --------------------------------------------------------------- callbacks */

static int in_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    takes("init");
    return 0;
}

static void in_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    takes("message");
    cop_exit(cop_because("enough"));
}

static void in_terminate(void *state, cop_reason why)
{
    (void)state;
    (void)why;
    takes("terminate");
}

static void callbacks_body(void *arg)
{
    static const cop_handler h = {
        .init = in_init, .message = in_message, .terminate = in_terminate};
    cop_ref ref;
    cop_opts opts = {.own_malloc = true, .monitor = &ref};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn_handler(&pid, &h, NULL, &opts), 0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    down_is(ref, "enough");
    notes_are("init 6|message 6|terminate 6|");
    all_are_back();
}

KID_TEST(callbacks_too, callbacks_body)

/* ---------------------------------------------------------------- deaths -- */

static void *volatile null;

static void returns(void) {}
static void exits(void)
{
    cop_exit(cop_because("boom"));
}
static void waits(void)
{
    cop_sleep_until(COP_FOREVER);
}
static void reads_null(void)
{
    *(volatile char *)null = 1;
}
static void aborts(void)
{
    abort();
}
/* It can be interrupted in here, but not in the allocator. */
static void work(void)
{
    for (volatile int i = 0; i < 1000; i++)
        ;
}
static void loops(void)
{
    for (;;) {
        free(take(100));
        work();
    }
}
static void grows_for_ever(void)
{
    for (;;) {
        (void)!take(10000);
        work();
    }
}
static void grows_and_yields(void)
{
    for (;;) {
        (void)!take(10000);
        cop_yield();
    }
}
static void grows_in_a_job(void *arg)
{
    (void)arg;
    (void)!take(8 << 20);
}
static void grows_beside(void)
{
    (void)!cop_blocking(grows_in_a_job, NULL);
    note("went on");
}

static const struct way {
    void (*die)(void);
    const char *reason;
} ways[] = {
    {returns, "normal"},
    {exits, "boom"},
    {waits, "killed"},
    {loops, "killed"},
    {reads_null, "{fault, SIGSEGV"},
    {aborts, "{fault, abort}"},
    {grows_for_ever, "{limit, \"memory\"}"},
    {grows_and_yields, "{limit, \"memory\"}"},
    {grows_beside, "{limit, \"memory\"}"},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void lives(void *arg)
{
    const struct way *way = arg;
    for (int i = 0; i < 50; i++)
        memset(take((size_t)(i + 1) * 100), i, (size_t)(i + 1) * 100);
    way->die();
}

static void dies_so(const struct way *way)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref, .memory_max = 4 << 20};
    cop_pid pid = start_with(lives, (void *)(uintptr_t)way, opts);
    if (way->die == waits || way->die == loops) {
        cop_sleep(20 * COP_MS);
        ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    }
    down_is(ref, way->reason);
}

static void deaths_body(void *arg)
{
    (void)arg;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < WAYS; i++)
            dies_so(&ways[i]);
    all_are_back();
    ck_assert_uint_gt(copi_arena_idle(), 0);
    /* one after the other, they all had the same few */
    ck_assert_uint_le(copi_arena_idle(), 8);
    notes_are("");
}

START_TEST(however_it_dies)
{
    static const cop_config two = {.workers = 2};
    actor_test(deaths_body, &two);
}
END_TEST

/* An arena that comes back is empty. */
static void is_empty(void *arg)
{
    note("empty %d", copi_arena_bytes(my_arena()) == 0);
    free(take(1));
    lives(arg);
}

static void empty_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        ends_so(is_empty, (void *)(uintptr_t)&ways[1], (cop_opts){0}, "boom");
        all_are_back();
    }
    notes_are("empty 1|empty 1|empty 1|");
}

KID_TEST(the_next_one_finds_it_empty, empty_body)

/* -------------------------------------------------------- what survives -- */

static void echoes(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0)
        note("child has %s", (const char *)cop_msg_body(m));
}

static cop_pid to, child;

static void leaves_behind(void *arg)
{
    static char big[100000];
    static const char name[] = "heir";
    cop_opts opts = {.label = "child", .name = name, .arg_bytes = 6};
    (void)arg;
    memset(big, 'b', sizeof big);
    char *own = strdup("hello");
    (void)!cop_spawn(&child, echoes, own, &opts);
    (void)!cop_send(child, TAG_GO, own, 6);
    (void)!cop_send(to, TAG_BLOCK, own, 6);
    (void)!cop_send(to, TAG_BLOCK, big, sizeof big);
    (void)!cop_send_after(NULL, COP_MS, to, TAG_BLOCK, own, 6);
    char *given = cop_common_malloc(6);
    memcpy(given, "given", 6);
    cop_msg *m;
    (void)!cop_msg_new_moved(&m, TAG_BLOCK, given, 6, NULL);
    (void)!cop_send_msg(to, m);
    reads_null();
}

static void is_body(const char *want, size_t size)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, TAG_BLOCK, COP_FOREVER), 0);
    ck_assert_uint_eq(cop_msg_size(m), size);
    if (want != NULL)
        ck_assert_str_eq(cop_msg_body(m), want);
    else
        for (size_t i = 0; i < size; i++)
            ck_assert_int_eq(((const char *)cop_msg_body(m))[i], 'b');
}

static void survive_body(void *arg)
{
    (void)arg;
    to = cop_self();
    ends_so(leaves_behind, NULL, (cop_opts){0}, "{fault, SIGSEGV");
    all_are_back();
    runs(lives, (void *)(uintptr_t)&ways[0]); /* the arena is written over */
    is_body("hello", 6);
    is_body(NULL, 100000);
    is_body("given", 6);
    settle();
    notes_are("child has hello|");
    ck_assert(cop_pid_eq(cop_whereis("heir"), child));
    ck_assert_int_eq(cop_send(child, TAG_GO, "again", 6), 0);
    settle();
    notes_are("child has again|");
}

KID_TEST(what_it_gave_away_survives, survive_body)

/* Blocks of its own in its own mailbox. */
static void free_block(void *p, size_t size)
{
    (void)size;
    free(p);
}

static uint32_t arena_of_sender;

static void sends_itself(void *arg)
{
    (void)arg;
    arena_of_sender = my_arena();
    for (int i = 0; i < 100; i++) {
        cop_msg *m;
        (void)!cop_msg_new_moved(&m, TAG_BLOCK, malloc(64), 64, free_block);
        (void)!cop_send_msg(cop_self(), m);
    }
}

static void mailbox_body(void *arg)
{
    (void)arg;
    runs(sends_itself, NULL);
    all_are_back();
    void *p[200];
    for (int i = 0; i < 200; i++) {
        p[i] = take(64);
        ck_assert(!copi_arena_has(arena_of_sender, p[i]));
    }
    for (int i = 0; i < 200; i++)
        free(p[i]);
}

START_TEST(its_mailbox_goes_with_it)
{
    actor_test(mailbox_body, &one_worker);
}
END_TEST

/* --------------------------------------------------------------- streams -- */

static int left_fd;

static void leaves_streams(void *arg)
{
    FILE *f = fopen("/dev/null", "w");
    FILE *g = fopen("/dev/zero", "r");
    (void)arg;
    (void)!fputs("never written", f);
    (void)!getc(g);
    flockfile(f);
    left_fd = fileno(f);
    reads_null();
}

/* Its number may be somebody else's by now. */
static bool is_open(void)
{
    char name[64], target[64] = "";
    snprintf(name, sizeof name, "/proc/self/fd/%d", left_fd);
    ssize_t n = readlink(name, target, sizeof target - 1);
    return n > 0 && strcmp(target, "/dev/null") == 0;
}

static void streams_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        ends_so(leaves_streams, NULL, (cop_opts){0}, "{fault, SIGSEGV");
        all_are_back();
        ck_assert(!is_open());
        runs(lives, (void *)(uintptr_t)&ways[0]);
        ck_assert_int_eq(fflush(NULL), 0);
        FILE *f = fopen("/dev/null", "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(fclose(f), 0);
    }
}

KID_TEST(streams_are_closed, streams_body)

static const FILE *opened;
static int asked, asked_of_others;

static bool is_asked_of(uint32_t arena, const void *p)
{
    (void)arena;
    asked += p == opened;
    asked_of_others += p == stdin || p == stdout || p == stderr;
    return false;
}

/* An address that is not the allocator's may be a fault in it. */
START_TEST(it_is_asked_of_its_own_streams)
{
    FILE *f[] = {fopen("/dev/null", "r"), popen("true", "r"), tmpfile()};
    for (size_t i = 0; i < sizeof f / sizeof f[0]; i++) {
        ck_assert_ptr_nonnull(f[i]);
        opened = f[i];
        asked = 0;
        copi_stdio_forget(is_asked_of, 0);
        ck_assert_int_eq(asked, 1);
    }
    ck_assert_int_eq(asked_of_others, 0);
    fclose(f[0]);
    pclose(f[1]);
    fclose(f[2]);
}
END_TEST

/* ------------------------------------------------------------- accounting */

static void shows(void *arg)
{
    cop_info before, after;
    (void)arg;
    free(take(1));
    cop_yield();
    (void)!cop_info_get(cop_self(), &before);
    memset(take(1 << 20), 1, 1 << 20);
    (void)!cop_info_get(cop_self(), &after);
    note("more %d", after.memory_bytes >= before.memory_bytes + (1 << 20));
    note("much more %d", after.memory_bytes > before.memory_bytes + (2 << 20));
    waits();
}

static void info_body(void *arg)
{
    cop_info info;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    (void)arg;
    cop_pid pid = start_with(shows, NULL, opts);
    settle();
    notes_are("more 1|much more 0|");
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    ck_assert_uint_gt(info.memory_bytes, 1 << 20);
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    down_is(ref, "killed");
}

KID_TEST(its_memory_counts, info_body)

static void meets_limit(void *arg)
{
    (void)arg;
    (void)!take(1 << 20);
    (void)!cop_alloc(16);
    note("went on");
}

static void limit_body(void *arg)
{
    (void)arg;
    ends_so(meets_limit, NULL, (cop_opts){.memory_max = 1 << 20},
            "{limit, \"memory\"}");
    notes_are("");
    runs(meets_limit, NULL);
    notes_are("went on|");
}

KID_TEST(an_allocation_passes_the_limit, limit_body)

/* ------------------------------------------------------------------ pool -- */

static void waiting(void *arg)
{
    (void)arg;
    waits();
}

static void pool_body(void *arg)
{
    cop_opts opts = {.own_malloc = true};
    cop_pid pid[3];
    (void)arg;
    copi_arena_max = 2;
    ck_assert_int_eq(cop_spawn(&pid[0], waiting, NULL, &opts), 0);
    ck_assert_int_eq(cop_spawn(&pid[1], waiting, NULL, &opts), 0);
    ck_assert_int_eq(cop_spawn(&pid[2], waiting, NULL, &opts), COP_ELIMIT);
    ck_assert_int_eq(cop_exit_signal(pid[0], COP_KILL), 0);
    settle();
    ck_assert_int_eq(cop_spawn(&pid[2], waiting, NULL, &opts), 0);
    ck_assert_uint_eq(copi_arena_taken(), 2);
    opts.name = "";
    copi_arena_max = 3;
    ck_assert_int_eq(cop_spawn(NULL, waiting, NULL, &opts), COP_ENAME);
    opts.name = "taken";
    ck_assert_int_eq(cop_register("taken", cop_self()), 0);
    ck_assert_int_eq(cop_spawn(NULL, waiting, NULL, &opts), COP_ETAKEN);
    ck_assert_uint_eq(copi_arena_taken(), 2);
}

KID_TEST(there_are_so_many, pool_body)

static int threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void lives_and_ends(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++)
        free(take(100));
}

START_TEST(nothing_is_left_when_the_runtime_stops)
{
    cop_config config = {.workers = 2};
    cop_opts opts = {.own_malloc = true};
    int before = threads();

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(cop_start(&config), 0);
        for (int k = 0; k < 20; k++)
            ck_assert_int_eq(
                cop_spawn(NULL, k % 2 ? waiting : lives_and_ends, NULL, &opts),
                0);
        ck_assert_int_eq(cop_ext_quiesce(5 * COP_SEC), 0);
        ck_assert_int_gt(threads(), before + 3);
        ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
        ck_assert_int_eq(threads(), before);
        ck_assert_uint_eq(cop_ext_bytes_in_use(), 0);
        ck_assert_uint_eq(copi_arena_taken(), 0);
    }
}
END_TEST

static const TTest *const cases[] = {
    nothing_is_left_when_the_runtime_stops,
    all_mallocs_are_its_own,
    others_are_not_in_it,
    neighbours_keep_their_pages,
    callbacks_too,
    however_it_dies,
    the_next_one_finds_it_empty,
    what_it_gave_away_survives,
    its_mailbox_goes_with_it,
    streams_are_closed,
    it_is_asked_of_its_own_streams,
    its_memory_counts,
    an_allocation_passes_the_limit,
    there_are_so_many,
};

#endif

UNIT_MAIN("own malloc", cases)
