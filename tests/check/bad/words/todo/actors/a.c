/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
/* TODO: later */
