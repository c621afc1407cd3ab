/* SPDX-License-Identifier: MIT
 *
 * startstop.c - the runtime is started and stopped over and over while foreign
 * threads go on using it; nothing hangs, nothing is left behind.
 *
 * Each round starts with a random number of workers, lets a few actors chatter,
 * and stops after a random while. Three foreign threads do not care: they send,
 * spawn, call, ask for names all the time, and are told COP_ESTOPPED when there
 * is no runtime. After each stop the runtime's own bytes in use are as before;
 * threads and descriptors are counted each time, mappings and resident memory
 * at the end against their figures after a warm-up.
 */
#include "tests/stress/common.h"

enum { FOREIGN = 3, CHATTY = 8, WARM = 20 };
enum { TAG_CHAT = 1, TAG_ASK };

static _Atomic bool halt;
static _Atomic uint64_t calls, refused, late, sends, spawns;
static const char *const names[CHATTY] = {"do", "re", "mi", "fa",
                                          "so", "la", "si", "ut"};

/* Relaxed: statistics. */
static void count(_Atomic uint64_t *p)
{
    atomic_fetch_add_explicit(p, 1, memory_order_relaxed);
}

/* ---------------------------------------------------------------- actors -- */

static void chat(uint64_t *rng)
{
    uint64_t to = stress_below(rng, CHATTY);

    (void)cop_send_name(names[to], TAG_CHAT, rng, sizeof(*rng));
}

static void chatter(const cop_msg *m)
{
    uint64_t rng = *(const uint64_t *)cop_msg_body(m);

    if (cop_msg_tag(m) == TAG_ASK) {
        (void)cop_reply(cop_msg_from(m), &rng, sizeof(rng));
        return;
    }
    (void)stress_rnd(&rng);
    chat(&rng);
}

static void coroutine(void *arg)
{
    uint64_t rng = stress_stream((uintptr_t)arg);
    cop_timer timer;
    const cop_msg *m;

    chat(&rng);
    STRESS_OK(cop_send_after(&timer, 100 * COP_US, cop_self(), TAG_CHAT, &rng,
                             sizeof(rng)));
    while (cop_recv(&m, COP_FOREVER) == 0)
        chatter(m);
}

static void handler_message(void *state, const cop_msg *m)
{
    (void)state;
    chatter(m);
}

static const cop_handler handler = {.message = handler_message};

static void brief(void *arg)
{
    const cop_msg *m;

    if (arg != NULL && cop_recv(&m, cop_in(COP_MS)) == 0)
        chatter(m);
}

/* ------------------------------------------------------- foreign threads -- */

static void judge(int rc, _Atomic uint64_t *good)
{
    if (rc >= 0)
        count(good);
    else if (rc == COP_ESTOPPED)
        count(&refused);
    else if (rc == COP_ENOPROC || rc == COP_EDOWN || rc == COP_ETIMEDOUT)
        count(&late);
    else
        stress_fail("a foreign call gave %s", cop_error_str(rc));
}

static void use(uint64_t *rng)
{
    const char *name = names[stress_below(rng, CHATTY)];
    uint64_t body = stress_rnd(rng), answer = 0;
    int rc;

    switch (stress_below(rng, 8)) {
    case 0:
        rc = cop_call_name(name, TAG_ASK, &body, sizeof(body), &answer,
                           sizeof(answer), cop_in(50 * COP_MS));
        STRESS_CHECK(rc < 0 || answer == body, "a wrong answer");
        judge(rc, &calls);
        break;
    case 1:
        judge(cop_spawn(NULL, brief, NULL, NULL), &spawns);
        break;
    case 2:
        judge(cop_spawn(NULL, brief, rng, NULL), &spawns);
        break;
    case 3:
        judge(cop_send(cop_whereis(name), TAG_CHAT, &body, sizeof(body)),
              &sends);
        break;
    default:
        judge(cop_send_name(name, TAG_CHAT, &body, sizeof(body)), &sends);
        stress_nap((int64_t)stress_below(rng, 20 * COP_US));
    }
}

static void *foreign(void *arg)
{
    uint64_t rng = stress_stream(77 + (uintptr_t)arg);

    while (!atomic_load_explicit(&halt, memory_order_relaxed))
        use(&rng);
    return NULL;
}

/* ------------------------------------------------------------------ main -- */

struct figures {
    size_t threads, fds, mappings, rss;
};

static struct figures look(void)
{
    return (struct figures){stress_threads(), stress_fds(), stress_mappings(),
                            stress_rss()};
}

static void one_round(uint64_t *rng)
{
    cop_opts opts = {0};

    stress_start(1 + (unsigned)stress_below(rng, 4), NULL);
    for (uintptr_t i = 0; i < CHATTY; i++) {
        opts.name = names[i];
        if (i % 2 == 0)
            STRESS_OK(cop_spawn(NULL, coroutine, (void *)i, &opts));
        else
            STRESS_OK(cop_spawn_handler(NULL, &handler, NULL, &opts));
    }
    if (stress_below(rng, 4) != 0)
        stress_nap((int64_t)stress_below(rng, 2 * COP_MS));
    stress_stop();
}

static void check_thin(struct figures was)
{
    struct figures is = look();

    STRESS_CHECK(is.mappings <= was.mappings + 64, "%zu mappings, were %zu",
                 is.mappings, was.mappings);
    STRESS_CHECK(is.rss <= was.rss + (16u << 20), "%zu bytes, were %zu", is.rss,
                 was.rss);
}

/* A foreign thread may hold a message for a moment that it cannot send. */
static void check_bytes(size_t were)
{
    size_t are = cop_ext_bytes_in_use();

    for (int i = 0; i < 1000 && are != were; i++) {
        stress_nap(COP_MS);
        are = cop_ext_bytes_in_use();
    }
    STRESS_CHECK(are == were, "%zu bytes in use, were %zu", are, were);
}

int main(int argc, char **argv)
{
    uint64_t rng;
    pthread_t threads[FOREIGN];
    struct figures warm = {0};
    size_t tasks, fds, bytes;

    stress_begin(argc, argv,
                 "N starts and stops under load of foreign threads.", 10000);
    rng = stress_stream(1);
    one_round(&rng);
    bytes = cop_ext_bytes_in_use();
    for (uintptr_t i = 0; i < FOREIGN; i++)
        threads[i] = stress_thread(foreign, (void *)i);
    tasks = stress_threads();
    fds = stress_fds();
    for (uint64_t i = 0; i < stress.n; i++) {
        one_round(&rng);
        STRESS_CHECK(stress_threads() == tasks, "%zu threads, were %zu",
                     stress_threads(), tasks);
        STRESS_CHECK(stress_fds() == fds, "%zu descriptors, were %zu",
                     stress_fds(), fds);
        check_bytes(bytes);
        if (i + 1 == (stress.n > 10 * WARM ? stress.n / 10 : WARM))
            warm = look();
        stress_beat(i + 1);
    }
    atomic_store_explicit(&halt, true, memory_order_relaxed);
    for (int i = 0; i < FOREIGN; i++)
        stress_join(threads[i]);
    if (warm.rss != 0 && !STRESS_INSTRUMENTED)
        check_thin(warm);
    /* a few rounds can be over before the threads have begun */
    STRESS_CHECK(stress.n < 50 || (calls > 0 && sends > 0 && spawns > 0),
                 "no load");
    return stress_ok("calls=%" PRIu64 " sends=%" PRIu64 " spawns=%" PRIu64
                     " refused=%" PRIu64 " late=%" PRIu64
                     " rss_growth_kb=%td mappings_growth=%td",
                     calls, sends, spawns, refused, late,
                     (ptrdiff_t)(stress_rss() - warm.rss) / 1024,
                     (ptrdiff_t)(stress_mappings() - warm.mappings));
}
