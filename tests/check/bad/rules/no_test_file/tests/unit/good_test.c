/* SPDX-License-Identifier: MIT */
START_TEST(link_is_one)
{
}
END_TEST

KID_TEST(one_way, body_one_way)
