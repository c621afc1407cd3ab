#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crash_links.sh ROOT OUT - actors end alone by native faults, uncaught C++
# exceptions among them, however the program is linked: with the static library
# or the shared one, position independent or not. If the allocator is linked
# into the program, a fault must be the end of the process, and so it must be if
# an exception would pass through a library that may hold a lock.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

: "${CXX:=g++}"
if ! command -v "${CXX%% *}" > /dev/null; then
    echo "no C++ compiler"
    exit 77
fi
if [ ! -e "$out/libcoppice.so" ] || [ ! -e "$out/libcoppice.a" ]; then
    echo "$out/libcoppice.so, $out/libcoppice.a: not built"
    exit 1
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
ulimit -c 0
failed=0

# build NAME FLAG...: the program, called so.
build()
{
    name=$1
    shift
    # shellcheck disable=SC2086
    $CXX -std=c++17 -O2 -g -Wall -Wextra -fno-omit-frame-pointer \
        -fstack-clash-protection -pthread -Iinclude -o "$tmp/$name" \
        tests/check/crash_main.cc "$@"
}

# ends NAME WAY STATUS: the program ends so.
ends()
{
    # In a shell of its own, which says "Aborted" instead of this one.
    (LD_LIBRARY_PATH=$out timeout 30 "$tmp/$1" "$2"; exit $?) > "$tmp/said" 2>&1
    status=$?
    [ $status = "$3" ] && return
    echo "$1 $2: status $status instead of $3, said:"
    tail -n 5 "$tmp/said"
    failed=1
}

build static-library "$out/libcoppice.a" -ljemalloc -rdynamic || exit 1
build shared-library -L"$out" -lcoppice || exit 1
build not-pie -no-pie -fno-pie "$out/libcoppice.a" -ljemalloc || exit 1
for program in static-library shared-library not-pie; do
    for way in throw noexcept terminate rethrow handler catch write; do
        ends $program $way 0
    done
    ends $program callback 134
done

if build own-allocator "$out/libcoppice.a" -l:libjemalloc_pic.a -lm \
    2> "$tmp/why"; then
    ends own-allocator catch 0
    ends own-allocator write 139
    grep -q 'linked into the program' "$tmp/said" || {
        echo "own-allocator: says nothing about it"
        failed=1
    }
fi
exit $failed
