/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
int f(void)
{
    return pthread_create(0, 0, 0, 0);
}
