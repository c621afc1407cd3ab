/* SPDX-License-Identifier: MIT
 *
 * good.h - a header that compiles alone.
 */
#ifndef COPPICE_GOOD_H
#define COPPICE_GOOD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COP_API __attribute__((visibility("default")))

/* 1. */
COP_API uint32_t cop_good(void);

#ifdef __cplusplus
}
#endif
#endif
