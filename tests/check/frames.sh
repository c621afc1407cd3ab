#!/bin/sh
# SPDX-License-Identifier: MIT
#
# frames.sh ROOT OUT - a program that was compiled without frame pointers is
# told so, once, at its start, and any other is not: whatever the compiler makes
# of the functions that start the runtime, and however the program is linked.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

if [ ! -e "$out/libcoppice.so" ] || [ ! -e "$out/libcoppice.a" ]; then
    echo "$out/libcoppice.so, $out/libcoppice.a: not built"
    exit 1
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "elsewhere frame pointers are the rule"
    exit 77
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

# says TIMES WHAT: the program in $tmp, started in each way.
says()
{
    for way in plain tail aligned room; do
        LD_LIBRARY_PATH=$out timeout 30 "$tmp/main" $way > "$tmp/said" 2>&1
        status=$?
        n=$(grep -c 'built without frame pointers' "$tmp/said")
        [ $status = 0 ] && [ "$n" = "$1" ] && continue
        echo "$2, $way: status $status, said $n times instead of $1"
        tail -n 5 "$tmp/said"
        failed=1
    done
}

# try TIMES FLAGS: with each compiler and library.
try()
{
    for cc in gcc clang; do
        command -v $cc > /dev/null || continue
        for how in "$out/libcoppice.a -ljemalloc -rdynamic" \
            "-L$out -lcoppice"; do
            # shellcheck disable=SC2086
            $cc $2 -pthread -Iinclude -o "$tmp/main" \
                tests/check/frames_main.c $how || exit 1
            says "$1" "$cc $2 ${how#"$out/"}"
        done
    done
}

try 0 "-O2 -fno-omit-frame-pointer"
try 1 "-O2 -fomit-frame-pointer"
try 0 "-O0"
exit $failed
