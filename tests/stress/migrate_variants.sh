#!/bin/sh
# SPDX-License-Identifier: MIT
#
# migrate_variants.sh - builds the library and migrate.c as one program with
# -O3, and with -O3 and link-time optimization, and runs the short form of it.
# The more a compiler sees at once, the more it keeps across a migration.
#
#     tests/stress/migrate_variants.sh [N]        from the root of the tree
set -eu

n=${1:-20000}
cc=${CC:-gcc}
out=${BUILD:-build}/migrate_variants
arch=$(uname -m)
flags="-std=gnu11 -D_GNU_SOURCE -I. -Iinclude -g -pthread -rdynamic
    -fno-omit-frame-pointer -fstack-clash-protection"

sources=$(ls runtime/*/*.c actors/*.c | grep -v '_libc\.c$')
mkdir -p "$out"
status=0
for variant in "-O3" "-O3 -flto=auto"; do
    name=$out/migrate$(echo "$variant" | tr -d ' =')
    # The flags are lists of words.
    # shellcheck disable=SC2086
    $cc $flags $variant -o "$name" $sources "runtime/coroutine/ctx_$arch.S" \
        tests/stress/migrate.c tests/stress/common.c -ljemalloc
    printf '%s: ' "$variant"
    "$name" "$n" || status=1
done
exit $status
