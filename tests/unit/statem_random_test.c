/* SPDX-License-Identifier: MIT
 *
 * statem_random_test.c - random scripts of events and answers, compared with
 * the traces that gen_statem (OTP 25) left in the same file. With the
 * environment variable COP_STATEM_SCRIPTS another file is run; statem.erl makes
 * as many as one likes.
 */
#include "tests/support/statem_script.h"

START_TEST(as_gen_statem)
{
    const char *path = getenv("COP_STATEM_SCRIPTS");

    script_run(path != NULL ? path : "tests/conformance/statem/random.txt",
               getenv("COP_STATEM_ONLY"));
}
END_TEST

static const TTest *const cases[] = {as_gen_statem};
UNIT_MAIN("statem_random", cases)
