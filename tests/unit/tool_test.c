/* SPDX-License-Identifier: MIT
 *
 * tool_test.c - the parts of the program `coppice` that make something of a
 * document: reading JSON, the tree, harmless text, DOT and SVG.
 */
#include "actors/tool/tool.h"
#include "tests/support/unit.h"

#include <stdarg.h>

static char complaint[256];

void tool_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(complaint, sizeof complaint, fmt, args);
    va_end(args);
}

/* ----------------------------------------------------------------- JSON -- */

static bool parses(const char *text)
{
    struct json_doc d;
    char *copy = strdup(text);
    bool ok = json_parse(&d, copy);

    if (ok)
        json_free(&d);
    ck_assert_ptr_null(d.root);
    free(copy);
    return ok;
}

START_TEST(json_is_read)
{
    static const char *const good[] = {"0",
                                       " -1.5e3 ",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[1,2,[3]]",
                                       "null",
                                       "true",
                                       "{\"a\":{\"b\":[{}]},\"c\":false}",
                                       "\"\\u00e4\\ud83d\\ude00\\n\""};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(parses(good[i]), "%s", good[i]);
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
    static const char *const bad[] = {
        "",          " ",         "{",        "[",         "[1",  "[1,",
        "[1,]",      "{\"a\"}",   "{\"a\":}", "{a:1}",     "\"",  "\"\\",
        "\"\\u12\"", "\"\\x\"",   "\"\n\"",   "tru",       "1 2", "+1",
        "--1",       "1-",        "[1}",      "{\"a\":1]", "nul", "-",
        ".5",        "{\"a\":1,}"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!parses(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(depth_is_bounded)
{
    static char deep[200001];

    memset(deep, '[', sizeof deep - 1);
    ck_assert(!parses(deep));
    strcpy(deep, "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]");
    ck_assert(parses(deep));
}
END_TEST

START_TEST(values_are_found)
{
    char text[] = "{\"s\":\"a\\\"\\u0041\\u0000\\ud800\",\"n\":12,\"t\":true,"
                  "\"l\":[1,2,3],\"z\":null}";
    struct json_doc d;

    ck_assert(json_parse(&d, text));
    ck_assert_str_eq(json_text(d.root, "s"), "a\"A\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert(json_number(d.root, "n", 0) == 12);
    ck_assert(json_number(d.root, "s", -7) == -7);
    ck_assert(json_is_true(d.root, "t"));
    ck_assert(!json_is_true(d.root, "n"));
    ck_assert_uint_eq(json_get(d.root, "l")->count, 3);
    ck_assert_ptr_null(json_text(d.root, "z"));
    ck_assert_ptr_null(json_get(d.root, "none"));
    ck_assert_ptr_null(json_get(json_get(d.root, "l"), "s"));
    json_free(&d);
}
END_TEST

/* Bytes changed at random: nothing but true or false may come of it. */
START_TEST(damaged_documents_do_no_harm)
{
    static const char whole[] =
        "{\"format\":1,\"actors\":[{\"pid\":\"0.1.1\",\"parent\":null,"
        "\"serial\":1,\"wait\":\"-\"},{\"pid\":\"0.2.1\",\"parent\":\"0.1.1\","
        "\"name\":\"\\u00e4\"}],\"workers\":[{\"busy_ns\":-1}]}";
    unsigned long chance = 12345;

    for (int n = 0; n < 20000; n++) {
        char *text = strdup(whole);
        struct program p;
        for (int i = 0; i < 3; i++) {
            chance = chance * 6364136223846793005ul + 1442695040888963407ul;
            text[(chance >> 33) % (sizeof whole - 1)] =
                "\"\\{}[],:01u\xff\n"[(chance >> 20) % 13];
        }
        if (program_load(&p, 1, text))
            program_free(&p);
    }
}
END_TEST

/* ----------------------------------------------------------------- text -- */

/* What a printing function writes; in a static buffer. */
static const char *printed(void (*print)(FILE *, const char *, size_t),
                           const char *text, size_t width)
{
    static char out[512];
    FILE *f = fmemopen(out, sizeof out, "w");

    ck_assert_ptr_nonnull(f);
    print(f, text, width);
    fclose(f);
    return out;
}

START_TEST(terminals_get_no_commands)
{
    ck_assert_str_eq(printed(safe_print, "a\x1b[31mb\r\n\x07\x7f", 0),
                     "a?[31mb????");
    /* C1 controls, right-to-left override, zero width, line separator */
    ck_assert_str_eq(printed(safe_print,
                             "\xc2\x9b"
                             "1;\xe2\x80\xae"
                             "x"
                             "\xe2\x80\x8b\xe2\x80\xa8\xef\xbb\xbf",
                             0),
                     "?1;?x???");
    ck_assert_str_eq(printed(safe_print, "\xff\xc3", 0), "??");
    ck_assert_str_eq(printed(safe_print, "gr\xc3\xbc\xc3\x9f", 4),
                     "gr\xc3\xbc\xc3\x9f");
    ck_assert_str_eq(printed(safe_print, "gr\xc3\xbc\xc3\x9f", 3),
                     "gr\xc3\xbc");
}
END_TEST

START_TEST(dot_and_xml_are_escaped)
{
    ck_assert_str_eq(printed(safe_print_dot, "\"];x\\\n", 0), "\\\"];x\\\\?");
    ck_assert_str_eq(printed(safe_print_xml, "<a b='c'>\"&\x01", 0),
                     "&lt;a b=&#39;c&#39;&gt;&quot;&amp;?");
}
END_TEST

START_TEST(amounts_are_short)
{
    char buf[16];

    ck_assert_str_eq(safe_amount(-1, buf), "-");
    ck_assert_str_eq(safe_amount(0, buf), "0");
    ck_assert_str_eq(safe_amount(9999, buf), "9999");
    ck_assert_str_eq(safe_amount(10000, buf), "10k");
    ck_assert_str_eq(safe_amount(1234567, buf), "1.2M");
    ck_assert_str_eq(safe_amount(2e10, buf), "20G");
    ck_assert_uint_le(strlen(safe_amount(1e30, buf)), 15);
}
END_TEST

/* ------------------------------------------------------------- the tree -- */

static struct program load(const char *text)
{
    struct program p;

    ck_assert_msg(program_load(&p, 7, strdup(text)), "%s", complaint);
    return p;
}

static const char *drawn(void (*print)(FILE *, const struct program *),
                         const struct program *p)
{
    static char out[8192];
    FILE *f = fmemopen(out, sizeof out, "w");

    ck_assert_ptr_nonnull(f);
    print(f, p);
    fclose(f);
    return out;
}

/* clang-format off */
#define A(pid, parent, serial, more)                                           \
    "{\"pid\":\"" pid "\",\"parent\":" parent ",\"serial\":" serial more "}"

static const char family[] =
    "{\"format\":1,\"now_ns\":1000000000,\"omitted\":2,\"actors\":["
    A("0.1.1", "null", "1", ",\"name\":\"top\",\"strategy\":\"one_for_one\","
      "\"status\":\"waiting\",\"wait\":\"-\",\"reductions\":100") ","
    A("0.2.1", "\"0.1.1\"", "2", ",\"child\":\"db\",\"restarts\":3,"
      "\"status\":\"waiting\",\"wait\":\"call\",\"calling\":\"0.4.1\"") ","
    A("0.3.1", "\"0.9.9\"", "3", ",\"label\":\"\\\"<\\u001b\","
      "\"status\":\"running\",\"queue\":4") ","
    A("0.4.1", "\"0.2.1\"", "4", ",\"function\":\"0x1\","
      "\"symbol\":\"parse\"") ","
    A("0.5.1", "\"0.1.1\"", "5", ",\"function\":\"0x2\",\"symbol\":null,"
      "\"os_pid\":77") "]}";

/* Parents that are younger, and themselves. */
static const char circles[] =
    "{\"format\":1,\"actors\":["
    A("a", "\"b\"", "1", "") ","
    A("b", "\"a\"", "2", "") ","
    A("c", "\"c\"", "3", "") "]}";

static const char earlier[] =
    "{\"format\":1,\"now_ns\":1000000000,\"actors\":["
    A("a", "null", "1", ",\"reductions\":100") ","
    A("b", "null", "2", ",\"reductions\":5") "],\"workers\":"
    "[{\"busy_ns\":1000000000,\"turns\":10},{\"busy_ns\":900}]}";

static const char later[] =
    "{\"format\":1,\"now_ns\":3000000000,\"actors\":["
    A("a", "null", "1", ",\"reductions\":300") ","
    A("c", "null", "3", ",\"reductions\":40") "],\"workers\":"
    "[{\"busy_ns\":2000000000,\"turns\":30},{\"busy_ns\":100}]}";
/* clang-format on */

START_TEST(the_tree_is_that_of_parents)
{
    struct program p = load(family);

    ck_assert_str_eq(drawn(tree_print_text, &p),
                     "0.1.1  top (one_for_one)  waiting: message\n"
                     "  0.2.1  db  waiting: call 0.4.1  restarts 3\n"
                     "    0.4.1  parse  ?\n"
                     "  0.5.1  0x2  ?  process 77\n"
                     "0.3.1  \"<?  running  queue 4\n"
                     "and 2 more\n");
    program_free(&p);
}
END_TEST

START_TEST(dot_has_a_line_for_each)
{
    struct program p = load(family);
    const char *dot = drawn(tree_print_dot, &p);

    ck_assert_ptr_nonnull(strstr(dot, "  n0 -> n1;\n"));
    ck_assert_ptr_nonnull(strstr(dot, "  n1 -> n3;\n"));
    ck_assert_ptr_nonnull(strstr(dot, "  n0 -> n4;\n"));
    ck_assert_ptr_nonnull(strstr(dot, "n2 [label=\"\\\"<?\\n0.3.1\\nqueue 4"));
    ck_assert_ptr_nonnull(strstr(dot, "db\\n0.2.1\\nrestarts 3"));
    program_free(&p);
}
END_TEST

START_TEST(svg_is_drawn)
{
    struct program p = load(family);
    const char *svg = drawn(svg_print, &p);
    size_t boxes = 0, lines = 0;

    for (const char *s = svg; (s = strstr(s, "<g>")) != NULL; s++)
        boxes++;
    for (const char *s = svg; (s = strstr(s, "<path")) != NULL; s++)
        lines++;
    ck_assert_uint_eq(boxes, 5);
    ck_assert_uint_eq(lines, 3);
    ck_assert_ptr_nonnull(strstr(svg, "<title>&quot;&lt;?</title>"));
    ck_assert_ptr_nonnull(strstr(svg, "and 2 more"));
    /* half-way between its first child and its last */
    ck_assert_ptr_nonnull(strstr(svg, "<title>top</title><rect x=\"10\" "
                                      "y=\"29.0\""));
    program_free(&p);
}
END_TEST

START_TEST(circles_are_cut)
{
    struct program p = load(circles);

    ck_assert_str_eq(drawn(tree_print_text, &p), "a  ?  ?\n"
                                                 "  b  ?  ?\n"
                                                 "c  ?  ?\n");
    program_free(&p);
}
END_TEST

START_TEST(a_long_line_of_parents_is_no_problem)
{
    enum { N = 20000 };
    char *text = malloc(100 * (size_t)N);
    size_t used = (size_t)sprintf(text, "{\"format\":1,\"actors\":[");
    struct program p;
    FILE *null = fopen("/dev/null", "w");

    for (int i = 0; i < N; i++)
        used +=
            (size_t)sprintf(text + used, "%s{\"pid\":\"%d\",\"parent\":\"%d\"}",
                            i > 0 ? "," : "", i + 1, i);
    strcpy(text + used, "]}");
    ck_assert(program_load(&p, 7, text));
    ck_assert_uint_eq(p.actors[N - 1].depth, N - 1);
    tree_print_text(null, &p);
    tree_print_dot(null, &p);
    svg_print(null, &p);
    fclose(null);
    program_free(&p);
}
END_TEST

START_TEST(rates_come_from_two_documents)
{
    struct program before = load(earlier);
    struct program now = load(later);

    program_compare(&now, &before);
    ck_assert(now.actors[0].rate == 100);
    ck_assert(now.actors[1].rate == 20);
    ck_assert(now.workers[0].load == 0.5);
    ck_assert(now.workers[0].turn_rate == 10);
    ck_assert(now.workers[1].load == -1);
    program_free(&before);
    program_free(&now);
}
END_TEST

START_TEST(other_documents_are_refused)
{
    struct program p;

    ck_assert(!program_load(&p, 7, strdup("nothing")));
    ck_assert_str_eq(complaint, "process 7 answers what is no document");
    ck_assert(!program_load(&p, 7, strdup("{\"format\":2}")));
    ck_assert_ptr_nonnull(strstr(complaint, "format"));
    ck_assert(!program_load(&p, 7, strdup("{\"format\":1,\"error\":\"x\"}")));
    ck_assert(program_load(&p, 7, strdup("{\"format\":1,\"actors\":7}")));
    program_free(&p);
}
END_TEST

static const TTest *const cases[] = {json_is_read,
                                     what_is_not_json_is_refused,
                                     depth_is_bounded,
                                     values_are_found,
                                     damaged_documents_do_no_harm,
                                     terminals_get_no_commands,
                                     dot_and_xml_are_escaped,
                                     amounts_are_short,
                                     the_tree_is_that_of_parents,
                                     dot_has_a_line_for_each,
                                     svg_is_drawn,
                                     circles_are_cut,
                                     a_long_line_of_parents_is_no_problem,
                                     rates_come_from_two_documents,
                                     other_documents_are_refused};

UNIT_MAIN("tool", cases)
