/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
# if 0
#endif
