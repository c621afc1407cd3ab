/* SPDX-License-Identifier: MIT
 *
 * native.h - for suites of native faults, which a sanitizer build cannot run:
 * the sanitizer takes the faults for itself, and the runtime leaves them to it.
 * NATIVE_MAIN is UNIT_MAIN, or there says so and counts as skipped.
 */
#ifndef TESTS_SUPPORT_NATIVE_H
#define TESTS_SUPPORT_NATIVE_H

#include "tests/support/unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NATIVE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NATIVE_SANITIZED 1
#endif
#endif

#ifdef NATIVE_SANITIZED
#define NATIVE_MAIN(suite_name, cases)                                         \
    int main(void)                                                             \
    {                                                                          \
        (void)cases;                                                           \
        puts("the sanitizer takes native faults for itself");                  \
        return 77;                                                             \
    }
#else
#define NATIVE_MAIN(suite_name, cases) UNIT_MAIN(suite_name, cases)
#endif

#endif
