/* SPDX-License-Identifier: MIT
 *
 * fan.c - very wide fans: one actor with n links, one with n monitors, a
 * supervisor with n children.
 *
 * Each thing is done with n, and ten times with n / 10: what is linear costs
 * the same for each of them, but that n of them are in no cache. RATIO times as
 * much, and that TRIES times in a row, is too much; what is quadratic costs ten
 * times as much. What counts is the time that the process runs, not the one
 * that passes: others may want the processors, too.
 *
 *     links_fall      the hub of n links ends, and all of them with it
 *     links_told      n linked actors end, the hub traps exits
 *     links_cut       the hub unlinks n, in no order
 *     monitors_fall   a hub that n monitor ends
 *     monitors_told   n end that the hub monitors
 *     monitors_cut    the hub demonitors n, in no order
 *     STRATEGY_start  a supervisor comes up with n children, one after another
 *     STRATEGY_stop   and ends with them
 *
 * A restart of one child of n must cost what it costs with n / 100: RESTART
 * times as much is too much; a look at all of them is a hundred times as much.
 * With one_for_all a restart is one of all, and linear.
 *
 * Printed are the nanoseconds for one link, monitor, child with n, and for a
 * restart. In a sanitizer build times prove nothing: there n is a tenth, and
 * only what has to come is waited for.
 */
#include "tests/stress/common.h"

#include <coppice/supervisor.h>

#define RATIO 4.0
#define RESTART 12.0

enum { SMALL = 10, FEW = 100, TRIES = 3, RESTARTS = 200, ID_ROOM = 24 };
enum { TAG_GO = 1, TAG_END, TAG_READY, TAG_DONE, TAG_FAIL };

static _Atomic uint64_t done;

/* ------------------------------------------------------------- counting -- */

/* Those who have ended, or have heard of an end. The one who makes it full
 * tells the lead. */
static _Atomic uint64_t counted;
static uint64_t to_count;
static cop_pid the_lead;
static size_t others; /* actors that are there before and after each try */

static void count_from_zero(uint64_t n)
{
    to_count = n;
    atomic_store(&counted, 0);
}

static void count_one(void)
{
    if (atomic_fetch_add(&counted, 1) + 1 == to_count)
        STRESS_OK(cop_send(the_lead, TAG_DONE, NULL, 0));
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static void count_this(void *arg)
{
    (void)arg;
    count_one();
}

static void await(cop_tag tag)
{
    const cop_msg *m;

    STRESS_OK(cop_recv_tag(&m, tag, COP_FOREVER));
}

/* ---------------------------------------------------------- hub, leaves -- */

enum tie { LINK, MONITOR_HUB, MONITOR_LEAF };

/* One try with n leaves. */
struct fan {
    enum tie tie;
    bool traps; /* the hub */
    bool cut;   /* it takes its ties back */
    bool leaves_end;
    uint64_t n;
    cop_pid hub;
    cop_pid *leaves;
    cop_ref *refs;
    int64_t took;
};

/* How a leaf sees it. */
struct leaf {
    cop_pid hub;
    enum tie tie;
    bool counts_itself;
};

static int leaf_init(void *state, void *arg)
{
    struct leaf *l = state;
    cop_ref ref;

    *l = *(const struct leaf *)arg;
    if (l->tie == LINK)
        STRESS_OK(cop_link(l->hub));
    if (l->tie == MONITOR_HUB)
        STRESS_OK(cop_monitor(&ref, l->hub));
    if (l->counts_itself)
        STRESS_OK(cop_defer(count_this, NULL));
    return 0;
}

static void leaf_message(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == COP_DOWN)
        count_one();
    if (cop_msg_tag(m) == TAG_END || cop_msg_tag(m) == COP_DOWN)
        cop_exit(COP_NORMAL);
}

static const cop_handler leaf_handler = {.state_bytes = sizeof(struct leaf),
                                         .init = leaf_init,
                                         .message = leaf_message};

static void cut_all(const struct fan *f)
{
    for (uint64_t i = 0; i < f->n; i++) {
        uint64_t j = i * 7919 % f->n;

        if (f->tie == LINK)
            STRESS_OK(cop_unlink(f->leaves[j]));
        else
            STRESS_CHECK(cop_demonitor(f->refs[j], false), "no monitor");
    }
}

/* The hub hears of all ends, or ends, or cuts all ties. */
static void hub(void *arg)
{
    const struct fan *f = arg;
    const cop_msg *m;

    cop_trap_exit(f->traps);
    if (f->tie == MONITOR_LEAF) {
        await(TAG_GO);
        for (uint64_t i = 0; i < f->n; i++)
            STRESS_OK(cop_monitor(&f->refs[i], f->leaves[i]));
        STRESS_OK(cop_send(the_lead, TAG_READY, NULL, 0));
    }
    await(TAG_GO);
    if (f->cut)
        cut_all(f);
    for (uint64_t i = 0; f->leaves_end && i < f->n; i++) {
        STRESS_OK(cop_recv(&m, COP_FOREVER));
        STRESS_CHECK(cop_msg_tag(m) == COP_EXIT || cop_msg_tag(m) == COP_DOWN,
                     "tag %u in the hub", (unsigned)cop_msg_tag(m));
    }
    if (f->cut || f->leaves_end)
        STRESS_OK(cop_send(the_lead, TAG_DONE, NULL, 0));
    else
        cop_exit(cop_because("boom"));
    await(TAG_END);
}

static void end_leaves(const struct fan *f)
{
    for (uint64_t i = 0; i < f->n; i++)
        STRESS_OK(cop_send(f->leaves[i], TAG_END, NULL, 0));
}

static void spawn_leaves(struct fan *f)
{
    struct leaf leaf = {f->hub, f->tie, f->tie == LINK && !f->traps};
    cop_opts opts = {.arg_bytes = sizeof leaf};

    for (uint64_t i = 0; i < f->n; i++)
        STRESS_OK(
            cop_spawn_handler(&f->leaves[i], &leaf_handler, &leaf, &opts));
    /* each has done its init before it answers this */
    for (uint64_t i = 0; i < f->n; i++)
        STRESS_CHECK(cop_is_alive(f->leaves[i]), "a leaf died early");
}

/* Until nobody of this try is left. */
static void await_the_end(const struct fan *f)
{
    while (cop_actors(NULL, 0) > others)
        cop_sleep(COP_MS);
    free(f->leaves);
    free(f->refs);
}

static int64_t run_fan(struct fan f, uint64_t n)
{
    cop_opts opts = {.stack_bytes = 64 * 1024};

    f.n = n;
    f.leaves = calloc(n, sizeof *f.leaves);
    f.refs = calloc(n, sizeof *f.refs);
    STRESS_CHECK(f.leaves != NULL && f.refs != NULL, "out of memory");
    count_from_zero(n);
    STRESS_OK(cop_spawn(&f.hub, hub, &f, &opts));
    spawn_leaves(&f);
    if (f.tie == MONITOR_LEAF) {
        STRESS_OK(cop_send(f.hub, TAG_GO, NULL, 0));
        await(TAG_READY);
    }
    f.took = stress_cpu();
    STRESS_OK(cop_send(f.hub, TAG_GO, NULL, 0));
    if (f.leaves_end)
        end_leaves(&f);
    await(TAG_DONE);
    f.took = stress_cpu() - f.took;
    if (f.cut)
        end_leaves(&f);
    STRESS_OK(cop_send(f.hub, TAG_END, NULL, 0));
    await_the_end(&f);
    return f.took;
}

/* -------------------------------------------------------------- judging -- */

static char report[2048];

static void say(const char *what, double ns)
{
    size_t used = strlen(report);

    snprintf(report + used, sizeof report - used, " %s=%.0f", what, ns);
}

/* Whether one of n costs what one of ten times n / 10 does. */
static bool is_linear(double one_of_many, double one_of_few)
{
    return STRESS_INSTRUMENTED || one_of_many <= RATIO * one_of_few;
}

static void judge(const char *what, double one_of_many, double one_of_few)
{
    STRESS_CHECK(is_linear(one_of_many, one_of_few),
                 "%s: one of %" PRIu64 " costs %.0f ns, %.1f times as much as "
                 "one of %" PRIu64,
                 what, stress.n, one_of_many, one_of_many / one_of_few,
                 stress.n / SMALL);
    say(what, one_of_many);
}

static double run_small_fans(struct fan f)
{
    double sum = 0;

    for (int i = 0; i < SMALL; i++)
        sum += (double)run_fan(f, stress.n / SMALL);
    return sum;
}

static void try_fan(const char *what, struct fan f)
{
    double n = (double)stress.n;
    double few, many;
    int tries = 0;

    (void)run_fan(f, stress.n / SMALL); /* warms up */
    do {
        few = run_small_fans(f) / n;
        many = (double)run_fan(f, stress.n) / n;
    } while (++tries < TRIES && !is_linear(many, few));
    judge(what, many, few);
}

/* ---------------------------------------------------------- supervisors -- */

static cop_pid newest; /* child that was started; written by it */

static cop_next child_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    newest = cop_self();
    count_one();
    return cop_next_wait();
}

static cop_next child_info(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == TAG_FAIL)
        return cop_next_stop(cop_because("boom"));
    return cop_next_wait();
}

static const cop_server child = {.init = child_init, .info = child_info};

struct tree {
    cop_strategy strategy;
    uint64_t n;
    cop_pid sup;
    cop_pid *kids;
    int64_t start, stop, restart;
};

static bool is_pool(const struct tree *t)
{
    return t->strategy == COP_SIMPLE_ONE_FOR_ONE || t->strategy == COP_DYNAMIC;
}

/* n children in the specification of a supervisor, or one template. */
static cop_child *specify(const struct tree *t, cop_sup *sup)
{
    uint64_t n = t->strategy == COP_DYNAMIC              ? 0
                 : t->strategy == COP_SIMPLE_ONE_FOR_ONE ? 1
                                                         : t->n;
    cop_child *kids = calloc(n + 1, sizeof *kids);
    char *ids = calloc(n + 1, ID_ROOM);

    STRESS_CHECK(kids != NULL && ids != NULL, "out of memory");
    for (uint64_t i = 0; i < n; i++) {
        kids[i] = (cop_child){.id = ids + ID_ROOM * i, .server = &child};
        snprintf(ids + ID_ROOM * i, ID_ROOM, "c%" PRIu64, i);
    }
    kids[n].id = ids;
    *sup = (cop_sup){.strategy = t->strategy,
                     .intensity = 1000000,
                     .children = n > 0 ? kids : NULL,
                     .nchildren = n};
    return kids;
}

static void start_tree(struct tree *t)
{
    const cop_child one = {.server = &child};
    cop_sup sup;
    cop_child *kids = specify(t, &sup);
    char *ids = (char *)kids[sup.nchildren].id;

    count_from_zero(t->n);
    t->start = stress_cpu();
    STRESS_OK(cop_sup_start(&t->sup, &sup, NULL, NULL));
    for (uint64_t i = 0; is_pool(t) && i < t->n; i++)
        STRESS_OK(cop_sup_start_child(
            t->sup, NULL, t->strategy == COP_DYNAMIC ? &one : NULL, NULL));
    await(TAG_DONE);
    t->start = stress_cpu() - t->start;
    free(ids);
    free(kids);
}

static void list_kids(struct tree *t)
{
    cop_child_info *info = calloc(t->n, sizeof *info);
    int n;

    t->kids = calloc(t->n, sizeof *t->kids);
    STRESS_CHECK(info != NULL && t->kids != NULL, "out of memory");
    n = cop_sup_which_children(t->sup, info, t->n);
    STRESS_CHECK(n == (int)t->n, "%d children", n);
    for (uint64_t i = 0; i < t->n; i++)
        t->kids[i] = info[i].pid;
    free(info);
}

/* Of rest_for_one the last one, of the others any. */
static void restart_some(struct tree *t)
{
    uint64_t rng = stress_stream(t->n);

    t->restart = 0;
    for (int i = 0; i < RESTARTS; i++) {
        uint64_t k = t->strategy == COP_REST_FOR_ONE ? t->n - 1
                                                     : stress_below(&rng, t->n);
        int64_t from = stress_cpu();

        count_from_zero(1);
        STRESS_OK(cop_send(t->kids[k], TAG_FAIL, NULL, 0));
        await(TAG_DONE);
        t->restart += stress_cpu() - from;
        t->kids[k] = newest;
    }
    t->restart /= RESTARTS;
}

static void restart_all(struct tree *t)
{
    count_from_zero(t->n);
    t->restart = stress_cpu();
    STRESS_OK(cop_send(t->kids[t->n / 2], TAG_FAIL, NULL, 0));
    await(TAG_DONE);
    t->restart = stress_cpu() - t->restart;
}

static void run_tree(struct tree *t)
{
    const cop_msg *m;

    start_tree(t);
    list_kids(t);
    if (t->strategy == COP_ONE_FOR_ALL)
        restart_all(t);
    else
        restart_some(t);
    t->stop = stress_cpu();
    STRESS_OK(cop_server_stop(t->sup, COP_SHUTDOWN, COP_FOREVER, NULL));
    t->stop = stress_cpu() - t->stop;
    STRESS_OK(cop_recv_from(&m, t->sup, COP_FOREVER));
    STRESS_CHECK(cop_actors(NULL, 0) <= others, "children are left");
    free(t->kids);
}

static struct tree run_small_trees(cop_strategy strategy)
{
    struct tree sum = {0};

    for (int i = 0; i < SMALL; i++) {
        struct tree t = {.strategy = strategy, .n = stress.n / SMALL};

        run_tree(&t);
        sum.start += t.start;
        sum.stop += t.stop;
        sum.restart += t.restart;
    }
    return sum;
}

/* With few children, for what a restart of one costs then. */
static struct tree run_few(cop_strategy strategy)
{
    struct tree t = {.strategy = strategy, .n = stress.n / FEW};

    run_tree(&t);
    return t;
}

/* What the big tree costs, the small ones together, one with few children. */
struct trees {
    struct tree big, sum, few;
};

static bool is_restart_linear(const struct trees *t)
{
    if (t->big.strategy == COP_ONE_FOR_ALL)
        return is_linear((double)t->big.restart, (double)t->sum.restart);
    return STRESS_INSTRUMENTED ||
           (double)t->big.restart <= RESTART * (double)t->few.restart;
}

static bool is_tree_linear(const struct trees *t)
{
    return is_linear((double)t->big.start, (double)t->sum.start) &&
           is_linear((double)t->big.stop, (double)t->sum.stop) &&
           is_restart_linear(t);
}

static void judge_tree(const char *name, const struct trees *t)
{
    double n = (double)stress.n;
    char what[64];

    snprintf(what, sizeof what, "%s_start", name);
    judge(what, (double)t->big.start / n, (double)t->sum.start / n);
    snprintf(what, sizeof what, "%s_stop", name);
    judge(what, (double)t->big.stop / n, (double)t->sum.stop / n);
    STRESS_CHECK(is_restart_linear(t),
                 "%s_restart: %" PRId64 " ns with %" PRIu64 ", %" PRId64
                 " ns with %" PRIu64,
                 name, t->big.restart, t->big.n, t->few.restart, t->few.n);
    snprintf(what, sizeof what, "%s_restart", name);
    say(what,
        (double)t->big.restart / (t->big.strategy == COP_ONE_FOR_ALL ? n : 1));
}

static void try_tree(const char *name, cop_strategy strategy)
{
    struct trees t;
    int tries = 0;

    do {
        t = (struct trees){.big = {.strategy = strategy, .n = stress.n},
                           .sum = run_small_trees(strategy),
                           .few = run_few(strategy)};
        run_tree(&t.big);
    } while (++tries < TRIES && !is_tree_linear(&t));
    judge_tree(name, &t);
}

/* ----------------------------------------------------------------- main -- */

static void lead(void *arg)
{
    (void)arg;
    the_lead = cop_self();
    others = cop_actors(NULL, 0);
    (void)cop_trap_exit(true);
    try_fan("links_fall", (struct fan){.tie = LINK});
    try_fan("links_told",
            (struct fan){.tie = LINK, .traps = true, .leaves_end = true});
    try_fan("links_cut", (struct fan){.tie = LINK, .traps = true, .cut = true});
    try_fan("monitors_fall", (struct fan){.tie = MONITOR_HUB});
    try_fan("monitors_told",
            (struct fan){.tie = MONITOR_LEAF, .leaves_end = true});
    try_fan("monitors_cut", (struct fan){.tie = MONITOR_LEAF, .cut = true});
    try_tree("one_for_one", COP_ONE_FOR_ONE);
    try_tree("rest_for_one", COP_REST_FOR_ONE);
    try_tree("one_for_all", COP_ONE_FOR_ALL);
    try_tree("simple", COP_SIMPLE_ONE_FOR_ONE);
    try_tree("dynamic", COP_DYNAMIC);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv, "Fans of N links, monitors and children.", 100000);
    STRESS_CHECK(stress.n >= FEW, "N is less than %d", FEW);
    if (STRESS_INSTRUMENTED && stress.n >= SMALL * FEW)
        stress.n /= SMALL;
    stress_start(2, NULL);
    stress_run(lead, NULL, &done);
    stress_stop();
    return stress_ok("%s", report + 1);
}
