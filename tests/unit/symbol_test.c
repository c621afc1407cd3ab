/* SPDX-License-Identifier: MIT
 *
 * symbol_test.c - functions and lines from addresses.
 */
#include "tests/support/unit.h"

#include "runtime/probe/symbol.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile int sink;

__attribute__((noinline)) static void some_function(void)
{
    sink++;
    sink++;
}

static uintptr_t inlined_at;

__attribute__((noinline)) static void note_caller(void)
{
    inlined_at = (uintptr_t)__builtin_return_address(0) - 1;
}

static inline __attribute__((always_inline)) void inlined(int *p)
{
    note_caller();
    *p = 1;
}

__attribute__((noinline)) static void outer(int *p)
{
    inlined(p);
    sink++;
}

START_TEST(finds_functions_of_the_program)
{
    struct copi_symbol s;
    uintptr_t at = (uintptr_t)some_function;

    ck_assert(copi_symbol_find(at + 3, &s));
    ck_assert_str_eq(s.function, "some_function");
    ck_assert_uint_eq(s.offset, 3);
    ck_assert(copi_symbol_find((uintptr_t)copi_symbol_find, &s));
    ck_assert_str_eq(s.function, "copi_symbol_find");
    ck_assert_uint_eq(s.offset, 0);
}
END_TEST

START_TEST(finds_functions_of_libraries)
{
    struct copi_symbol s;

    ck_assert(copi_symbol_find((uintptr_t)getenv + 1, &s));
    ck_assert_ptr_nonnull(strstr(s.object, "libc.so"));
    ck_assert_ptr_nonnull(strstr(s.function, "getenv"));
    ck_assert_uint_eq(s.offset, 1);
}
END_TEST

START_TEST(knows_what_is_no_code)
{
    struct copi_symbol s;
    char text[64];
    int local;

    ck_assert(!copi_symbol_find(0, &s));
    ck_assert(!copi_symbol_find(16, &s));
    ck_assert(!copi_symbol_find(UINTPTR_MAX, &s));
    ck_assert(!copi_symbol_find((uintptr_t)&local, &s));
    ck_assert_str_eq(copi_symbol_str(0x1234, false, true, text, sizeof text),
                     "0x1234");
    ck_assert_str_eq(copi_symbol_str(0, true, true, text, sizeof text), "0x0");
}
END_TEST

START_TEST(says_where_a_call_returns_to)
{
    char text[COP_PID_TEXT + 64];
    uintptr_t at = (uintptr_t)some_function;

    copi_symbol_str(at, false, false, text, sizeof text);
    ck_assert_str_eq(text, "some_function");
    copi_symbol_str(at + 1, true, false, text, sizeof text);
    ck_assert_str_eq(text, "some_function+0x1");
    /* an address that a call returns to lies behind the call */
    copi_symbol_str(at, true, false, text, sizeof text);
    ck_assert_ptr_null(strstr(text, "some_function"));
}
END_TEST

START_TEST(texts_are_cut_to_fit)
{
    char text[300], want[300];

    for (int deep = 0; deep < 2; deep++) {
        copi_symbol_str((uintptr_t)some_function + 1, false, deep, want, 300);
        for (size_t size = 1; size <= strlen(want) + 1; size++) {
            memset(text, 'x', sizeof text);
            copi_symbol_str((uintptr_t)some_function + 1, false, deep, text,
                            size);
            ck_assert_uint_eq(strlen(text), size - 1);
            ck_assert(memcmp(text, want, size - 1) == 0);
            ck_assert_int_eq(text[size], 'x');
        }
    }
    text[0] = 'x';
    copi_symbol_str((uintptr_t)some_function, false, false, text, 0);
    ck_assert_int_eq(text[0], 'x');
}
END_TEST

static bool has_lines(void)
{
    return strcmp(copi_lines_by(), "libdw") == 0;
}

START_TEST(finds_lines_where_libdw_is_there)
{
    struct copi_line line[4];

    if (!has_lines()) {
        ck_assert_uint_eq(copi_lines_find((uintptr_t)some_function, line, 4),
                          0);
        return;
    }
    for (int again = 0; again < 3; again++) {
        ck_assert_uint_eq(copi_lines_find((uintptr_t)some_function, line, 4),
                          1);
        ck_assert_str_eq(line[0].function, "some_function");
        ck_assert_ptr_nonnull(strstr(line[0].file, "symbol_test.c"));
        ck_assert(line[0].line > 10 && line[0].line < 30);
        copi_lines_forget();
    }
    ck_assert_uint_eq(copi_lines_find(64, line, 4), 0);
    ck_assert_uint_eq(copi_lines_find((uintptr_t)some_function, line, 0), 0);
}
END_TEST

/* The library beside this program, if it was built and may be loaded. */
static void *load_later(void)
{
    char path[512];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(path, '/') = '\0';
    strcat(path, "/libcoppice.so");
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

START_TEST(finds_lines_of_what_is_loaded_later)
{
    struct copi_line line[4];
    void *lib;

    if (!has_lines())
        return;
    ck_assert_uint_ge(copi_lines_find((uintptr_t)some_function, line, 4), 1);
    lib = load_later();
    if (lib == NULL)
        return;
    ck_assert_uint_ge(
        copi_lines_find((uintptr_t)dlsym(lib, "cop_pid_str"), line, 4), 1);
    ck_assert_str_eq(line[0].function, "cop_pid_str");
}
END_TEST

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of one question after all was forgotten: the least of a few. */
static int64_t cost_of_a_start(void)
{
    struct copi_line line;
    int64_t least = INT64_MAX;

    for (int i = 0; i < 5; i++) {
        int64_t begun = now_ns();
        copi_lines_forget();
        (void)copi_lines_find((uintptr_t)some_function, &line, 1);
        if (now_ns() - begun < least)
            least = now_ns() - begun;
    }
    return least;
}

/* Nothing is looked for again because of an address that lies nowhere. */
START_TEST(an_address_in_no_object_costs_no_start)
{
    struct copi_line line;
    int64_t begun, start = cost_of_a_start();

    if (!has_lines())
        return;
    begun = now_ns();
    for (uintptr_t pc = 64; pc < 128; pc++)
        ck_assert_uint_eq(copi_lines_find(pc, &line, 1), 0);
    ck_assert_int_lt(now_ns() - begun, 8 * start);
}
END_TEST

START_TEST(finds_what_was_inlined)
{
    struct copi_line line[4];
    char text[COP_PID_TEXT + 256];
    int x = 0;

    outer(&x);
    ck_assert_int_eq(x, 1);
    if (!has_lines())
        return;
    ck_assert_uint_eq(copi_lines_find(inlined_at, line, 4), 2);
    ck_assert_str_eq(line[0].function, "inlined");
    ck_assert_str_eq(line[1].function, "outer");
    ck_assert_int_lt(line[0].line, line[1].line);
    ck_assert_uint_eq(copi_lines_find(inlined_at, line, 1), 1);
    copi_symbol_str(inlined_at, false, true, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "symbol_test.c:"));
    ck_assert_ptr_nonnull(strstr(text, ", in outer at "));
    copi_symbol_str(inlined_at, false, false, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "outer", 5), 0);
}
END_TEST

static const TTest *const cases[] = {
    finds_functions_of_the_program,
    finds_functions_of_libraries,
    knows_what_is_no_code,
    says_where_a_call_returns_to,
    texts_are_cut_to_fit,
    finds_lines_where_libdw_is_there,
    finds_lines_of_what_is_loaded_later,
    an_address_in_no_object_costs_no_start,
    finds_what_was_inlined,
};
UNIT_MAIN("symbol", cases)
