#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scale.sh - how cost grows with the amount of work, what idle actors weigh, how
# late a wake-up is, and what more workers do: four tables in Markdown. The
# lines of the program go to the standard error.
#
#     tests/bench/scale.sh BENCH [--quick] [WORKERS]
#
# BENCH is the program (build/bench). --quick: the smaller sizes.
set -u

usage="usage: scale.sh BENCH [--quick] [WORKERS]"
bench=${1:?$usage}
shift
quick=0
[ "${1:-}" = --quick ] && quick=1 && shift
workers=${1:-2}
status=0

# field KEY LINE
field() {
    printf '%s\n' "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

# cell KEY WORKLOAD N WORKERS: " FIGURE |" of one run.
cell() {
    if line=$("$bench" "$2" "$3" "$4" </dev/null); then
        echo "$line" >&2
        field "$1" "$line" | awk '{printf " %.0f |", $1}'
    else
        printf ' FAILED |'
    fi
}

# rows PATTERN: the lines of the list whose names match, "NAME LARGEST TEXT".
rows() {
    "$bench" --scales | awk -v like="$1" -v quick="$quick" '$1 ~ like {
        printf "%s %s", $1, quick ? $3 : $2
        for (i = 4; i <= NF; i++)
            printf " %s", $i
        print ""
    }'
}

grows() {
    echo "| ns for a ... with so many | 10 | 1,000 | 100,000 | 1,000,000 |"
    echo "|---|--:|--:|--:|--:|"
    rows '^scale_' | grep -v '^scale_spawn ' | while read -r name n text; do
        printf '| %s |' "$text"
        for size in 10 1000 100000 1000000; do
            if [ "$size" -le "$n" ]; then
                cell ns_per_op "$name" "$size" "$workers"
            else
                printf ' |'
            fi
        done
        echo
    done
}

weighs() {
    n=1000000
    [ "$quick" = 1 ] && n=100000
    echo "| bytes of memory for each of $n idle actors | |"
    echo "|---|--:|"
    for form in idle_memory idle_memory_coroutine idle_memory_hibernated; do
        printf '| %s |' "$form"
        cell bytes_per_actor "$form" "$n" "$workers"
        echo
    done
}

is_late() {
    echo "| a wake-up is late by, in us, beside | p50 | p99 | p99.9 | max |"
    echo "|---|--:|--:|--:|--:|"
    rows '^latency_' | while read -r name n text; do
        line=$("$bench" "$name" "$n" "$workers" </dev/null) || line=
        echo "$line" >&2
        printf '| %s |' "$text"
        for key in p50_ns p99_ns p99.9_ns max_ns; do
            field "$key" "$line" | awk '{printf " %.0f |", $1 / 1000}'
        done
        echo
    done
}

# The usual size of a workload of the other list.
size_of() {
    "$bench" --list | awk -v name="$1" -v quick="$quick" \
        '$1 == name {print quick ? $3 : $2}'
}

spreads() {
    echo "| ns for an operation with so many workers | 1 | 2 | 4 | 8 |"
    echo "|---|--:|--:|--:|--:|"
    for name in fork_join_throughput fib chameneos big sieve nqueens call; do
        printf '| %s |' "$name"
        for w in 1 2 4 8; do
            cell ns_per_op "$name" "$(size_of "$name")" "$w"
        done
        echo
    done
    printf '| spawn and join, from one actor |'
    for w in 1 2 4 8; do
        cell ns_per_op scale_spawn 1 "$w"
    done
    printf '\n| spawn and join, from one for each worker |'
    for w in 1 2 4 8; do
        cell ns_per_op scale_spawn "$w" "$w"
    done
    echo
}

out=$(grows && echo && weighs && echo && is_late && echo && spreads)
printf '%s\n' "$out"
case $out in
*FAILED*) status=1 ;;
esac
exit $status
