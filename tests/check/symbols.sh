#!/bin/sh
# SPDX-License-Identifier: MIT
#
# symbols.sh ROOT OUT - libcoppice.so exports the functions that the public
# headers declare with COP_API and nothing else; libcoppice.a has no global
# name that is neither cop_* nor copi_*; but for tool/interposed.txt.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

so=$out/libcoppice.so a=$out/libcoppice.a
if [ ! -e "$so" ] || [ ! -e "$a" ]; then
    echo "$so, $a: not built"
    exit 1
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

interposed=$(dirname "$0")/tool/interposed.txt
nm -D --defined-only "$so" | awk '{print $NF}' |
    grep -v -x -F -f "$interposed" |
    LC_ALL=C sort -u > "$tmp/exported"
code | awk '
    /^include\// {
        sub(/^[^:]*:[^:]*:/, "")
        text = $0 ~ /^[ \t]*#/ ? text : text " " $0
    }
    END {
        n = split(text, statements, /[;{}]/)
        for (i = 1; i <= n; i++)
            if (statements[i] ~ /COP_API/ && \
                match(statements[i], /cop_[a-z0-9_]+\(/))
                print substr(statements[i], RSTART, RLENGTH - 1)
    }' | LC_ALL=C sort -u > "$tmp/declared"

failed=0
comm -23 "$tmp/declared" "$tmp/exported" |
    none "declared with COP_API, but libcoppice.so lacks them" || failed=1
comm -13 "$tmp/declared" "$tmp/exported" |
    none "exported by libcoppice.so, but no public header declares them" ||
    failed=1
nm -g --defined-only "$a" | awk 'NF == 3 {print $3}' |
    grep -v -E '^copi?_' | grep -v -x -F -f "$interposed" |
    LC_ALL=C sort -u |
    none "global names in libcoppice.a that are neither cop_ nor copi_" ||
    failed=1
exit $failed
