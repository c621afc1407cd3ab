#!/bin/sh
# SPDX-License-Identifier: MIT
#
# escalation.sh PROGRAM - each expectation is met, whoever crashes; one that is
# turned round is not; the same seed chooses the same.

program=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
bad=0

# try CODE PATTERN ARG...: the exit code, and a line of the output.
try()
{
    want=$1 pattern=$2
    shift 2
    "$program" "$@" < /dev/null > "$dir/out" 2>&1
    code=$?
    if [ $code = "$want" ] && grep -q -e "$pattern" "$dir/out"; then
        echo "ok: $*"
    else
        echo "FAILED: $*: exit code $code, wanted $want and \"$pattern\""
        cat "$dir/out"
        bad=1
    fi
}

for seed in 1 2 3 4; do
    try 0 '^verdict: ok, all 34 ' --seed $seed
    grep '^seed ' "$dir/out" > "$dir/choice.$seed"
done
try 0 '^verdict: ok, ' --step --seed 1
grep '^seed ' "$dir/out" > "$dir/again"
if ! cmp "$dir/choice.1" "$dir/again"; then
    echo "FAILED: seed 1 chooses differently"
    bad=1
fi
if [ "$(sed 's/.*chooses//' "$dir"/choice.* | sort -u | wc -l)" -lt 2 ]; then
    echo "FAILED: all seeds choose the same"
    bad=1
fi
try 1 '^verdict: WRONG, step 1: not: nobody else has noticed' --sabotage
try 0 '^usage: ' --help
try 2 '^usage: ' --no-such-option
try 2 'not a number: many' --seed many
try 2 'unexpected: more' more
exit $bad
