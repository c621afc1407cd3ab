/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
int cop_b(void);
