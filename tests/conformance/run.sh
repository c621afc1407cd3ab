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

exec "$runner" -w 1,2 -t $((5 * ${COP_TEST_SLOW:-1})) --check "$@"
