# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# common.sh - what every rule begins with: `. tool/common.sh` and
# `begin "$@"`, where $1 is the root of the tree to look at and $2 the folder
# with what was built from it.

tool=$(cd "$(dirname "$0")" && pwd)/tool

begin()
{
    out=${2:-$1/build}
    case $out in
    /*) ;;
    *) out=$PWD/$out ;;
    esac
    cd "$1" || exit 2
}

# files NAME...: files of the tree with such names, but for the trees that the
# rules are tested with.
files()
{
    names="-name $1"
    shift
    for name in "$@"; do
        names="$names -o -name $name"
    done
    set -f
    # shellcheck disable=SC2086
    find runtime actors include samples tests \
        \( -path tests/check/bad -o -path tests/check/good \) -prune \
        -o -type f \( $names \) -print 2> /dev/null | LC_ALL=C sort
    set +f
}

sources()
{
    files '*.c' '*.h' '*.S'
}

# code: "FILE:LINE:TEXT" of all sources, comments and strings emptied.
code()
{
    sources | LC_ALL=C xargs -r awk -f "$tool/strip.awk"
}

# none MESSAGE: prints standard input; fails, with the message, if there was
# any.
none()
{
    awk -v message="$1" '
        {print}
        END {
            if (NR) {
                print message
                exit 1
            }
        }'
}
