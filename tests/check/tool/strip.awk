# SPDX-License-Identifier: MIT
#
# strip.awk - prints C sources as "FILE:LINE:TEXT" with comments removed and
# strings emptied, so that rules see code only. Include lines keep their names.

FNR == 1 {comment = 0}

{
    rest = $0
    text = ""
    if (!comment && rest ~ /^[ \t]*#[ \t]*include/) {
        sub(/\/[*\/].*$/, "", rest)
        print FILENAME ":" FNR ":" rest
        next
    }
    while (rest != "") {
        if (comment) {
            end = index(rest, "*/")
            if (!end)
                break
            rest = substr(rest, end + 2)
            comment = 0
            text = text " "
        } else if (match(rest, /\/\*|\/\/|"|'/)) {
            text = text substr(rest, 1, RSTART - 1)
            mark = substr(rest, RSTART, RLENGTH)
            rest = substr(rest, RSTART + RLENGTH)
            if (mark == "//")
                break
            if (mark == "/*")
                comment = 1
            else
                literal(mark)
        } else {
            text = text rest
            break
        }
    }
    print FILENAME ":" FNR ":" text
}

# The rest of a string or character behind its opening mark.
function literal(quote,    char)
{
    text = text quote quote
    while (rest != "") {
        char = substr(rest, 1, 1)
        rest = substr(rest, char == "\\" ? 3 : 2)
        if (char == quote)
            break
    }
}
