/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
struct a {
    int b;
};
