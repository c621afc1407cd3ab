/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
void *f(void)
{
    return malloc(1);
}
