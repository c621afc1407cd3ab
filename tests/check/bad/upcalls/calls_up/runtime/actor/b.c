/* SPDX-License-Identifier: MIT
 * Rank: 3.
 */
void copi_b(void);
void copi_b(void)
{
}
