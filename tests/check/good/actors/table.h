/* SPDX-License-Identifier: MIT
 *
 * table.h - a lower file.
 */
#ifndef ACTORS_TABLE_H
#define ACTORS_TABLE_H

#include <coppice.h>

#endif
