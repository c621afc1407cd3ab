/* SPDX-License-Identifier: MIT
 * Rank: 2.
 */
void copi_b(void);
void copi_a(void);
void copi_a(void)
{
    copi_b();
}
