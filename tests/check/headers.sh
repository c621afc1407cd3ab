#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh ROOT - each public header compiles alone, and twice in a row, as
# C11 and as C++17, without warnings.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

: "${CC:=gcc}" "${CXX:=g++}"
command -v "${CXX%% *}" > /dev/null || CXX=clang++
command -v "$CXX" > /dev/null || CXX=

# alone COMPILER HEADER FLAG...
alone()
{
    compiler=$1 header=$2
    shift 2
    # shellcheck disable=SC2086
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        $compiler "$@" -Wall -Wextra -Wshadow -Wundef -pedantic -Werror \
            -fsyntax-only -Iinclude - || {
        echo "<$header> does not compile with $compiler $*"
        failed=1
    }
}

failed=0
for file in $(files '*.h' | grep '^include/'); do
    header=${file#include/}
    alone "$CC" "$header" -std=c11 -x c
    [ -z "$CXX" ] || alone "$CXX" "$header" -std=c++17 -x c++
done
if [ $failed = 0 ] && [ -z "$CXX" ]; then
    echo "C11 is fine; no C++ compiler to try C++17 with"
    exit 77
fi
exit $failed
