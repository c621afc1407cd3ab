/* SPDX-License-Identifier: MIT
 *
 * crash_classify.c - is a fault the actor's, or everybody's? n runs, each in a
 * child process, of places where a fault must end the actor alone, and of
 * places where it must end the process with a report.
 *
 * Where the actor must end alone, the child checks the reason, then uses what a
 * wounded lock would block: the allocator, stdio, the linker, timers. A child
 * that is not done in time is a hang, and fails the run whatever it was.
 */
#include "tests/stress/common.h"

#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAG_GO = 1, PATIENCE_MS = 20000 };

static void *volatile null;
static volatile int zero;
static volatile size_t sink;
static char *volatile sixteen = (char *)16;

static char *bad_text(void)
{
    return sixteen;
}

/* ------------------------------------------------ the actor's own faults -- */

static void reads(void *arg)
{
    (void)arg;
    sink = *(volatile unsigned *)null;
}

static void writes(void *arg)
{
    (void)arg;
    *(volatile int *)bad_text() = 1;
}

static void executes(void *arg)
{
    void (*volatile wild)(void) = (void (*)(void))(uintptr_t)16;
    (void)arg;
    wild();
}

static void executes_data(void *arg)
{
    static char data[16];
    void (*volatile to)(void) = (void (*)(void))(uintptr_t)data;
    (void)arg;
    to();
}

static int deeper(int n)
{
    volatile char frame[512];
    frame[0] = (char)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[0];
}

static void overflows(void *arg)
{
    (void)arg;
    sink = (size_t)deeper(1);
}

static void beyond_file(void *arg)
{
    FILE *f = tmpfile();
    char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(f), 0);
    (void)arg;
    sink = (size_t) * (volatile char *)p;
}

static void divides(void *arg)
{
    (void)arg;
    sink = (size_t)(7 / zero);
}

static void illegal(void *arg)
{
    (void)arg;
    __builtin_trap();
}

static void aborts(void *arg)
{
    (void)arg;
    abort();
}

static void exits(void *arg)
{
    (void)arg;
    exit(0);
}

static void loses_stack(void *arg)
{
    (void)arg;
#if defined(__x86_64__)
    __asm__ volatile("movq $0x1000, %rsp; pushq %rax");
#else
    __asm__ volatile("mov x9, #4096; mov sp, x9; str x0, [sp, #-16]!");
#endif
}

static void non_canonical(void *arg)
{
    (void)arg;
    sink = *(volatile unsigned *)(uintptr_t)0x8000000000000000u;
}

static void copies(void *arg)
{
    char to[64];
    (void)arg;
    memcpy(to, bad_text(), sizeof to / 2 + (size_t)zero);
    sink = (size_t)to[zero];
}

static void fills(void *arg)
{
    (void)arg;
    memset(bad_text(), 1, 40 + (size_t)zero);
}

static void measures(void *arg)
{
    (void)arg;
    sink = strlen(bad_text());
}

static void compares(void *arg)
{
    (void)arg;
    sink = (size_t)strcmp(bad_text(), "something");
}

static int compare_badly(const void *a, const void *b)
{
    (void)a, (void)b;
    reads(NULL);
    return (int)sink;
}

static void sorts(void *arg)
{
    int some[] = {3, 1, 2};
    (void)arg;
    qsort(some, 3, sizeof some[0], compare_badly);
}

static bool when_bad(const cop_msg *m, void *ctx)
{
    (void)m, (void)ctx;
    reads(NULL);
    return true;
}

static void judges(void *arg)
{
    const cop_msg *m;
    (void)arg;
    if (cop_send(cop_self(), TAG_GO, NULL, 0) == 0)
        (void)!cop_recv_when(&m, when_bad, NULL, COP_FOREVER);
}

static void in_clean_up(void *arg)
{
    if (cop_defer(reads, arg) == 0 && cop_defer(divides, arg) == 0)
        aborts(arg);
}

static void caught_before(void *arg)
{
    if (cop_catch(writes, arg, NULL) == COP_EFAILED)
        reads(arg);
}

static void while_printing(void *arg)
{
    char text[64];
    snprintf(text, sizeof text, "%d %s", zero, "then it fails");
    sink = strlen(text);
    free(malloc(sink));
    reads(arg);
}

/* --------------------------------------------------- everybody's faults -- */

static void prints(void *arg)
{
    char text[64];
    (void)arg;
    snprintf(text, sizeof text, "%s", bad_text());
}

static void prints_locked(void *arg)
{
    (void)arg;
    fprintf(stderr, "%s %s", "some", bad_text());
}

static void writes_file(void *arg)
{
    (void)arg;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    putchar('x');
    (void)!fwrite(bad_text(), 1, 100 + (size_t)zero, stdout);
}

static void closes_file(void *arg)
{
    (void)arg;
    fclose((FILE *)(void *)bad_text());
}

static void converts(void *arg)
{
    (void)arg;
    sink = (size_t)strtol(bad_text(), NULL, 10);
}

static void frees(void *arg)
{
    (void)arg;
    free((void *)((uintptr_t)bad_text() << 32));
}

static void reallocates(void *arg)
{
    (void)arg;
    sink = (size_t)realloc((void *)((uintptr_t)bad_text() << 32), 100);
}

static void looks_up_name(void *arg)
{
    (void)arg;
    sink = (size_t)getenv(bad_text());
}

static void looks_up_symbol(void *arg)
{
    (void)arg;
    sink = (size_t)dlsym(RTLD_DEFAULT, bad_text());
}

static void opens_library(void *arg)
{
    (void)arg;
    sink = (size_t)dlopen(bad_text(), RTLD_NOW);
}

static void locks_mutex(void *arg)
{
    (void)arg;
    pthread_mutex_lock((pthread_mutex_t *)(void *)bad_text());
}

static void formats_time(void *arg)
{
    char text[64];
    (void)arg;
    sink = strftime(text, sizeof text, "%A", (struct tm *)(void *)bad_text());
}

static int compare_nothing(const void *a, const void *b)
{
    return a < b;
}

static void sorts_nothing(void *arg)
{
    (void)arg;
    qsort(bad_text(), 100, sizeof(int), compare_nothing);
}

static int per_object(struct dl_phdr_info *o, size_t size, void *arg)
{
    (void)o, (void)size;
    reads(arg);
    return 0;
}

static void lists_objects(void *arg)
{
    dl_iterate_phdr(per_object, arg);
}

static void reads_once(void)
{
    reads(NULL);
}

static void does_once(void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)arg;
    pthread_once(&once, reads_once);
}

static ssize_t cookie_write(void *cookie, const char *text, size_t n)
{
    (void)text;
    reads(cookie);
    return (ssize_t)n;
}

static void writes_cookie(void *arg)
{
    FILE *f =
        fopencookie(arg, "w", (cookie_io_functions_t){.write = cookie_write});
    fputs("some text", f);
    fflush(f);
}

static void libc_aborts(void *arg)
{
    int some[] = {1};
    size_t n = 1;
    (void)arg;
    (void)!lfind(&some[0], some, &n, sizeof some[0],
                 (int (*)(const void *, const void *))(void (*)(void))abort);
}

static void sends(void *arg)
{
    (void)arg;
    (void)cop_send(cop_self(), TAG_GO, bad_text(), 100);
}

static void registers(void *arg)
{
    (void)arg;
    (void)!cop_register(bad_text(), cop_self());
}

static void bad_release(void *data, size_t size)
{
    (void)size;
    reads(data);
}

static void releases(void *arg)
{
    static char body[8];
    const cop_msg *got;
    cop_msg *m;
    (void)arg;
    if (cop_msg_new_moved(&m, TAG_GO, body, sizeof body, bad_release) == 0 &&
        cop_send_msg(cop_self(), m) == 0 && cop_recv(&got, COP_POLL) == 0)
        (void)!cop_recv(&got, COP_POLL);
}

static void frees_message(void *m)
{
    cop_msg_free(m);
}

static void releases_elsewhere(void *arg)
{
    static char body[8];
    cop_msg *m;
    (void)arg;
    if (cop_msg_new_moved(&m, TAG_GO, body, sizeof body, bad_release) == 0)
        (void)!cop_blocking(frees_message, m);
}

static void blocks(void *arg)
{
    (void)!cop_blocking(reads, arg);
}

static void raises(void *arg)
{
    (void)arg;
    raise(SIGSEGV);
}

/* ---------------------------------------------------------------- sites -- */

static const struct site {
    const char *name;
    cop_fn fn;
    int signal; /* that ends the process; 0: only the actor ends */
} sites[] = {
    {"read", reads, 0},
    {"write", writes, 0},
    {"exec", executes, 0},
    {"exec_data", executes_data, 0},
    {"overflow", overflows, 0},
    {"bus", beyond_file, 0},
    {"fpe", divides, 0},
    {"ill", illegal, 0},
    {"abort", aborts, 0},
    {"exit", exits, 0},
    {"bad_sp", loses_stack, 0},
    {"non_canonical", non_canonical, 0},
    {"memcpy", copies, 0},
    {"memset", fills, 0},
    {"strlen", measures, 0},
    {"strcmp", compares, 0},
    {"qsort_compare", sorts, 0},
    {"when", judges, 0},
    {"defer", in_clean_up, 0},
    {"release", releases, 0},
    {"caught", caught_before, 0},
    {"after_stdio", while_printing, 0},
    {"snprintf", prints, SIGSEGV},
    {"fprintf", prints_locked, SIGSEGV},
    {"fwrite", writes_file, SIGSEGV},
    {"fclose", closes_file, SIGSEGV},
    {"strtol", converts, SIGSEGV},
    {"free", frees, SIGSEGV},
    {"realloc", reallocates, SIGSEGV},
    {"getenv", looks_up_name, SIGSEGV},
    {"dlsym", looks_up_symbol, SIGSEGV},
    {"dlopen", opens_library, SIGSEGV},
    {"mutex", locks_mutex, SIGSEGV},
    {"strftime", formats_time, SIGSEGV},
    {"qsort", sorts_nothing, SIGSEGV},
    {"dl_iterate_phdr", lists_objects, SIGSEGV},
    {"pthread_once", does_once, SIGSEGV},
    {"stdio_callback", writes_cookie, SIGSEGV},
    {"abort_in_libc", libc_aborts, SIGABRT},
    {"cop_send", sends, SIGSEGV},
    {"cop_register", registers, SIGSEGV},
    {"release_elsewhere", releases_elsewhere, SIGSEGV},
    {"helper_thread", blocks, SIGSEGV},
    {"raise", raises, SIGSEGV},
};
enum { SITES = sizeof sites / sizeof sites[0] };

/* ----------------------------------------------------------- in the child --
 */

static void look_after(const struct site *s)
{
    char text[64];

    snprintf(text, sizeof text, "%s %d\n", s->name, zero);
    for (int i = 0; i < 100; i++)
        free(malloc((size_t)(1 << (i % 16))));
    if (dlsym(RTLD_DEFAULT, "malloc") == NULL)
        _exit(3);
    cop_sleep(COP_US);
}

static void watch(void *arg)
{
    const struct site *s = arg;
    const cop_msg *m;
    cop_ref ref;

    if (cop_spawn(NULL, s->fn, NULL, &(cop_opts){.monitor = &ref}) != 0 ||
        cop_recv_ref(&m, ref, COP_FOREVER) != 0)
        _exit(4);
    if (cop_reason_fault(cop_msg_reason(m)) == NULL)
        _exit(5);
    look_after(s);
}

COP_NORETURN static void child(const struct site *s, int out)
{
    struct rlimit none = {0, 0};
    const cop_config config = {.workers = 2};

    setrlimit(RLIMIT_CORE, &none);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    if (cop_run(watch, (void *)s, &config) != 0)
        _exit(6);
    _exit(0);
}

/* ---------------------------------------------------------- in the parent --
 */

/* Reads until the child has closed its end; false: not in time. */
static bool hear(int fd, char *said, size_t size)
{
    struct pollfd p = {fd, POLLIN, 0};
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len + 1 < size) {
        if (poll(&p, 1, PATIENCE_MS * (int)stress_slow()) != 1)
            return false;
        n = read(fd, said + len, size - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    said[len] = '\0';
    return true;
}

static void check_end(const struct site *s, int status, const char *said)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    STRESS_CHECK(sig == s->signal, "%s: signal %d, status %d, said: %s",
                 s->name, sig, WEXITSTATUS(status), said);
    if (s->signal == 0)
        STRESS_CHECK(WEXITSTATUS(status) == 0, "%s: status %d, said: %s",
                     s->name, WEXITSTATUS(status), said);
    else
        STRESS_CHECK(strstr(said, "coppice: fatal: ") != NULL,
                     "%s: no report: %s", s->name, said);
}

static void run_once(const struct site *s)
{
    char said[8192];
    int fds[2], status;

    STRESS_CHECK(pipe(fds) == 0, "pipe");
    fflush(NULL);
    pid_t pid = fork();
    STRESS_CHECK(pid >= 0, "fork");
    if (pid == 0)
        child(s, fds[1]);
    close(fds[1]);
    if (!hear(fds[0], said, sizeof said)) {
        kill(pid, SIGKILL);
        stress_fail("%s hangs", s->name);
    }
    close(fds[0]);
    STRESS_CHECK(waitpid(pid, &status, 0) == pid, "waitpid");
    check_end(s, status, said);
}

int main(int argc, char **argv)
{
    uint64_t survived = 0, ended = 0;

    stress_begin(argc, argv, "faults that are the actor's, or everybody's",
                 10000);
    if (STRESS_INSTRUMENTED)
        return stress_ok("skipped=1"); /* the sanitizer takes the faults */
    for (uint64_t i = 0; i < stress.n; i++) {
        const struct site *s = &sites[i % SITES];
        run_once(s);
        survived += s->signal == 0;
        ended += s->signal != 0;
        stress_beat(i + 1);
    }
    return stress_ok("sites=%d survived=%" PRIu64 " ended=%" PRIu64, SITES,
                     survived, ended);
}
