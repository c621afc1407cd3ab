#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sizes.sh ROOT - files of at most 800 lines, functions of at most 60, lines
# of at most 80 characters, no tabs.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

files '*.c' '*.h' '*.S' '*.sh' '*.awk' | LC_ALL=C xargs -r awk '
    # awk runs again for the next files when there are many: state is per file.
    FNR == 1 {brace = 0}

    function wrong(text)
    {
        print FILENAME ":" FNR ": " text
        bad = 1
    }

    FNR == 801 {wrong("more than 800 lines")}

    {
        # Bytes but for those that continue a UTF-8 character.
        line = $0
        width = length(line) - gsub(/[\200-\277]/, "", line)
        if (width > 80)
            wrong(width " columns")
    }

    /\t/ && FILENAME ~ /\.[chS]$/ {wrong("a tab")}

    FILENAME ~ /\.[ch]$/ {
        if (/^{/)
            brace = FNR
        if (/^}/ && brace) {
            if (FNR - brace + 1 > 60)
                wrong("a function of " FNR - brace + 1 " lines")
            brace = 0
        }
    }

    END {exit bad}
' || exit 1
