/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
