/* SPDX-License-Identifier: MIT
 *
 * isolated_kills.c - n ends of isolated actors, placed at random, while others
 * talk to them.
 *
 * A supervisor keeps a few isolated echo servers. Each has a client here, an
 * innocent actor that calls it again and again and has it killed, one life
 * after another: by SIGKILL of its process at a random instant, by an exit
 * signal (also while its process is being made), by a native fault, by writes
 * over all memory that it can reach (and if it hangs then, an exit signal), by
 * an exit, or by _exit in the middle of everything.
 *
 * Each life's end is told once, with a reason that fits; each request is
 * answered with what was sent, or its callee went down, or time ran out; the
 * supervisor restarts as often as there were ends; a bystander, isolated too,
 * answers to the last from its first life; and no process, descriptor, mapping,
 * thread or memory is left. Each kid spawns in the program, too: one actor that
 * is linked to it, which ends when it does, and brief ones amid its answers.
 */
#include "tests/stress/common.h"
#include "tests/support/scribble.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define STRESS_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_THREAD_SANITIZED 1
#endif
#endif
#ifndef STRESS_THREAD_SANITIZED
#define STRESS_THREAD_SANITIZED 0
#endif

enum { KIDS = 3, LONGEST_US = 3000 };
enum {
    TAG_ECHO = 1,
    TAG_WHO,
    TAG_FAULT,
    TAG_WILD,
    TAG_EXIT,
    TAG_LEAVE,
    TAG_KILL
};

enum way {
    BY_SIGKILL,
    BY_SIGNAL,
    BY_FAULT,
    BY_WRITES,
    BY_EXIT,
    BY_LEAVE,
    WAYS
};

static _Atomic uint64_t ended, answered, went_down, timed_out, asked;
static _Atomic uint64_t by_way[WAYS], lives;
static _Atomic uint64_t tied_begun, tied_ended, briefs;
static _Atomic size_t rss_begin;
static _Atomic int zygote;
static void *volatile null;

/* ---------------------------------------------------------------- deaths -- */

enum { SEEN = 1 << 12 };

/* What each pid's last tenants ended with, for a failure's sake. */
static struct {
    cop_pid pid;
    char why[COP_REASON_TEXT];
} seen[SEEN];

static void see(cop_pid pid, cop_reason why)
{
    unsigned i = (unsigned)pid.id % SEEN;

    seen[i].pid = pid;
    cop_reason_str(why, seen[i].why, sizeof seen[i].why);
}

static const char *seen_of(cop_pid pid)
{
    unsigned i = (unsigned)pid.id % SEEN;

    return cop_pid_eq(seen[i].pid, pid) ? seen[i].why : "not seen";
}

/* -------------------------------------------------------------- in there -- */

struct who {
    pid_t self, parent;
};

/* Here, tied to a kid: it ends when that does. */
static void gone(void *arg)
{
    (void)arg;
    atomic_fetch_add(&tied_ended, 1);
}

static void tied(void *arg)
{
    const cop_msg *m;

    (void)arg;
    atomic_fetch_add(&tied_begun, 1);
    STRESS_OK(cop_defer(gone, NULL));
    (void)!cop_recv(&m, COP_FOREVER);
}

static void brief(void *arg)
{
    (void)arg;
    atomic_fetch_add(&briefs, 1);
}

static void obey(const cop_msg *m)
{
    struct who who = {getpid(), getppid()};

    switch (cop_msg_tag(m)) {
    case TAG_WHO:
        (void)cop_reply(cop_msg_from(m), &who, sizeof who);
        break;
    case TAG_FAULT:
        *(volatile int *)null = 1;
        break;
    case TAG_WILD:
        scribble_all(*cop_msg_as(m, uint64_t));
        break;
    case TAG_EXIT:
        cop_exit(cop_because("told"));
    case TAG_LEAVE:
        _exit(3);
    default:
        if (cop_msg_size(m) % 4 == 0)
            (void)!cop_spawn(NULL, brief, NULL, &(cop_opts){.link = true});
        (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
    }
}

/* Its ends come amid spawns, too. */
static void echo(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)!cop_spawn(NULL, tied, NULL, &(cop_opts){.link = true});
    for (;;)
        if (cop_recv(&m, COP_FOREVER) == 0)
            obey(m);
}

/* -------------------------------------------------------------- the killer */

struct order {
    pid_t pid;
    int64_t after_ns;
};

/* Kills processes, a little later, beside the client that talks to it. */
static void killer(void *arg)
{
    const cop_msg *m;

    (void)arg;
    for (;;) {
        STRESS_OK(cop_recv_tag(&m, TAG_KILL, COP_FOREVER));
        struct order o = *cop_msg_as(m, struct order);
        cop_sleep(o.after_ns);
        kill(o.pid, SIGKILL);
    }
}

/* ------------------------------------------------------------- the client */

struct client {
    char name[16];
    uint64_t seed;
    cop_pid killer, kid;
    cop_ref down;
    cop_time deadline; /* of a call */
};

static _Atomic uint64_t share; /* ends that are still to be had */

static void find_kid(struct client *c)
{
    cop_pid last = c->kid;

    for (;;) {
        c->kid = cop_whereis(c->name);
        if (!cop_pid_is_none(c->kid) && !cop_pid_eq(c->kid, last))
            break;
        cop_sleep(20 * COP_US);
    }
    STRESS_OK(cop_monitor(&c->down, c->kid));
    atomic_fetch_add(&lives, 1);
}

/* True: answered. */
static bool talk(struct client *c)
{
    size_t size =
        stress_below(&c->seed, stress_below(&c->seed, 16) == 0 ? 1 << 17 : 300);
    unsigned char *out = malloc(2 * size + 1);

    memset(out, (int)(c->seed & 0xff), size);
    atomic_fetch_add(&asked, 1);
    int rc = cop_call(c->kid, TAG_ECHO, out, size, out + size, size,
                      cop_in(c->deadline));
    if (rc >= 0) {
        STRESS_CHECK((size_t)rc == size && memcmp(out, out + size, size) == 0,
                     "another answer than what was asked");
        atomic_fetch_add(&answered, 1);
    } else if (rc == COP_ETIMEDOUT) {
        atomic_fetch_add(&timed_out, 1);
    } else {
        STRESS_CHECK(rc == COP_EDOWN || rc == COP_ENOPROC, "call: %s",
                     cop_error_str(rc));
        atomic_fetch_add(&went_down, 1);
    }
    free(out);
    return rc >= 0;
}

static bool fits(enum way way, cop_reason why)
{
    const cop_fault *f = cop_reason_fault(why);
    const char *what = f != NULL ? f->what : cop_reason_name(why);

    switch (way) {
    case BY_SIGKILL:
        return strcmp(what, "SIGKILL") == 0;
    case BY_SIGNAL:
        return strcmp(what, "killed") == 0;
    case BY_FAULT:
        return strcmp(what, "SIGSEGV") == 0;
    case BY_WRITES:
        return true;
    case BY_EXIT:
        return strcmp(what, "told") == 0;
    default:
        return strcmp(what, "exit_status") == 0;
    }
}

/* Waits for the end; false: it has not come by then. */
static bool await_end(struct client *c, enum way way, cop_time deadline)
{
    const cop_msg *m;
    char text[COP_REASON_TEXT];

    if (cop_recv_ref(&m, c->down, deadline) != 0)
        return false;
    STRESS_CHECK(fits(way, cop_msg_reason(m)), "way %d ended with %s: %s", way,
                 cop_reason_str(cop_msg_reason(m), text, sizeof text),
                 seen_of(c->kid));
    STRESS_CHECK(cop_recv_tag(&m, COP_DOWN, COP_POLL) == COP_ETIMEDOUT,
                 "an end was told twice");
    return true;
}

static void shoot(struct client *c)
{
    struct who who;
    int rc = cop_call(c->kid, TAG_WHO, NULL, 0, &who, sizeof who,
                      cop_in(20 * stress_slow() * COP_SEC));
    STRESS_CHECK(rc == (int)sizeof who, "who: %d", rc);
    struct order o = {who.self, (int64_t)stress_below(&c->seed, 400) * COP_US};
    atomic_store(&zygote, who.parent);
    STRESS_OK(cop_send(c->killer, TAG_KILL, &o, sizeof o));
    while (talk(c))
        ;
}

/* A message that it dies of, among others. */
static void tell(struct client *c, cop_tag tag)
{
    uint64_t seed = c->seed;

    for (uint64_t i = stress_below(&c->seed, 3); i > 0; i--)
        (void)talk(c);
    STRESS_OK(cop_send(c->kid, tag, &seed, sizeof seed));
    (void)talk(c);
}

static void end_one(struct client *c)
{
    static const cop_tag tag_of[] = {[BY_FAULT] = TAG_FAULT,
                                     [BY_WRITES] = TAG_WILD,
                                     [BY_EXIT] = TAG_EXIT,
                                     [BY_LEAVE] = TAG_LEAVE};
    enum way way = (enum way)stress_below(&c->seed, WAYS);
    if (STRESS_INSTRUMENTED && (way == BY_FAULT || way == BY_WRITES))
        way = BY_SIGNAL; /* a sanitizer takes these for itself */
    int64_t patience = 20 * stress_slow() * COP_SEC;

    c->deadline = way == BY_WRITES ? 5 * COP_MS : patience;
    find_kid(c);
    if (way == BY_SIGNAL) {
        if (stress_below(&c->seed, 2) == 0)
            cop_sleep((int64_t)stress_below(&c->seed, LONGEST_US) * COP_US);
        STRESS_OK(cop_exit_signal(c->kid, COP_KILL));
        (void)talk(c);
    } else if (way == BY_SIGKILL) {
        shoot(c);
    } else {
        tell(c, tag_of[way]);
    }
    bool is_told = way == BY_WRITES && await_end(c, way, cop_in(2 * COP_MS));
    if (way == BY_WRITES && !is_told)
        STRESS_OK(cop_exit_signal(c->kid, COP_KILL));
    STRESS_CHECK(is_told || await_end(c, way, cop_in(patience)),
                 "way %d: no end was told", way);
    atomic_fetch_add(&by_way[way], 1);
}

static void client(void *arg)
{
    struct client *c = arg;

    STRESS_OK(cop_spawn(&c->killer, killer, NULL, &(cop_opts){.link = true}));
    for (;;) {
        uint64_t left = atomic_load(&share);
        if (left == 0)
            break;
        if (!atomic_compare_exchange_weak(&share, &left, left - 1))
            continue;
        end_one(c);
        uint64_t n = atomic_fetch_add(&ended, 1) + 1;
        stress_beat(n);
        if (n == stress.n / 4)
            atomic_store(&rss_begin, stress_rss());
    }
}

/* --------------------------------------------------------------- the whole */

static void run_clients(void)
{
    static struct client clients[KIDS];
    cop_ref down[KIDS];
    const cop_msg *m;

    for (unsigned i = 0; i < KIDS; i++) {
        clients[i].seed = stress_stream(i + 1);
        snprintf(clients[i].name, sizeof clients[i].name, "kid%u", i);
        STRESS_OK(cop_spawn(NULL, client, &clients[i],
                            &(cop_opts){.monitor = &down[i]}));
    }
    for (unsigned i = 0; i < KIDS; i++) {
        STRESS_OK(cop_recv_ref(&m, down[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL,
                     "a client ended");
    }
}

/* Processes whose parent is `parent`. */
static int children_of(pid_t parent)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[300], line[512] = "";
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
        n += end != NULL && atoi(end + 4) == parent;
        fclose(f);
    }
    if (d != NULL)
        closedir(d);
    return n;
}

/* The bystander's alone is left, a moment after the others' ends. */
static void nothing_is_left(size_t fds)
{
    cop_time end = cop_in(10 * stress_slow() * COP_SEC);

    while ((children_of(atomic_load(&zygote)) > 1 || stress_fds() > fds ||
            atomic_load(&tied_begun) > atomic_load(&tied_ended) + 1) &&
           cop_now() < end)
        cop_sleep(COP_MS);
    STRESS_CHECK(children_of(atomic_load(&zygote)) == 1,
                 "%d processes are left", children_of(atomic_load(&zygote)));
    STRESS_CHECK(stress_fds() <= fds, "descriptors: %zu, at first %zu",
                 stress_fds(), fds);
    STRESS_CHECK(atomic_load(&tied_begun) == atomic_load(&tied_ended) + 1,
                 "tied actors: %" PRIu64 " began, %" PRIu64 " ended",
                 atomic_load(&tied_begun), atomic_load(&tied_ended));
}

static void root(void *arg)
{
    static const cop_child kids[] = {
        {.id = "kid0",
         .fn = echo,
         .opts = {.name = "kid0", .isolation = COP_ISOLATED}},
        {.id = "kid1",
         .fn = echo,
         .opts = {.name = "kid1", .isolation = COP_ISOLATED}},
        {.id = "kid2",
         .fn = echo,
         .opts = {.name = "kid2", .isolation = COP_ISOLATED}},
    };
    static const cop_sup spec = {.intensity = INT32_MAX,
                                 .period_ns = COP_SEC,
                                 .children = kids,
                                 .nchildren = KIDS};
    cop_pid sup, bystander;
    struct who first, last;

    (void)arg;
    (void)cop_trap_exit(true);
    STRESS_OK(cop_spawn(&bystander, echo, NULL,
                        &(cop_opts){.isolation = COP_ISOLATED}));
    STRESS_CHECK(cop_call(bystander, TAG_WHO, NULL, 0, &first, sizeof first,
                          COP_FOREVER) > 0,
                 "the bystander");
    atomic_store(&zygote, first.parent);
    size_t fds = stress_fds();
    STRESS_OK(cop_sup_start(&sup, &spec, NULL, NULL));
    run_clients();
    STRESS_OK(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL));
    STRESS_CHECK(cop_call(bystander, TAG_WHO, NULL, 0, &last, sizeof last,
                          COP_FOREVER) > 0 &&
                     first.self == last.self,
                 "the bystander");
    nothing_is_left(fds);
}

int main(int argc, char **argv)
{
    size_t fds, mappings, threads;

    if (STRESS_THREAD_SANITIZED) {
        puts("the sanitizer does not follow forks that start threads");
        return 77;
    }
    stress_begin(argc, argv, "ends of isolated actors, placed at random",
                 10000);
    atomic_store(&share, stress.n);
    fds = stress_fds();
    threads = stress_threads();
    stress_start(
        2, &(cop_config){.zygote = true, .crash_reports = COP_REPORT_NONE});
    cop_ext_on_exit(see);
    mappings = stress_mappings();
    stress_run(root, NULL, &ended);
    size_t rss = stress_rss(), begin = atomic_load(&rss_begin);
    size_t after = stress_mappings();
    stress_stop();
    STRESS_CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
                 "a process is left");
    STRESS_CHECK(atomic_load(&asked) == atomic_load(&answered) +
                                            atomic_load(&went_down) +
                                            atomic_load(&timed_out),
                 "requests");
    STRESS_CHECK(atomic_load(&lives) == stress.n, "lives");
    STRESS_CHECK(stress_fds() <= fds && stress_threads() <= threads,
                 "descriptors %zu of %zu, threads %zu of %zu", stress_fds(),
                 fds, stress_threads(), threads);
    STRESS_CHECK(STRESS_INSTRUMENTED || after <= mappings + 64,
                 "mappings: %zu, at first %zu", after, mappings);
    STRESS_CHECK(STRESS_INSTRUMENTED || rss <= begin + (8 << 20),
                 "resident: %zu, at first %zu", rss, begin);
    return stress_ok(
        "ends=%" PRIu64 " sigkill=%" PRIu64 " signal=%" PRIu64 " fault=%" PRIu64
        " writes=%" PRIu64 " exit=%" PRIu64 " leave=%" PRIu64 " asked=%" PRIu64
        " answered=%" PRIu64 " down=%" PRIu64 " late=%" PRIu64 " tied=%" PRIu64
        " briefs=%" PRIu64 " rss_growth=%zd seconds=%.1f",
        stress.n, by_way[BY_SIGKILL], by_way[BY_SIGNAL], by_way[BY_FAULT],
        by_way[BY_WRITES], by_way[BY_EXIT], by_way[BY_LEAVE], asked, answered,
        went_down, timed_out, tied_begun, briefs, (ssize_t)(rss - begin),
        stress_seconds());
}
