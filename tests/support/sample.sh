# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# sample.sh - what the scripts of tests/samples begin with; each ends with
# `exit $bad`. Sets program (their argument), slow (COP_TEST_SLOW) and dir, a
# directory of the script's own that goes when it ends.

program=$1
slow=${COP_TEST_SLOW:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
bad=0

# failed WORD...: says what; the script goes on, and ends so.
failed()
{
    echo "FAILED: $*"
    bad=1
}

# try CODE PATTERN ARG...: the exit code, and a line of the output, which is in
# $dir/out then.
try()
{
    want=$1 pattern=$2
    shift 2
    "$program" "$@" < /dev/null > "$dir/out" 2>&1
    code=$?
    if [ $code = "$want" ] && grep -q -e "$pattern" "$dir/out"; then
        echo "ok: $*"
    else
        failed "$*: exit code $code, wanted $want and \"$pattern\""
        tail -n 60 "$dir/out"
    fi
}
