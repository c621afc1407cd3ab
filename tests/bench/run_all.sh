#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_all.sh - runs all workloads once and prints their lines.
#
#     tests/bench/run_all.sh BENCH [--quick] [WORKERS]
#
# BENCH is the program (build/bench), whose list has the sizes. --quick: the
# smaller ones.
set -u

usage="usage: run_all.sh BENCH [--quick] [WORKERS]"
bench=${1:?$usage}
shift
quick=0
[ "${1:-}" = --quick ] && quick=1 && shift
workers=${1:-2}

status=0
# NAME N QUICK, as in the definition of the workloads.
while read -r name n small _; do
    [ "$quick" = 1 ] && n=$small
    "$bench" "$name" "$n" "$workers" </dev/null || {
        echo "workload=$name FAILED ($?)"
        status=1
    }
done <<END
$("$bench" --list)
END
exit $status
