/* SPDX-License-Identifier: MIT
 *
 * owned_test.c - what an actor owns is released however it dies, in its order:
 * after its clean-ups, which may still use it; things before anybody hears of
 * the death, blocks of memory after.
 */
#include <coppice/memory.h>

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"

#include <assert.h>

enum { TAG_GO = 1, BLOCK = 100000, BLOCKS = 20 };

/* ---------------------------------------------------------- ways to die -- */

static void returns(void) {}

static void exits(void)
{
    cop_exit(cop_because("boom"));
}

static void misuses(void)
{
    static _Alignas(16) char none[64];
    cop_free(none + 32);
}

static void waits(void)
{
    cop_sleep_until(COP_FOREVER);
}

static void kills_itself(void)
{
    ck_assert_int_eq(cop_exit_signal(cop_self(), COP_KILL), 0);
    waits();
}

static void exits_caught_before(void *arg)
{
    (void)arg;
    ck_assert_ptr_nonnull(cop_alloc(BLOCK));
    exits();
}

static void exits_after_a_catch(void)
{
    ck_assert_int_eq(cop_catch(exits_caught_before, NULL, NULL), COP_EFAILED);
    exits();
}

static void hibernated(void *arg)
{
    (void)arg;
    exits();
}

static void hibernates(void)
{
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
    cop_hibernate(hibernated, NULL);
}

#ifndef NATIVE_SANITIZED
static void *volatile null;
static volatile int zero, sink;

static void reads_null(void)
{
    sink = *(volatile int *)null;
}

static void divides(void)
{
    sink = 100 / zero;
}

static void copies_from_null(void)
{
    char to[64];
    memcpy(to, null, sizeof to + (size_t)zero);
    sink = to[0];
}

static void aborts(void)
{
    abort();
}

static void asserts(void)
{
    assert(zero == 1);
}

static void ends_process(void)
{
    exit(3);
}

static void ends_thread(void)
{
    pthread_exit(NULL);
}

__attribute__((noinline)) static int dives(volatile int *above)
{
    volatile int here[64];
    here[0] = *above + 1;
    return zero == 1 ? 0 : dives(here) + here[0];
}

static void overflows(void)
{
    volatile int start = 0;
    sink = dives(&start);
}

static void crashes_in_clean_up(void *arg)
{
    (void)arg;
    reads_null();
}

static void crashes_twice(void)
{
    ck_assert_int_eq(cop_defer(crashes_in_clean_up, NULL), 0);
    reads_null();
}
#endif

static const struct way {
    void (*die)(void);
    const char *reason; /* or its beginning */
} ways[] = {
    {returns, "normal"},
    {exits, "boom"},
    {misuses, "{badarg, \"cop_free"},
    {waits, "killed"},
    {kills_itself, "killed"},
    {exits_after_a_catch, "boom"},
    {hibernates, "boom"},
#ifndef NATIVE_SANITIZED
    {reads_null, "{fault, SIGSEGV"},
    {divides, "{fault, SIGFPE"},
    {copies_from_null, "{fault, SIGSEGV"},
    {aborts, "{fault, abort}"},
    {asserts, "{fault, assert"},
    {ends_process, "{fault, exit"},
    {ends_thread, "{fault, pthread_exit}"},
    {overflows, "{fault, stack_overflow}"},
    {crashes_twice, "{fault, SIGSEGV"},
#endif
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* ---------------------------------------------------------------- things -- */

struct thing {
    struct copi_owned owned;
    const char *name;
};

static void release(struct copi_owned *o)
{
    note("%s", ((struct thing *)(void *)o)->name);
}

static struct thing things[] = {
    {.owned.release = release, .name = "thing 1"},
    {.owned.release = release, .name = "thing 2"},
    {.owned.release = release, .name = "thing 3"},
};

static void own_things(void)
{
    struct copi_actor *a = copi_here_actor();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(copi_heap_own(a, &things[i].owned, (uint64_t)i), 0);
    ck_assert_int_eq(copi_heap_own(a, &things[1].owned, 1), COP_EPRESENT);
    ck_assert_ptr_null(copi_heap_disown(a, 3));
    ck_assert_ptr_eq(copi_heap_disown(a, 1), &things[1].owned);
    ck_assert_ptr_null(copi_heap_disown(a, 1));
}

/* ---------------------------------------------------------------- deaths -- */

static char *text;

static void looks_at_text(void *arg)
{
    (void)arg;
    note("clean-up %s", text);
    cop_free(text);
}

static void own_blocks(void)
{
    for (int i = 0; i < BLOCKS; i++)
        memset(cop_alloc(BLOCK), i, BLOCK);
    text = cop_strdup("sees it");
    ck_assert_ptr_nonnull(text);
}

static void lives(void *arg)
{
    const struct way *way = arg;
    own_blocks();
    own_things();
    ck_assert_int_eq(cop_defer(looks_at_text, NULL), 0);
    way->die();
}

static const cop_msg *down_of(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;
    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    return m;
}

static void dies_so(const struct way *way, const cop_opts *opts)
{
    cop_pid pid;
    char why[COP_REASON_TEXT];

    ck_assert_int_eq(cop_spawn(&pid, lives, (void *)(uintptr_t)way, opts), 0);
    if (way->die == waits) {
        settle();
        ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    }
    const cop_msg *m = down_of(pid);
    notes_are("clean-up sees it|thing 3|thing 1|");
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    if (cop_reason_kind(cop_msg_reason(m)) != COP_R_NOPROC)
        ck_assert_msg(strncmp(why, way->reason, strlen(way->reason)) == 0,
                      "%s, not %s", why, way->reason);
}

/* The blocks go after the DOWN was sent. */
static bool are_back(size_t before)
{
    for (int i = 0; i < 1000; i++) {
        if (cop_ext_bytes_in_use() < before + BLOCK / 2)
            return true;
        cop_sleep(COP_MS);
    }
    return false;
}

static void ways_body(void *arg)
{
    cop_opts limited = {.memory_max = 10 * BLOCK * BLOCKS};

    (void)arg;
    for (int i = 0; i < WAYS; i++)
        dies_so(&ways[i], NULL);
    size_t before = cop_ext_bytes_in_use();
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < WAYS; i++)
            dies_so(&ways[i], round % 2 ? &limited : NULL);
    ck_assert(are_back(before));
}

KID_TEST(however_it_dies, ways_body)

/* ------------------------------------------------------- handler actors -- */

static int stops_in_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    own_blocks();
    own_things();
    return 1;
}

static int owns_in_init(void *state, void *arg)
{
    (void)stops_in_init(state, arg);
    return 0;
}

static void dies_at_message(void *state, const cop_msg *m)
{
    (void)state;
    const struct way *way = *(const struct way *const *)cop_msg_body(m);
    ck_assert_uint_eq(cop_msg_size(m), sizeof way);
    way->die();
}

static void looks_at_its_end(void *state, cop_reason why)
{
    (void)state;
    (void)why;
    looks_at_text(NULL);
}

static void handlers_body(void *arg)
{
    static const cop_handler stops = {.init = stops_in_init};
    static const cop_handler owns = {.init = owns_in_init,
                                     .message = dies_at_message,
                                     .terminate = looks_at_its_end};
    size_t before = cop_ext_bytes_in_use();
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn_handler(&pid, &stops, NULL, NULL), 0);
    (void)down_of(pid);
    notes_are("thing 3|thing 1|");
    for (int i = 0; i < WAYS; i++) {
        const struct way *way = &ways[i];
        bool by_signal = way->die == waits || way->die == kills_itself;
        if (way->die == returns || way->die == hibernates)
            continue;
        ck_assert_int_eq(cop_spawn_handler(&pid, &owns, NULL, NULL), 0);
        settle();
        ck_assert_int_eq(cop_send(pid, TAG_GO, &way, sizeof way), 0);
        if (way->die == waits)
            ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
        (void)down_of(pid);
        notes_are(by_signal ? "thing 3|thing 1|"
                            : "clean-up sees it|thing 3|thing 1|");
    }
    ck_assert(are_back(before));
}

KID_TEST(handler_actors, handlers_body)

/* ---------------------------------------------- what others can see then -- */

static cop_pid named;
static struct copi_actor *dying;

static void release_looks(struct copi_owned *o)
{
    (void)o;
    note("name is %s", cop_pid_is_none(cop_whereis("owner")) ? "free" : "not");
    note("links are %s",
         copi_ordmap_is_empty(&dying->links) ? "told" : "there");
}

static void owns_and_waits(void *arg)
{
    static struct copi_owned looks = {.release = release_looks};
    (void)arg;
    dying = copi_here_actor();
    ck_assert_int_eq(copi_heap_own(dying, &looks, 1), 0);
    waits();
}

static void order_body(void *arg)
{
    cop_opts opts = {.name = "owner", .link = true};
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_spawn(&named, owns_and_waits, NULL, &opts), 0);
    settle();
    ck_assert_int_eq(cop_exit_signal(named, cop_because("boom")), 0);
    got_exit(named, "boom");
    notes_are("name is free|links are there|");
}

KID_TEST(after_names_before_links, order_body)

/* ------------------------------------------------ with the whole runtime -- */

static atomic_int owning;

static void owns_for_ever(void *arg)
{
    (void)arg;
    own_blocks();
    atomic_fetch_add(&owning, 1);
    waits();
}

START_TEST(when_the_runtime_stops)
{
    cop_config config = {.workers = 2};
    size_t bytes = 0;

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(cop_start(&config), 0);
        for (int k = 1; k <= 10; k++) {
            ck_assert_int_eq(cop_spawn(NULL, owns_for_ever, NULL, NULL), 0);
            while (atomic_load(&owning) < k)
                ;
        }
        atomic_store(&owning, 0);
        ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
        if (i > 0)
            ck_assert_uint_eq(cop_ext_bytes_in_use(), bytes);
        bytes = cop_ext_bytes_in_use();
    }
}
END_TEST

static const TTest *const cases[] = {
    however_it_dies,
    handler_actors,
    after_names_before_links,
    when_the_runtime_stops,
};
UNIT_MAIN("owned", cases)
