#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - builds the libraries of a small tree, and where its objects lie,
# as the Makefile does for the real one: some rules look at them.

objects=build/default/obj
flags='-std=gnu11 -I. -Iinclude -fPIC -fvisibility=hidden'
for file in runtime/*/*.c actors/*.c; do
    [ -e "$file" ] || continue
    mkdir -p "$objects/$(dirname "$file")"
    # shellcheck disable=SC2086
    ${CC:-gcc} $flags -c "$file" -o "$objects/${file%.c}.o" || exit 1
done
find $objects -name '*.o' -exec ar qcs build/libcoppice.a {} +
find $objects -name '*.o' -exec "${CC:-gcc}" -shared \
    -o build/libcoppice.so {} +
