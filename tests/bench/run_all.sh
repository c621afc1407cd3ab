#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_all.sh - runs all workloads once and prints their lines.
#
#     tests/bench/run_all.sh BENCH [--quick] [WORKERS]
#
# BENCH is the program (build/bench). --quick: a tenth of the sizes.
set -u

usage="usage: run_all.sh BENCH [--quick] [WORKERS]"
bench=${1:?$usage}
shift
quick=0
[ "${1:-}" = --quick ] && quick=1 && shift
workers=${1:-2}

status=0
# NAME N QUICK, as in the definition of the workloads.
while read -r name n small; do
    [ "$quick" = 1 ] && n=$small
    "$bench" "$name" "$n" "$workers" </dev/null || {
        echo "workload=$name FAILED ($?)"
        status=1
    }
done <<END
pingpong 2000000 200000
thread_ring 5000000 500000
counting 5000000 500000
fork_join_throughput 100000 10000
fork_join_create 500000 50000
spawn 500000 50000
fib 28 23
chameneos 1000000 100000
big 20000 2000
call 2000000 200000
selective_receive 200000 20000
monitor_storm 300000 30000
link_chain 300000 30000
supervisor_restart 200000 20000
supervisor_restart_one 10000 2000
timers 1000000 100000
idle_memory 1000000 100000
idle_memory_coroutine 100000 10000
idle_memory_hibernated 100000 10000
END
exit $status
