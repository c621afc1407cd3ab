#!/bin/sh
# SPDX-License-Identifier: MIT
#
# upcalls.sh ROOT OUT - no runtime file uses a name that a file of a higher
# rank defines, however it came to be declared: layers.sh sees includes only.
# What lower ranks need from above is handed to them as a pointer.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

objects=$out/default/obj
[ -e "$objects" ] || objects=$out/obj # of another variant
if [ ! -e "$objects/runtime" ]; then
    echo "$objects: not built"
    exit 1
fi

interposed=$(dirname "$0")/tool/interposed.txt

# Objects whose source is gone do not count.
for file in $(sources | grep '^runtime/.*\.[cS]$'); do
    object=$objects/${file%.*}.o
    [ -e "$object" ] || continue
    nm -g "$object" | grep -v -w -F -f "$interposed" |
        awk -v file="$file" '{print file, $(NF - 1), $NF}'
done | awk '
    BEGIN {
        rank["base"] = 0
        rank["memory"] = rank["probe"] = 1
        rank["queue"] = rank["coroutine"] = 2
        rank["actor"] = 3
        rank["scheduler"] = rank["io"] = 4
        rank["api"] = 5
    }

    {
        split($1, path, "/")
        if ($2 == "U")
            used[$1 " " $3] = rank[path[2]]
        else {
            defined[$3] = rank[path[2]]
            by[$3] = $1
        }
    }

    END {
        for (use in used) {
            split(use, part, " ")
            name = part[2]
            if (name in defined && defined[name] > used[use])
                print part[1] ": uses " name " of " by[name]
        }
    }' | LC_ALL=C sort | none "lower ranks that reach up"
