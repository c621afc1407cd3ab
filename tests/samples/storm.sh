#!/bin/sh
# SPDX-License-Identifier: MIT
#
# storm.sh PROGRAM - a small storm: everything is accounted for, with various
# seeds and plans; each way to break it is noticed; the same seed decides the
# same. (Sanitizer builds leave the native faults out by themselves.)

. "$(dirname "$0")/../support/sample.sh"
small="--seconds 1 --workers $((2000 / slow))"

# signature SEED: what the seed decides.
signature()
{
    try 0 '^verdict: ok, ' $small --seed "$1"
    sed -n 's/^signature //p' "$dir/out"
}

signature 1 > "$dir/one"
grep '^ok' "$dir/one"
signature 1 > "$dir/one_again"
signature 2 > "$dir/two"
cmp "$dir/one" "$dir/one_again" || failed "seed 1 decides differently"
[ "$(tail -n 1 "$dir/one")" = "$(tail -n 1 "$dir/two")" ] &&
    failed "seeds 1 and 2 decide the same"
if grep -q FAILED "$dir/one" "$dir/one_again" "$dir/two"; then
    cat "$dir/one" "$dir/one_again" "$dir/two"
    bad=1
fi

try 0 '^verdict: ok, ' --seconds 1 --quiet
small="$small --quiet"
try 0 '^verdict: ok, ' $small --threads 1 --clients 1 --workers 1
try 0 '^verdict: ok, .* of 0 restarts' $small --faults 'drop tag=ASK p=0.01'
try 0 '^verdict: ok, ' $small --faults 'kill worker.1.* every=1ms
    exit worker.* boom p=0.001; delay kind=reply 300ms p=0.01
    drop kind=reply p=0.01'
try 1 '^verdict: WRONG, questions asked, .* +1$' $small --sabotage
try 1 '^verdict: WRONG, restarts: ' $small --sabotage=kill
try 1 '^verdict: WRONG, left behind: +1 actors' $small --sabotage=leak
try 1 'groups were restarted\|the root had given up' $small \
    --faults 'kill group.2 every=300ms count=1'
try 1 'the books know no duplicates' $small --faults 'duplicate tag=ASK p=0.1'
try 0 '^usage: ' --help
try 2 '^usage: ' --no-such-option
try 2 'not a number from 1 to 100000: many' --workers many
try 2 'neither forget nor kill nor leak: rain' --sabotage=rain
try 2 'line 1, column 5: ' --faults 'kill'
exit $bad
