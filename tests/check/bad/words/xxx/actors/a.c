/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
/* XXX: later */
