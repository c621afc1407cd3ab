#!/bin/sh
# SPDX-License-Identifier: MIT
#
# format.sh ROOT - clang-format has nothing to change. Other versions than 14
# disagree about details and are not asked. The public headers are laid out by
# hand, as reference texts.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

if ! clang-format --version 2> /dev/null | grep -q ' version 14\.'; then
    echo "no clang-format 14"
    exit 77
fi
files '*.c' '*.h' | grep -v '^include/' |
    xargs -r clang-format --dry-run -Werror 2>&1 |
    sed -n 's/^\([^ :]*:[0-9]*\):.*/\1: other layout/p' | sort -u |
    none "clang-format -i FILE mends these"
