/* SPDX-License-Identifier: MIT */
#include <coppice.h>
