/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
int f(void)
{
    return malloc(1) != 0;
}
