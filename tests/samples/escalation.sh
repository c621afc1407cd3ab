#!/bin/sh
# SPDX-License-Identifier: MIT
#
# escalation.sh PROGRAM - each expectation is met, whoever crashes; one that is
# turned round is not; the same seed chooses the same.

. "$(dirname "$0")/../support/sample.sh"

for seed in 1 2 3 4; do
    try 0 '^verdict: ok, all 34 ' --seed $seed
    grep '^seed ' "$dir/out" > "$dir/choice.$seed"
done
try 0 '^verdict: ok, ' --step --seed 1
grep '^seed ' "$dir/out" > "$dir/again"
cmp "$dir/choice.1" "$dir/again" || failed "seed 1 chooses differently"
[ "$(sed 's/.*chooses//' "$dir"/choice.* | sort -u | wc -l)" -lt 2 ] &&
    failed "all seeds choose the same"
try 1 '^verdict: WRONG, step 1: not: nobody else has noticed' --sabotage
try 0 '^usage: ' --help
try 2 '^usage: ' --no-such-option
try 2 'not a number: many' --seed many
try 2 'unexpected: more' more
exit $bad
