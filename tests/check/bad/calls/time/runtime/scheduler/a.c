/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
int f(void)
{
    return (int)time (0);
}
