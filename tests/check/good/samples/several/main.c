/* SPDX-License-Identifier: MIT */
#include "several.h"

#include <stdio.h>

int main(void)
{
    return puts("several") < 0;
}
