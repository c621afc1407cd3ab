/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
size_t a(void);
