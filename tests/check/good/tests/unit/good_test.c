/* SPDX-License-Identifier: MIT */
#include "runtime/base/base.h"
