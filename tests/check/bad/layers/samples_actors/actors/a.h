/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
