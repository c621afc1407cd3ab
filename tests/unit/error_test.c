/* SPDX-License-Identifier: MIT
 *
 * error_test.c - codes, pids and states as text.
 */
#include <coppice/inspect.h>
#include <coppice/runtime.h>

#include "tests/support/unit.h"

START_TEST(each_code_has_its_text_and_name)
{
#define COP_X(name, code, text)                                                \
    ck_assert_str_eq(cop_error_str(name), text);                               \
    ck_assert_str_eq(cop_error_name(name), #name);                             \
    ck_assert_int_eq(name, code);
    COP_ERRORS(COP_X)
#undef COP_X
}
END_TEST

START_TEST(texts_differ_and_follow_the_rules)
{
    static const char *const texts[] = {
#define COP_X(name, code, text) text,
        COP_ERRORS(COP_X)
#undef COP_X
    };
    size_t n = sizeof(texts) / sizeof(texts[0]);
    for (size_t i = 0; i < n; i++) {
        ck_assert(texts[i][0] >= 'a' && texts[i][0] <= 'z');
        ck_assert(texts[i][strlen(texts[i]) - 1] != '.');
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(texts[i], texts[j]);
    }
}
END_TEST

START_TEST(any_number_has_a_text)
{
    ck_assert_str_eq(cop_error_str(0), "success");
    ck_assert_str_eq(cop_error_name(0), "0");
    static const int strangers[] = {1, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_str_eq(cop_error_str(strangers[i]), "unknown error");
        ck_assert_str_eq(cop_error_name(strangers[i]), "unknown");
    }
}
END_TEST

START_TEST(pid_shows_slot_and_generation)
{
    char buf[COP_PID_TEXT];
    ck_assert_str_eq(cop_pid_str(COP_NO_PID, buf, sizeof(buf)), "0.0.0");
    ck_assert_str_eq(cop_pid_str(COP_PID_INIT, buf, sizeof(buf)), "0.1.0");
    cop_pid pid = {(UINT64_C(3) << 24) | 12};
    ck_assert_str_eq(cop_pid_str(pid, buf, sizeof(buf)), "0.12.3");
    ck_assert_ptr_eq(cop_pid_str(pid, buf, sizeof(buf)), buf);
    cop_pid last = {UINT64_MAX};
    ck_assert_str_eq(cop_pid_str(last, buf, sizeof(buf)),
                     "0.16777215.1099511627775");
}
END_TEST

START_TEST(pid_is_cut_to_fit)
{
    char whole[COP_PID_TEXT], buf[COP_PID_TEXT];
    cop_pid pid = {(UINT64_C(345) << 24) | 12};
    cop_pid_str(pid, whole, sizeof(whole));
    for (size_t size = 0; size <= strlen(whole) + 1; size++) {
        memset(buf, '#', sizeof(buf));
        ck_assert_ptr_eq(cop_pid_str(pid, buf, size), buf);
        ck_assert_int_eq(buf[size], '#');
        if (size > 0) {
            ck_assert_uint_eq(strlen(buf), size - 1);
            ck_assert_int_eq(strncmp(buf, whole, size - 1), 0);
        }
    }
    ck_assert_ptr_null(cop_pid_str(pid, NULL, 0));
}
END_TEST

START_TEST(states_have_texts)
{
#define COP_X(name, text) ck_assert_str_eq(cop_wait_str(COP_WAIT_##name), text);
    COP_WAITS(COP_X)
#undef COP_X
#define COP_X(name, text)                                                      \
    ck_assert_str_eq(cop_dead_reason_str(COP_DEAD_##name), text);
    COP_DEAD_REASONS(COP_X)
#undef COP_X
    ck_assert_str_eq(cop_status_str(COP_STATUS_RUNNABLE), "runnable");
    ck_assert_str_eq(cop_status_str(COP_STATUS_RUNNING), "running");
    ck_assert_str_eq(cop_status_str(COP_STATUS_WAITING), "waiting");
    ck_assert_str_eq(cop_status_str(COP_STATUS_EXITING), "exiting");
}
END_TEST

START_TEST(strange_states_are_unknown)
{
    ck_assert_str_eq(cop_wait_str(COP_WAIT_COUNT), "unknown");
    ck_assert_str_eq(cop_wait_str((cop_wait)-1), "unknown");
    ck_assert_str_eq(cop_dead_reason_str(COP_DEAD_COUNT), "unknown");
    ck_assert_str_eq(cop_status_str((cop_status)99), "unknown");
}
END_TEST

START_TEST(version_is_three_numbers)
{
    ck_assert_str_eq(cop_version(), "0.1.0");
}
END_TEST

static const TTest *const cases[] = {
    each_code_has_its_text_and_name,
    texts_differ_and_follow_the_rules,
    any_number_has_a_text,
    pid_shows_slot_and_generation,
    pid_is_cut_to_fit,
    states_have_texts,
    strange_states_are_unknown,
    version_is_three_numbers,
};
UNIT_MAIN("error", cases)
