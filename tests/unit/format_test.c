/* SPDX-License-Identifier: MIT
 *
 * format_test.c - the runtime's own formatting against libc's.
 */
#include <inttypes.h>

#include "runtime/base/format.h"
#include "tests/support/unit.h"

/* The same text and length as snprintf. */
#define SAME(...)                                                              \
    do {                                                                       \
        char want[128], got[128];                                              \
        int n = snprintf(want, sizeof(want), __VA_ARGS__);                     \
        ck_assert_uint_eq(copi_format(got, sizeof(got), __VA_ARGS__),          \
                          (size_t)n);                                          \
        ck_assert_str_eq(got, want);                                           \
    } while (0)

START_TEST(integers)
{
    SAME("%d %i %u", 0, -1, 1u);
    SAME("%d %d", INT_MIN, INT_MAX);
    SAME("%hhd %hhu %hd %hu", (signed char)-3, (unsigned char)250,
         (short)-30000, (unsigned short)60000);
    SAME("%ld %lu", LONG_MIN, ULONG_MAX);
    SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
    SAME("%zu %zd %td %jd %ju", SIZE_MAX, (ssize_t)-5, (ptrdiff_t)-6,
         INTMAX_MIN, UINTMAX_MAX);
    SAME("%" PRIu64 " %" PRId32 " %" PRIx64, UINT64_MAX, INT32_MIN, UINT64_MAX);
    SAME("%x %X %o", 0xbeefu, 0xbeefu, 8u);
    SAME("%#x %#X %#o %#x", 0xbeefu, 0xbeefu, 8u, 0u);
}
END_TEST

START_TEST(width_and_precision)
{
    SAME("[%5d] [%-5d] [%05d] [%+d] [% d]", 42, 42, 42, 42, 42);
    SAME("[%5d] [%-5d] [%05d]", -42, -42, -42);
    SAME("[%.3d] [%6.3d] [%-6.3d] [%.0d] [%06d]", 7, 7, 7, 7, 0);
    SAME("[%#010x] [%016" PRIx64 "]", 0xbeefu, UINT64_C(0x1234));
    SAME("[%*d] [%*d] [%.*d]", 6, 1, -6, 2, 4, 3);
    SAME("[%2d] [%1x]", 12345, 0xabcu);
}
END_TEST

START_TEST(strings)
{
    char unterminated[3] = {'a', 'b', 'c'};

    SAME("%s and %c%c, 100%%", "text", 'x', 'y');
    SAME("[%8s] [%-8s] [%2s] [%s]", "abc", "abc", "abc", "");
    SAME("[%.2s] [%8.2s] [%.*s] [%.0s]", "abc", "abc", 1, "abc", "abc");
    SAME("%.3s", unterminated);
    SAME("nothing");
}
END_TEST

START_TEST(pointers)
{
    char text[64];

    SAME("%p", (void *)text);
    copi_format(text, sizeof(text), "%p", NULL);
    ck_assert_str_eq(text, "0x0");
}
END_TEST

START_TEST(null_string_is_named)
{
    const char *volatile none = NULL;
    char got[64];

    copi_format(got, sizeof(got), "<%s>", none);
    ck_assert_str_eq(got, "<(null)>");
}
END_TEST

START_TEST(cuts_at_every_size)
{
    const char *whole = "count 12345 of abc";

    for (size_t size = 0; size <= 24; size++) {
        char got[32];
        size_t n;

        memset(got, '#', sizeof(got));
        n = copi_format(got, size, "count %d of %s", 12345, "abc");
        ck_assert_uint_eq(n, strlen(whole));
        if (size > 0) {
            ck_assert_uint_eq(strlen(got), COPI_MIN(n, size - 1));
            ck_assert(strncmp(got, whole, strlen(got)) == 0);
        }
        for (size_t i = COPI_MAX(size, 0u); i < sizeof(got); i++)
            ck_assert_int_eq(got[i], '#');
    }
}
END_TEST

START_TEST(unknown_conversion_is_copied)
{
    char got[64];
    const char *volatile fmt = "%d %5.1f %d";

    COP_PRINTF(3, 0) size_t (*format)(char *, size_t, const char *, ...);
    format = copi_format;
    format(got, sizeof(got), fmt, 1, 2.0, 3);
    ck_assert_str_eq(got, "1 %5.1f %d");
    fmt = "end %";
    format(got, sizeof(got), fmt);
    ck_assert_str_eq(got, "end %");
}
END_TEST

static const TTest *const cases[] = {
    integers,
    width_and_precision,
    strings,
    pointers,
    null_string_is_named,
    cuts_at_every_size,
    unknown_conversion_is_copied,
};
UNIT_MAIN("format", cases)
