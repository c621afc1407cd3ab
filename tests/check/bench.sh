#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bench.sh ROOT OUT - each workload of the benchmarks gives a right result when
# it is small, in the line that is promised; and what is kept of a run beside
# the peers is drawn with its losses, its gaps and its failures.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

bench=$out/bench
if [ ! -x "$bench" ]; then
    echo "$bench: not built"
    exit 1
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

wrong()
{
    echo "$*"
    sed 's/^/    /' "$tmp/said"
    failed=1
}

# small NAME N
small()
{
    "$bench" "$1" "$2" > "$tmp/said" 2>&1 || wrong "bench $1 $2: $?"
    grep -q -E "^workload=$1 peer=coppice n=[0-9]+ seconds=[0-9.]+ \
(ns_per_op|bytes_per_actor|mean_late_ns)=-?[0-9.]+ .*peak_rss_kb=[0-9]+" \
        "$tmp/said" || wrong "bench $1 $2: not the line that is promised"
}

# gives CODE ARG...
gives()
{
    want=$1
    shift
    "$bench" "$@" > "$tmp/said" 2>&1
    code=$?
    [ $code = "$want" ] || wrong "bench $*: exit code $code, wanted $want"
}

# says FILE TEXT
says()
{
    cp "$1" "$tmp/said"
    grep -q -F -e "$2" "$1" || wrong "no \"$2\" in:"
}

for name in $("$bench" --list | awk '{print $1}') \
    $("$bench" --scales | awk '{print $1}'); do
    small "$name" 8
done
gives 3 no_such_workload 8
gives 2 pingpong
gives 2 pingpong 0
gives 2 pingpong 8 257

cat > "$tmp/csv" << 'END'
workload,peer,n,runs,metric,median,min,max,seconds,rss,foreign,status
won,erlang,9,3,ns_per_op,300,290,310,1,1,0,ok
won,coppice,9,3,ns_per_op,200,190,210,1,1,0,ok
lost,erlang,9,3,ns_per_op,100,100,100,1,1,0,ok
lost,coppice,9,3,ns_per_op,250,250,250,1,1,0,ok
alone,erlang,9,3,ns_per_op,,,,,,,unsupported
alone,coppice,9,3,ns_per_op,40,40,40,1,1,0,ok
other,erlang,9,3,ns_per_op,70,70,70,1,1,0,ok
other,coppice,9,3,ns_per_op,,,,,,,unsupported
broken,erlang,9,3,ns_per_op,80,80,80,1,1,0,ok
broken,coppice,9,3,ns_per_op,,,,,,,failed
END
awk -f tests/bench/table.awk "$tmp/csv" > "$tmp/table" || failed=1
says "$tmp/table" '| won | 200 ns | 1.50 |'
says "$tmp/table" '| lost | 250 ns | **0.40** |'
says "$tmp/table" '| alone | 40 ns | - |'
says "$tmp/table" '| other | - | 70 ns |'
says "$tmp/table" '| broken | FAILED | 80 ns |'
awk -v note=today -f tests/bench/chart.awk "$tmp/csv" > "$tmp/svg" || failed=1
says "$tmp/svg" 'the least; erlang takes 1.50 times as much'
says "$tmp/svg" '2.50 times as much as erlang'
says "$tmp/svg" 'no other has it'
says "$tmp/svg" 'Not offered by Coppice: other.'
says "$tmp/svg" 'FAILED: broken (failed).'
if command -v python3 > /dev/null; then
    python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' \
        "$tmp/svg" || failed=1
fi
exit $failed
