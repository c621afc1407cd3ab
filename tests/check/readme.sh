#!/bin/sh
# SPDX-License-Identifier: MIT
#
# readme.sh ROOT - a README.md in each folder with sources and in each folder
# above. The one of include/ and of samples/ speak for their subfolders.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

files '*.c' '*.h' '*.S' '*.sh' '*.expected' |
    sed -e 's|^\(include\)/.*|\1/|' -e 's|^\(samples\)/.*|\1/|' |
    awk '{
        while (sub(/\/[^\/]*$/, ""))
            print
    }' | LC_ALL=C sort -u | {
    echo .
    cat
} | while read -r folder; do
    case $folder in
    tests/check/tool) continue ;;
    esac
    [ -s "$folder/README.md" ] || echo "$folder"
done | none "folders without a README.md"
