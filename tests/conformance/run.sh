#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [RUNNER] - all conformance scenarios there are: our own, and those of
# ../shared/conformance if they lie beside this checkout. With one worker, then
# with two. The last line says "N passed, M failed", the status is 0 only if
# nothing failed.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
top=$here/../..
runner=${1:-$top/build/conformance}
shared=$top/../shared/conformance

set -- "$here/scenarios"
for folder in "$shared/scenarios" "$shared/generated"; do
    [ -d "$folder" ] && set -- "$@" "$folder"
done

passed=0 failed=0
for workers in 1 2; do
    said=$("$runner" -w $workers -t $((10 * ${COP_TEST_SLOW:-1})) --check "$@")
    status=$?
    last=$(printf '%s\n' "$said" | tail -n 1)
    printf '%s\n' "$said" | sed "\$s/^/$workers workers: /"
    good=$(expr "$last" : '\([0-9]*\) passed, [0-9]* failed$')
    bad=$(expr "$last" : '[0-9]* passed, \([0-9]*\) failed$')
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-1}))
    [ $status = 0 ] || [ "${bad:-1}" != 0 ] || failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
