#!/bin/sh
# SPDX-License-Identifier: MIT
#
# readme_code.sh ROOT OUT - the first program in README.md compiles without
# warnings; if the library is built it also runs, and prints the text block
# that follows it.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# block MARK FILE: the first block of that language.
block()
{
    awk -v mark="\`\`\`$1" '
        $0 == mark && !done {on = 1; next}
        /^```/ {if (on) done = 1; on = 0}
        on' README.md > "$tmp/$2"
}

block c program.c
block text expected
if [ ! -s "$tmp/program.c" ]; then
    echo "README.md: no block of C"
    exit 1
fi

# shellcheck disable=SC2086
${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only \
    "$tmp/program.c" || exit 1
[ -e "$out/libcoppice.a" ] || exit 0

${CC:-gcc} -std=c11 -Iinclude -pthread -o "$tmp/program" "$tmp/program.c" \
    "$out/libcoppice.a" -ljemalloc || exit 1
"$tmp/program" > "$tmp/printed" || exit 1
diff -u "$tmp/expected" "$tmp/printed"
