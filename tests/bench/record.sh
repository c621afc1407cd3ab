#!/bin/sh
# SPDX-License-Identifier: MIT
#
# record.sh - measures Coppice beside its peers and keeps what came out:
# results.csv, its picture results.svg, and the tables in README.md.
#
#     tests/bench/record.sh BENCH PEERS [OPTION OF PEERS/run...]
#     tests/bench/record.sh --draw
#
# BENCH is the program (build/bench), PEERS the folder with the peers' `run`.
# The first form takes the whole machine for a while; options such as --quick
# and --runs 5 are for `run`. --draw: only the picture and the table of what
# results.csv has already.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
usage="usage: record.sh BENCH PEERS [OPTION...] | record.sh --draw"
csv=$here/results.csv
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# put NAME FILE: FILE between the marks of NAME in the README.
put() {
    awk -v name="$1" -v file="$2" '
        $0 == "<!-- end of " name " -->" {inside = 0}
        !inside
        $0 == "<!-- " name " -->" {
            inside = 1
            while ((getline line < file) > 0)
                print line
        }
    ' "$here/README.md" >"$tmp/README.md"
    cat "$tmp/README.md" >"$here/README.md"
}

# When and where; --draw takes it from the README.
where() {
    model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    echo "$(date +%Y-%m-%d), ${model:-$(uname -m)}, $(nproc) cores"
}

# Figures taken while other programs used more than a fifth of a core are not to
# be relied on: the note must say so.
disturbed() {
    awk -F , 'NR > 1 && $11 > 0.2 {n++}
        END {if (n) printf ", disturbed by other programs"}' "$csv"
}

draw() {
    awk -v note="$1" -f "$here/chart.awk" "$csv" >"$tmp/results.svg"
    cat "$tmp/results.svg" >"$here/results.svg"
    {
        echo "$1"
        echo
        awk -f "$here/table.awk" "$csv"
    } >"$tmp/table"
    put results "$tmp/table"
}

case ${1:?$usage} in
--draw)
    draw "$(sed -n '/^<!-- results -->$/{n;p;}' "$here/README.md")"
    exit
    ;;
esac

bench=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
peers=${2:?$usage}
shift 2
quick=
for option; do
    case $option in
    --quick) quick=--quick ;;
    esac
done
note=$(where)${quick:+, a quick run}
"$peers/run" --cmd "coppice=$bench" --csv "$tmp/results.csv" "$@"
cat "$tmp/results.csv" >"$csv"
note=$note$(disturbed)
draw "$note"
{
    echo "$note"
    echo
    "$here/scale.sh" "$bench" $quick
} >"$tmp/scale"
put scale "$tmp/scale"
