#!/bin/sh
# SPDX-License-Identifier: MIT
#
# layers.sh ROOT - includes point at the same or a lower rank, never in a
# circle, are written from the root, and take system headers from one place;
# each runtime file states its folder's rank in its opening comment.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

failed=0
{
    sources | sed 's/^/+/'
    code
} | awk -v wraps="$tool/wraps.txt" -f "$tool/layers.awk" || failed=1

for file in $(sources | grep '^runtime/'); do
    case $file in
    runtime/base/*) rank=0 ;;
    runtime/memory/* | runtime/probe/*) rank=1 ;;
    runtime/queue/* | runtime/coroutine/*) rank=2 ;;
    runtime/actor/*) rank=3 ;;
    runtime/scheduler/* | runtime/io/*) rank=4 ;;
    runtime/api/*) rank=5 ;;
    *) rank=none ;;
    esac
    awk -v rank="$rank" '
        match($0, /Rank: [0-9]/) {
            said = substr($0, RSTART + 6, 1)
            exit
        }
        /\*\// {exit}
        END {
            if (said == rank)
                exit 0
            print FILENAME ": opening comment says rank " \
                (said == "" ? "nothing" : said) ", folder has " rank
            exit 1
        }' "$file" || failed=1
done
exit $failed
