#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cheat_sheet.sh ROOT - every line of samples/COMING_FROM_ERLANG.md compiles.
#
# The first block of C in it declares the names. In each row of its tables the
# code of the right column, all of it in order, becomes the body of a function;
# what begins with `return` tells that function's type.

. "$(dirname "$0")/tool/common.sh"
begin "$@"
sheet=samples/COMING_FROM_ERLANG.md

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

for header in include/coppice/*.h; do
    case $header in
    */errno.h | */extend.h) ;;
    *) echo "#include <${header#include/}>" ;;
    esac
done > "$tmp/sheet.c"

awk -v sheet=$sheet '
    function wrong(text)
    {
        print sheet ":" FNR ": " text > "/dev/stderr"
        bad = 1
    }

    # code CELL: what stands between backquotes, a span a statement.
    function code(cell,    out, n, i, span)
    {
        out = ""
        n = split(cell, span, "`")
        if (n % 2 == 0)
            wrong("a backquote is missing")
        for (i = 2; i <= n; i += 2)
            if (span[i] !~ /^[.]?[a-z]+$/)
                out = out " " span[i] (span[i] ~ /[;}]$/ ? "" : ";")
        return out
    }

    function type_of(body)
    {
        if (body !~ /(^| )return /)
            return "void"
        if (body ~ /return cop_sm_/)
            return "cop_sm_next"
        if (body ~ /return cop_event_/)
            return "cop_event_next"
        return "cop_next"
    }

    /^```/ {
        if (block == "c")
            block = "done"
        else if ($0 == "```c" && block == "")
            block = "c"
        next
    }
    block == "c" {
        if (!declared++)
            print "#line " FNR " \"" sheet "\""
        print
        next
    }
    !/^\|/ {rows_of_table = 0; next}
    {
        if (++rows_of_table <= 2)
            next # the head and the line below it
        rows++
        row = $0
        gsub(/\\\|/, "\001", row)
        n = split(row, cell, "|")
        if (n != 4) {
            wrong("not two columns")
            next
        }
        body = code(cell[3])
        gsub(/\001/, "|", body)
        if (code(cell[2]) == "" && cell[2] !~ /[a-z]/)
            wrong("nothing on the left")
        if (body == "") {
            wrong("no code on the right")
            next
        }
        print type_of(body) " row_" FNR "(void);"
        print "#line " FNR " \"" sheet "\""
        print type_of(body) " row_" FNR "(void) {" body " }"
    }

    END {
        if (!declared)
            wrong("no block of C that declares the names")
        if (!rows)
            wrong("no rows")
        exit bad
    }
' $sheet >> "$tmp/sheet.c" || exit 1

${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Wno-unused -Wno-unused-result \
    -Iinclude -fsyntax-only "$tmp/sheet.c"
