/* SPDX-License-Identifier: MIT */
#include "runtime/base/base.h"

START_TEST(link_is_one) {}
END_TEST

KID_TEST(one_way, body_one_way)

#define RULES(X)                                                               \
    X(killed)                                                                  \
    X(dead)
