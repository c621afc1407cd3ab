/* SPDX-License-Identifier: MIT
 *
 * nqueens.c - a master deals boards with the first rows filled to 20 workers,
 * which place one queen more, or count the solutions.
 */
#include "tests/bench/bench.h"

enum { WORK = 1, DONE, FINISHED, WORKERS = 20, DEALT_ROWS = 4, MAX_SIZE = 16 };

struct board {
    uint8_t depth, column[DEALT_ROWS]; /* of each filled row */
};

struct result {
    uint64_t solutions, items;
};

/* ---------------------------------------------------------------- worker -- */

struct worker {
    cop_pid master;
    unsigned size;
};

static int worker_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct worker));
    return 0;
}

static bool is_free(const uint8_t *column, unsigned depth, unsigned col)
{
    for (unsigned row = 0; row < depth; row++) {
        unsigned distance = depth - row, c = column[row];

        if (c == col || c + distance == col || col + distance == c)
            return false;
    }
    return true;
}

static uint64_t count(uint8_t *column, unsigned depth, unsigned size)
{
    uint64_t sum = 0;

    if (depth == size)
        return 1;
    for (unsigned col = 0; col < size; col++)
        if (is_free(column, depth, col)) {
            column[depth] = (uint8_t)col;
            sum += count(column, depth + 1, size);
        }
    return sum;
}

static void deal_children(const struct worker *w, struct board board)
{
    unsigned depth = board.depth++;

    for (unsigned col = 0; col < w->size; col++)
        if (is_free(board.column, depth, col)) {
            board.column[depth] = (uint8_t)col;
            send_to(w->master, WORK, &board, sizeof(board));
        }
}

static void worker_message(void *state, const cop_msg *m)
{
    const struct worker *w = state;
    const struct board *board = cop_msg_as(m, struct board);
    uint64_t solutions = 0;

    if (board->depth < DEALT_ROWS) {
        deal_children(w, *board);
    } else {
        uint8_t column[MAX_SIZE];

        memcpy(column, board->column, sizeof(board->column));
        solutions = count(column, board->depth, w->size);
    }
    send_to(w->master, DONE, &solutions, sizeof(solutions));
}

static const cop_handler worker = {.state_bytes = sizeof(struct worker),
                                   .init = worker_init,
                                   .message = worker_message};

/* ---------------------------------------------------------------- master -- */

struct master {
    cop_pid main, workers[WORKERS];
    unsigned size;
    uint64_t sent, done, solutions;
};

static void deal(struct master *g, const struct board *board)
{
    send_to(g->workers[g->sent++ % WORKERS], WORK, board, sizeof(*board));
}

static int master_init(void *state, void *arg)
{
    struct master *g = state;
    struct board empty = {0};
    struct worker w;

    memcpy(g, arg, sizeof(*g));
    w = (struct worker){cop_self(), g->size};
    for (int k = 0; k < WORKERS; k++)
        g->workers[k] = start_handler(&worker, &w, sizeof(w));
    deal(g, &empty);
    return 0;
}

static void master_message(void *state, const cop_msg *m)
{
    struct master *g = state;

    if (cop_msg_tag(m) == WORK) {
        deal(g, cop_msg_as(m, struct board));
        return;
    }
    g->solutions += *cop_msg_as(m, uint64_t);
    if (++g->done == g->sent) {
        struct result result = {g->solutions, g->sent};

        send_to(g->main, FINISHED, &result, sizeof(result));
    }
}

static const cop_handler master = {.state_bytes = sizeof(struct master),
                                   .init = master_init,
                                   .message = master_message};

/* How many solutions a board of size 1, 2, ... has. */
static const uint64_t known[MAX_SIZE] = {
    1,   0,   0,    2,     10,    4,      40,      92,
    352, 724, 2680, 14200, 73712, 365596, 2279184, 14772512};

void bench_nqueens(struct bench *b)
{
    struct master g = {.main = cop_self(), .size = (unsigned)b->n};
    struct result result;

    BENCH_CHECK(b->n >= DEALT_ROWS && b->n <= MAX_SIZE);
    bench_begin(b);
    (void)start_handler(&master, &g, sizeof(g));
    result = *cop_msg_as(recv_tag(FINISHED), struct result);
    bench_end(b, result.items);
    BENCH_CHECK(result.solutions == known[b->n - 1]);
}
