#!/bin/sh
# SPDX-License-Identifier: MIT
#
# libc_links.sh ROOT OUT - what an actor calls fails by a plan in COP_FAULTS,
# and nothing that the program itself calls, however the program is built and
# linked; and a program may have a function of its own with such a name.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

if [ ! -e "$out/libcoppice.so" ] || [ ! -e "$out/libcoppice.a" ]; then
    echo "$out/libcoppice.so, $out/libcoppice.a: not built"
    exit 1
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

# fails PLAN LETTERS FLAG...: which of its calls fail in the program's actor.
fails()
{
    plan=$1 letters=$2
    shift 2
    # shellcheck disable=SC2086
    ${CC:-gcc} -std=gnu11 -g -Wall -Wextra -Wno-unused-result \
        -fno-omit-frame-pointer -fstack-clash-protection -pthread -Iinclude \
        -o "$tmp/program" tests/check/libc_main.c "$@" || exit 1
    LD_LIBRARY_PATH=$out COP_FAULTS=$plan timeout 30 "$tmp/program" \
        > "$tmp/said" 2> "$tmp/log"
    printf 'actor: %s\nmain: \n' "$letters" > "$tmp/want"
    cmp -s "$tmp/want" "$tmp/said" && return
    echo "$plan ($*): said"
    cat "$tmp/said" "$tmp/log"
    failed=1
}

all='errno read EIO; errno pread EIO; errno write EIO; errno fstat EIO
     errno poll EIO; errno connect EIO; errno close EIO'
for library in "$out/libcoppice.a -ljemalloc" "-L$out -lcoppice"; do
    # shellcheck disable=SC2086
    {
        fails "$all" rRpwsPcx -O2 $library
        fails 'errno open EIO' o -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
            $library
        fails "$all" rRpwsPcx -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $library
        fails "$all" rRpwsPcx -O0 -D_FILE_OFFSET_BITS=64 $library
        fails 'errno open EIO' o -O0 -D_FILE_OFFSET_BITS=64 $library
        fails "$all" rRpwsPx -O2 -DOWN_CONNECT $library
        fails 'errno read EIO p=0' '' -O2 $library
    }
done
exit $failed
