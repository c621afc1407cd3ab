#!/bin/sh
# SPDX-License-Identifier: MIT
#
# aarch64.sh - builds the coroutine layer for the other machine and runs it
# under an emulator. Exit: 0 passed, 1 failed, 77 the tools are not there.

set -u
cd "$(dirname "$0")/../.." || exit 1
CROSS=${AARCH64_CC:-aarch64-linux-gnu-gcc}

skip() {
    echo "skipped: no $1"
    exit 77
}

command -v "$CROSS" >/dev/null 2>&1 || skip "$CROSS"
QEMU=
for q in qemu-aarch64-static qemu-aarch64; do
    command -v $q >/dev/null 2>&1 && QEMU=$q && break
done
[ -n "$QEMU" ] || skip "qemu-aarch64"

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
for level in -O0 -O2; do
    "$CROSS" -std=gnu11 $level -g -Wall -Wextra -Werror -D_GNU_SOURCE -static \
        -fstack-clash-protection -I. -Iinclude -o "$dir/run" \
        tests/check/aarch64_main.c runtime/base/*.c runtime/probe/fault.c \
        runtime/memory/mem.c runtime/memory/mem_libc.c \
        runtime/memory/stack*.c \
        runtime/coroutine/coro.c runtime/coroutine/ctx_aarch64.S \
        -lpthread -lm || exit 1
    "$QEMU" "$dir/run" || exit 1
    echo "aarch64 $level: ok"
done
