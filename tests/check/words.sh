#!/bin/sh
# SPDX-License-Identifier: MIT
#
# words.sh ROOT - no notes to self, no switched-off code, and the licence in
# the first line of each source (the second of a script).

. "$(dirname "$0")/tool/common.sh"
begin "$@"

files '*.c' '*.h' '*.S' '*.sh' '*.awk' '*.md' | LC_ALL=C xargs -r awk '
    function wrong(text)
    {
        print FILENAME ":" FNR ": " text
        bad = 1
    }

    FNR == 1 {
        licence = "SPDX-License-Identifier: MIT"
        if (FILENAME ~ /\.[chS]$/ && $0 != "/* " licence && \
            $0 != "/* " licence " */")
            wrong("does not begin with /* " licence)
        script = FILENAME ~ /\.(sh|awk)$/
    }
    FNR <= 2 && $0 == "# " licence {script = 0}
    FNR == 3 && script {wrong("no # " licence)}

    /(^|[^A-Za-z0-9_])(T[O]DO|FIX[M]E|X[X]X)($|[^A-Za-z0-9_])/ {
        wrong("a note to self")
    }
    /^[ \t]*#[ \t]*if[ \t]+0/ {wrong("switched-off code")}

    END {exit bad}
' || exit 1
