/* SPDX-License-Identifier: MIT
 *
 * coppice.c - the program `coppice`: looks at programs that run.
 *
 * Exit codes: 0; 1, it failed (no such process, no live view); 2, it was
 * called in a way that it does not know.
 */
#include "actors/tool/tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void tool_complain(const char *fmt, ...)
{
    va_list args;

    fflush(stdout);
    fputs("coppice: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* -------------------------------------------------------------- options -- */

enum form { FORM_TEXT, FORM_DOT, FORM_SVG };

struct options {
    struct top_options top;
    enum form form;
    bool help;
    bool is_bad;
};

static bool read_count(const char *text, size_t *out)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    *out = strtoul(text, &end, 10);
    return *end == '\0' && *out > 0;
}

static bool read_seconds(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0.01 && *out <= 86400;
}

static bool read_sort(const char *text, enum sort_key *out)
{
    for (int i = 0; i < SORT_COUNT; i++)
        if (strcmp(text, sort_name((enum sort_key)i)) == 0) {
            *out = (enum sort_key)i;
            return true;
        }
    return false;
}

static bool read_process(const char *text, int *out)
{
    size_t n;

    if (!read_count(text, &n) || n >= 1u << 30)
        return false;
    *out = (int)n;
    return true;
}

/* The value of "--name=value"; NULL: it is another option. */
static const char *value_of(const char *arg, const char *name)
{
    size_t n = strlen(name);

    return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool read_option(struct options *o, const char *arg)
{
    const char *value;

    if (strcmp(arg, "--once") == 0)
        o->top.once = true;
    else if (strcmp(arg, "--dot") == 0)
        o->form = FORM_DOT;
    else if (strcmp(arg, "--svg") == 0)
        o->form = FORM_SVG;
    else if ((value = value_of(arg, "--sort")) != NULL)
        return read_sort(value, &o->top.sort);
    else if ((value = value_of(arg, "--interval")) != NULL)
        return read_seconds(value, &o->top.interval_s);
    else if ((value = value_of(arg, "--rows")) != NULL)
        return read_count(value, &o->top.rows);
    else if ((value = value_of(arg, "--actors")) != NULL)
        return read_count(value, &o->top.actors_max);
    else
        return false;
    return true;
}

static void read_options(struct options *o, int argc, char **argv)
{
    for (int i = 0; i < argc && !o->is_bad; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            o->help = true;
        else if (argv[i][0] == '-')
            o->is_bad = !read_option(o, argv[i]);
        else
            o->is_bad =
                o->top.process != 0 || !read_process(argv[i], &o->top.process);
        if (o->is_bad)
            tool_complain("what is \"%s\"?", argv[i]);
    }
}

/* ------------------------------------------------------------- commands -- */

static int list(const struct options *o)
{
    (void)o;
    return attach_list();
}

static int top(const struct options *o)
{
    return top_run(&o->top);
}

static int info(const struct options *o)
{
    char *text = attach_fetch(o->top.process, o->top.actors_max);

    if (text == NULL)
        return EXIT_FAILED;
    fputs(text, stdout);
    free(text);
    return EXIT_DONE;
}

static int tree(const struct options *o)
{
    static void (*const print[])(FILE *, const struct program *) = {
        [FORM_TEXT] = tree_print_text,
        [FORM_DOT] = tree_print_dot,
        [FORM_SVG] = svg_print};
    char *text = attach_fetch(o->top.process, o->top.actors_max);
    struct program p;

    if (text == NULL || !program_load(&p, o->top.process, text))
        return EXIT_FAILED;
    print[o->form](stdout, &p);
    program_free(&p);
    return EXIT_DONE;
}

struct command {
    const char *name;
    int (*run)(const struct options *o);
    bool takes_process;
    const char *help;
};

static const struct command commands[] = {
    {"list", list, false,
     "usage: coppice list\n\n"
     "Lists the programs that can be looked at: process and name.\n"},
    {"top", top, true,
     "usage: coppice top PID [--once] [--sort=KEY] [--interval=SECONDS]\n"
     "                       [--rows=N] [--actors=N]\n\n"
     "Shows workers, actors and the last failures again and again; once, with\n"
     "--once or when the output is no terminal.\n\n"
     "  --sort=KEY      reductions (a second; the default), memory, queue,\n"
     "                  restarts, name, age, tree\n"
     "  --interval=S    between two looks: 1, or 0.2 with --once\n"
     "  --rows=N        actors shown\n"
     "  --actors=N      actors looked at: 10000\n\n"
     "Keys: q quits; r m k s n a t choose the order.\n"},
    {"info", info, true,
     "usage: coppice info PID [--actors=N]\n\n"
     "Prints all that is known of a program, as JSON.\n"},
    {"tree", tree, true,
     "usage: coppice tree PID [--dot | --svg] [--actors=N]\n\n"
     "Prints who has started whom: as indented text, as a graph for dot(1),\n"
     "or as a picture.\n"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char usage[] =
    "usage: coppice list\n"
    "       coppice top PID [OPTION...]\n"
    "       coppice info PID [OPTION...]\n"
    "       coppice tree PID [OPTION...]\n\n"
    "Looks at a running program that was started with COP_TOP=1 in its\n"
    "environment, or calls cop_view_start. `coppice COMMAND --help` says "
    "more.\n"
    "\n"
    "Exit codes: 0; 1, it failed; 2, it was called wrongly.\n";

static int run(const struct command *c, int argc, char **argv)
{
    struct options o = {0};

    read_options(&o, argc, argv);
    if (o.help) {
        fputs(c->help, stdout);
        return EXIT_DONE;
    }
    if (!o.is_bad && c->takes_process != (o.top.process != 0)) {
        tool_complain(c->takes_process ? "which process?"
                                       : "it takes no process");
        o.is_bad = true;
    }
    if (o.is_bad) {
        fputs(c->help, stderr);
        return EXIT_USAGE;
    }
    return c->run(&o);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    int rc = EXIT_USAGE;

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) {
            rc = run(&commands[i], argc - 2, argv + 2);
            if (rc == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
                rc = EXIT_FAILED;
            return rc;
        }
    if (name[0] != '\0')
        tool_complain("what is \"%s\"?", name);
    fputs(usage, stderr);
    return rc;
}
