/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
int	a;
