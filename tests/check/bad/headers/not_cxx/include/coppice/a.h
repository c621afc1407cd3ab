/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#ifndef A_H
#define A_H
int f(int class);
#endif
