/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#define COP_API __attribute__((visibility("default")))
COP_API int cop_a(
    void);
