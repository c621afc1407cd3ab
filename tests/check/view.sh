#!/bin/sh
# SPDX-License-Identifier: MIT
#
# view.sh ROOT OUT - a sample that was started with COP_TOP=1 can be looked at
# by the program `coppice`, in all its ways; what it prints as JSON and as SVG
# is read by other programs, if they are there.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

coppice=$out/coppice sample=$out/samples/chaos_wordcount
if [ ! -x "$coppice" ] || [ ! -x "$sample" ]; then
    echo "$coppice, $sample: not built"
    exit 1
fi

tmp=$(mktemp -d) || exit 2
XDG_RUNTIME_DIR=$tmp
export XDG_RUNTIME_DIR
process=
trap '[ -z "$process" ] || kill "$process" 2> /dev/null; rm -rf "$tmp"' EXIT
failed=0

# say WHAT TEXT: the last output has the text.
say()
{
    grep -q -e "$2" "$tmp/said" && return
    echo "$1: no \"$2\" in:"
    head -n 30 "$tmp/said"
    failed=1
}

# try CODE ARG...
try()
{
    want=$1
    shift
    "$coppice" "$@" > "$tmp/said" 2>&1
    code=$?
    [ $code = "$want" ] && return
    echo "coppice $*: exit code $code, wanted $want"
    head -n 30 "$tmp/said"
    failed=1
}

COP_TOP=1 "$sample" --quiet --passes 1000000 runtime/api/run.c \
    > "$tmp/sample" 2>&1 &
process=$!
tries=0
until [ -S "$tmp/coppice/$process.sock" ] || [ $tries = 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done

try 0 list
say list "$process  chaos_wordcount"
try 0 top "$process"
say top '^worker 0 '
say top 'aggregator'
try 0 top "$process" --once --sort=restarts
say top 'by restarts'
try 0 tree "$process"
say tree '^0\.[0-9.]*  director'
say tree '^    0\.[0-9.]*  reader'
try 0 tree "$process" --dot
say dot '^digraph coppice {$'
say dot '^}$'
if command -v dot > /dev/null; then
    dot -Tsvg -o /dev/null "$tmp/said" || failed=1
fi
try 0 tree "$process" --svg
say svg '^</svg>$'
if command -v python3 > /dev/null; then
    python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' \
        "$tmp/said" || failed=1
fi
for _ in 1 2 3 4 5 6 7 8 9 10; do
    try 0 info "$process"
    if command -v python3 > /dev/null; then
        python3 -m json.tool "$tmp/said" > /dev/null || failed=1
    fi
done
say info '"name":"director"'

kill "$process"
wait "$process"
process=
[ -z "$(ls "$tmp/coppice")" ] || {
    echo "left behind: $(ls "$tmp/coppice")"
    failed=1
}
try 1 list
try 1 top 999999999
say top 'no such process'
exit $failed
