/* SPDX-License-Identifier: MIT
 *
 * statem_rules_test.c - the rules of gen_statem, one test each: a script of
 * tests/conformance/statem/rules.txt, where the trace is what gen_statem (OTP
 * 25) printed. The name says the rule; the script's comment says more.
 */
#include "tests/support/statem_script.h"

#define RULES_FILE "tests/conformance/statem/rules.txt"

/* In the order of the file. */
#define RULES(X)                                                               \
    X(init_begins_in_its_state)                                                \
    X(init_actions_are_carried_out)                                            \
    X(init_postpone_means_nothing)                                             \
    X(init_stops)                                                              \
    X(init_ignores)                                                            \
    X(init_bad_action_comes_after_the_start)                                   \
    X(init_pushes_a_module)                                                    \
    X(next_state_changes)                                                      \
    X(next_state_same_is_keep)                                                 \
    X(repeat_state_enters_again)                                               \
    X(repeat_state_without_enter_is_keep)                                      \
    X(repeat_state_keeps_the_state_timeout)                                    \
    X(stop_terminates)                                                         \
    X(stop_normal_is_an_end_as_well)                                           \
    X(stop_and_reply_replies_first)                                            \
    X(stop_and_reply_takes_replies_only)                                       \
    X(exit_in_a_callback_terminates)                                           \
    X(enter_call_at_the_start)                                                 \
    X(enter_call_gets_the_old_state)                                           \
    X(enter_call_comes_before_retried_events)                                  \
    X(enter_call_not_without_state_enter)                                      \
    X(enter_call_may_name_its_own_state)                                       \
    X(enter_call_must_not_change_the_state)                                    \
    X(enter_call_may_repeat)                                                   \
    X(enter_call_must_not_postpone)                                            \
    X(enter_call_may_say_postpone_false)                                       \
    X(enter_call_must_not_insert_events)                                       \
    X(enter_call_must_not_change_the_module)                                   \
    X(enter_call_must_not_push_a_module)                                       \
    X(enter_call_must_not_pop_a_module)                                        \
    X(enter_call_pops_too_much)                                                \
    X(enter_call_may_stop)                                                     \
    X(enter_call_may_stop_and_reply)                                           \
    X(enter_call_that_exits)                                                   \
    X(enter_call_may_reply)                                                    \
    X(enter_call_at_the_start_may_stop)                                        \
    X(enter_call_starts_a_state_timeout)                                       \
    X(enter_call_overrides_the_events_timeouts)                                \
    X(enter_call_hibernates)                                                   \
    X(postponed_event_waits_for_a_change)                                      \
    X(postponed_events_come_in_order)                                          \
    X(postponed_event_comes_before_messages)                                   \
    X(postponed_event_comes_after_inserted_ones)                               \
    X(postponed_event_comes_before_zero_timeouts)                              \
    X(postponed_with_the_change_is_retried)                                    \
    X(postponed_again_keeps_its_place)                                         \
    X(postponed_behind_a_retried_one)                                          \
    X(postpone_is_taken_back)                                                  \
    X(postpone_and_repeat)                                                     \
    X(postponed_internal_event)                                                \
    X(postponed_timeout_keeps_its_type)                                        \
    X(postponed_call_is_answered_later)                                        \
    X(postponed_call_is_lost_at_the_end)                                       \
    X(inserted_events_come_in_order)                                           \
    X(inserted_events_come_before_messages)                                    \
    X(inserted_by_an_inserted_one)                                             \
    X(inserted_events_of_any_type)                                             \
    X(inserted_call_is_answered)                                               \
    X(inserted_enter_is_refused)                                               \
    X(inserted_timeouts_touch_no_timer)                                        \
    X(replies_are_sent_in_order)                                               \
    X(reply_twice_is_no_error)                                                 \
    X(reply_before_a_wrong_action_is_sent)                                     \
    X(wrong_action_ends_in_the_new_state)                                      \
    X(calls_without_a_reply)                                                   \
    X(state_timeout_comes)                                                     \
    X(state_timeout_ends_with_the_state)                                       \
    X(state_timeout_stays_in_the_same_state)                                   \
    X(state_timeout_does_not_come_back)                                        \
    X(state_timeout_is_of_the_new_state)                                       \
    X(state_timeout_is_started_anew)                                           \
    X(state_timeout_is_updated)                                                \
    X(state_timeout_update_without_one_is_zero)                                \
    X(state_timeout_update_after_a_change_is_zero)                             \
    X(state_timeout_is_cancelled)                                              \
    X(state_timeout_infinity_cancels)                                          \
    X(state_timeout_at_an_instant)                                             \
    X(state_timeout_at_a_past_instant)                                         \
    X(state_timeout_zero_comes_before_messages)                                \
    X(state_timeout_zero_comes_after_inserted_events)                          \
    X(state_timeout_zero_ends_with_the_state)                                  \
    X(state_timeout_zero_is_cancelled)                                         \
    X(state_timeout_negative_is_refused)                                       \
    X(event_timeout_comes)                                                     \
    X(event_timeout_is_cancelled_by_a_message)                                 \
    X(event_timeout_is_cancelled_by_an_inserted_event)                         \
    X(event_timeout_is_cancelled_by_a_retried_event)                           \
    X(event_timeout_is_cancelled_by_another_timeout)                           \
    X(event_timeout_is_cancelled_by_a_postponed_event)                         \
    X(event_timeout_outlives_a_change)                                         \
    X(event_timeout_zero_comes_at_once)                                        \
    X(event_timeout_zero_after_an_inserted_event)                              \
    X(event_timeout_zero_before_other_zeros)                                   \
    X(event_timeout_zero_after_other_zeros)                                    \
    X(event_timeout_update_is_zero)                                            \
    X(event_timeout_is_not_cancelled_by_its_replies)                           \
    X(named_timeout_comes)                                                     \
    X(named_timeout_outlives_changes_and_events)                               \
    X(named_timeouts_run_side_by_side)                                         \
    X(named_timeout_of_the_same_name_overrides)                                \
    X(named_timeout_is_updated)                                                \
    X(named_timeout_update_without_one_is_zero)                                \
    X(named_timeout_is_cancelled)                                              \
    X(named_timeout_infinity_cancels)                                          \
    X(named_timeout_at_an_instant)                                             \
    X(cancel_without_a_timeout_does_nothing)                                   \
    X(zero_timeouts_come_in_order)                                             \
    X(zero_timeout_started_anew_goes_to_the_end)                               \
    X(zero_timeout_updated_keeps_its_place)                                    \
    X(zero_timeout_is_cancelled_by_infinity)                                   \
    X(last_action_on_a_timeout_counts)                                         \
    X(last_action_may_be_an_update)                                            \
    X(last_action_update_after_cancel)                                         \
    X(running_timeout_becomes_zero)                                            \
    X(hibernate_changes_nothing)                                               \
    X(module_is_changed)                                                       \
    X(module_makes_its_enter_call_at_once)                                     \
    X(module_without_enter_calls_gets_none)                                    \
    X(module_is_pushed_and_popped)                                             \
    X(module_change_keeps_what_was_pushed)                                     \
    X(module_popped_too_often)                                                 \
    X(module_present_terminates)                                               \
    X(module_keeps_postponed_events)

#define RULE(rule)                                                             \
    START_TEST(rule)                                                           \
    {                                                                          \
        script_run(RULES_FILE, #rule);                                         \
    }                                                                          \
    END_TEST
RULES(RULE)

#define NAME(rule) #rule,
static const char *const names[] = {RULES(NAME)};

START_TEST(each_script_is_a_test)
{
    size_t i = 0;

    for (struct script *s = script_read(RULES_FILE); s != NULL; s = s->next) {
        ck_assert_uint_lt(i, sizeof names / sizeof names[0]);
        ck_assert_str_eq(s->name, names[i++]);
    }
    ck_assert_uint_eq(i, sizeof names / sizeof names[0]);
}
END_TEST

#define CASE(rule) rule,
static const TTest *const cases[] = {RULES(CASE) each_script_is_a_test};
UNIT_MAIN("statem_rules", cases)
