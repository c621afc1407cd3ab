/* SPDX-License-Identifier: MIT
 *
 * dictionary.c - concurrent_dictionary: 20 workers read and write the hash map
 * of one actor.
 *
 * The map is what a C programmer writes: open addressing, linear probing, at
 * most half full. It lives in cop_alloc, so that it goes with its actor.
 */
#include "tests/bench/bench.h"

enum { READ = 1, WRITE, REPLY, DONE, ASK, COUNTS };
enum { KEYS = 10000, WORKERS = 20, WRITES_PERCENT = 20 };

/* ------------------------------------------------------------------- map -- */

struct entry {
    uint64_t key, value;
    bool used;
};

struct map {
    struct entry *entries;
    size_t mask, used; /* room for mask + 1 entries, a power of two */
};

static void map_init(struct map *map, size_t room)
{
    map->mask = room - 1;
    map->used = 0;
    map->entries = cop_zalloc(room * sizeof(*map->entries));
    BENCH_CHECK(map->entries != NULL);
}

/* Where the key is, or belongs. */
static struct entry *map_find(const struct map *map, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & map->mask;

    while (map->entries[i].used && map->entries[i].key != key)
        i = (i + 1) & map->mask;
    return &map->entries[i];
}

static uint64_t map_put(struct map *map, uint64_t key, uint64_t value);

static void map_grow(struct map *map)
{
    struct map old = *map;

    map_init(map, 2 * (old.mask + 1));
    for (size_t i = 0; i <= old.mask; i++)
        if (old.entries[i].used)
            (void)map_put(map, old.entries[i].key, old.entries[i].value);
    cop_free(old.entries);
}

/* Returns what the key had before; zero if it was not there. */
static uint64_t map_put(struct map *map, uint64_t key, uint64_t value)
{
    struct entry *e = map_find(map, key);
    uint64_t old = e->value;

    if (!e->used && 2 * (map->used + 1) > map->mask) {
        map_grow(map);
        e = map_find(map, key);
    }
    map->used += !e->used;
    *e = (struct entry){key, value, true};
    return old;
}

/* ------------------------------------------------------------ dictionary -- */

struct read {
    uint64_t key;
    cop_pid from;
};

struct write {
    uint64_t key, value;
    cop_pid from;
};

struct counts {
    uint64_t reads, writes;
};

struct dictionary {
    struct map map;
    struct counts counts;
};

static int dictionary_init(void *state, void *arg)
{
    struct dictionary *d = state;

    (void)arg;
    map_init(&d->map, 16);
    for (uint64_t key = 0; key < KEYS; key++)
        (void)map_put(&d->map, key, key);
    return 0;
}

static void reply(cop_pid to, uint64_t value)
{
    send_to(to, REPLY, &value, sizeof(value));
}

static void dictionary_message(void *state, const cop_msg *m)
{
    struct dictionary *d = state;
    const struct write *w;
    const struct read *r;

    switch (cop_msg_tag(m)) {
    case READ:
        r = cop_msg_as(m, struct read);
        d->counts.reads++;
        reply(r->from, map_find(&d->map, r->key)->value);
        break;
    case WRITE:
        w = cop_msg_as(m, struct write);
        d->counts.writes++;
        reply(w->from, map_put(&d->map, w->key, w->value));
        break;
    default:
        send_to(*cop_msg_as(m, cop_pid), COUNTS, &d->counts, sizeof(d->counts));
    }
}

static const cop_handler dictionary = {.state_bytes = sizeof(struct dictionary),
                                       .init = dictionary_init,
                                       .message = dictionary_message};

/* ---------------------------------------------------------------- worker -- */

struct worker {
    cop_pid main, dictionary;
    uint64_t x, i, n, key, writes;
};

static void ask_one(struct worker *w)
{
    uint64_t a = bench_draw(&w->x), b = bench_draw(&w->x);

    w->key = b % KEYS;
    if (a % 100 < WRITES_PERCENT) {
        struct write body = {w->key, w->key + KEYS * (w->i + 1), cop_self()};

        w->writes++;
        send_to(w->dictionary, WRITE, &body, sizeof(body));
    } else {
        struct read body = {w->key, cop_self()};

        send_to(w->dictionary, READ, &body, sizeof(body));
    }
}

static int worker_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct worker));
    ask_one(state);
    return 0;
}

static void worker_message(void *state, const cop_msg *m)
{
    struct worker *w = state;

    BENCH_CHECK(*cop_msg_as(m, uint64_t) % KEYS == w->key);
    if (++w->i < w->n) {
        ask_one(w);
        return;
    }
    send_to(w->main, DONE, &w->writes, sizeof(w->writes));
    cop_exit(COP_NORMAL);
}

static const cop_handler worker = {.state_bytes = sizeof(struct worker),
                                   .init = worker_init,
                                   .message = worker_message};

void bench_concurrent_dictionary(struct bench *b)
{
    struct worker w = {.main = cop_self(), .n = b->n};
    struct counts counts;
    uint64_t writes = 0;

    bench_begin(b);
    w.dictionary = start_handler(&dictionary, NULL, 0);
    for (uint64_t k = 0; k < WORKERS; k++) {
        w.x = bench_seed(k);
        (void)start_handler(&worker, &w, sizeof(w));
    }
    for (int k = 0; k < WORKERS; k++)
        writes += *cop_msg_as(recv_tag(DONE), uint64_t);
    send_to(w.dictionary, ASK, &w.main, sizeof(w.main));
    counts = *cop_msg_as(recv_tag(COUNTS), struct counts);
    bench_end(b, WORKERS * b->n);
    BENCH_CHECK(counts.reads + counts.writes == WORKERS * b->n);
    BENCH_CHECK(counts.writes == writes);
}
