/* SPDX-License-Identifier: MIT
 *
 * coppice.h - all.
 */
#ifndef COPPICE_H
#define COPPICE_H

#include <coppice/good.h>

#endif
