/* SPDX-License-Identifier: MIT
 *
 * unit.h - what a unit test program needs around its tests.
 *
 *     #include "tests/support/unit.h"
 *
 *     START_TEST(empty_list_is_empty)
 *     {
 *         ck_assert(...);
 *     }
 *     END_TEST
 *
 *     static const TTest *const cases[] = {empty_list_is_empty};
 *     UNIT_MAIN("list", cases)
 *
 * The program runs each test in a process of its own (unless CK_FORK=no) with
 * a limit of 30 s, times COP_TEST_SLOW. Arguments name the tests to run; none
 * means all. CK_TAP_LOG_FILE_NAME=FILE writes one line per test, which is how
 * run.sh counts.
 *
 * START_TEST is defined anew: check's own makes the test's name a variable,
 * which cannot initialise a static table. Here it is an array of one, whose
 * name is an address constant and still goes wherever check wants a TTest *.
 */
#ifndef TESTS_SUPPORT_UNIT_H
#define TESTS_SUPPORT_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_TIMEOUT_S 30

/* clang-format off */
#undef START_TEST
#define START_TEST(test_name)                                                \
    static void test_name##_fn(int _i CK_ATTRIBUTE_UNUSED);                  \
    static const TTest test_name[1] = {                                      \
        {#test_name, test_name##_fn, __FILE__, __LINE__}};                   \
    static void test_name##_fn(int _i CK_ATTRIBUTE_UNUSED)
/* clang-format on */

#define UNIT_MAIN(suite_name, cases)                                           \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        return unit_main(suite_name, cases, sizeof(cases) / sizeof(cases[0]),  \
                         argc, argv);                                          \
    }

/* How many times slower than usual the machine is: 1, or COP_TEST_SLOW, which
 * sanitizer runs set. Scale deadlines that a test hopes to meet with it. */
static inline int unit_slow(void)
{
    const char *text = getenv("COP_TEST_SLOW");
    int slow = text ? atoi(text) : 1;
    return slow < 1 ? 1 : slow;
}

static inline bool unit_is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2;
}

/* 0 if at least one test ran and all passed. */
static inline int unit_main(const char *suite_name, const TTest *const *cases,
                            size_t n, int argc, char **argv)
{
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create(suite_name);
    tcase_set_timeout(tcase, (double)UNIT_TIMEOUT_S * unit_slow());
    for (size_t i = 0; i < n; i++)
        if (unit_is_wanted(cases[i]->name, argc, argv))
            tcase_add_test(tcase, cases[i]);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int ran = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (ran == 0)
        fprintf(stderr, "%s: no such test\n", suite_name);
    return ran > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
