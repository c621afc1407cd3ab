/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
int f(void)
{
    char *s = "/*"; free(s);
}
