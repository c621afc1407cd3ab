/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
/* FIXME: later */
