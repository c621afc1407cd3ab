/* SPDX-License-Identifier: MIT
 * Rank: 3.
 */
