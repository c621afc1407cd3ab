#!/bin/sh
# SPDX-License-Identifier: MIT
#
# chaos_wordcount.sh PROGRAM - the chaos word count on a small corpus of its
# own: right under fire, wrong when it is made to be, and its exit codes. A seed
# gives one sequence of faults, another seed another. In a sanitizer's build
# the program leaves the crashes out by itself, and says so.

. "$(dirname "$0")/../support/sample.sh"
root=$(dirname "$0")/../..

cat "$root"/include/coppice/*.h > "$dir/headers" || exit 1
cat "$root"/samples/chaos_wordcount/*.c > "$dir/sources" || exit 1
: > "$dir/empty"
printf 'no newline at the end' > "$dir/short"
awk 'BEGIN {
    for (i = 0; i < 9000; i++)
        printf "longer than a chunk"
}' | tr -d ' ' > "$dir/one_word"

passes=$((60 / (slow * slow) + 2))
set -- "$dir/headers" "$dir/sources" "$dir/empty" "$dir/short" "$dir/one_word"
for seed in 1 2 3; do
    try 0 '^verdict: ok, ' --quiet --passes $passes --seed $seed "$@"
    try 0 '^verdict: ok, ' --quiet --passes $passes --seed $seed \
        --kills-per-second 5000 --workers 2 "$@"
done
for seed in 1 2 3; do
    try 0 '^verdict: ok, ' --quiet --passes $passes --seed $seed \
        --kills-per-second 1000 --no-crashes "$@"
done
try 0 '^verdict: ok, ' --quiet --passes 2 --kills-per-second 0 "$@"
try 0 '^verdict: ok, ' --quiet --passes 3 --workers 1 --threads 1 "$@"
try 0 '^verdict: ok, 0 words' --quiet --passes 2 "$dir/empty"
try 0 '^restarts  *0  ' --passes 2 --kills-per-second 0 "$@"
try 1 '^verdict: WRONG, ' --quiet --passes 2 --sabotage "$@"
try 1 '^verdict: WRONG, ' --quiet --passes 2 --sabotage=drop "$@"
try 1 '^verdict: WRONG, .* deaths by faults' --passes $((passes * 4)) \
    --quiet --kills-per-second 1000 --sabotage=hide "$@"
try 0 '^usage: ' --help
try 2 '^usage: ' --no-such-option
try 2 'not a number' --workers many
try 2 'No such file' --quiet "$dir/headers" "$dir/not_there"
try 2 'not a regular file' --quiet "$dir"

# signature SEED: of the first faults, whose number is always the same.
signature()
{
    try 0 '^signature .* first 64 faults' --passes $((passes * 4)) \
        --kills-per-second 2000 --seed "$1" "$dir/headers" "$dir/sources"
    sed -n 's/^signature //p' "$dir/out" > "$dir/signature.$2"
}

signature 7 a
signature 7 b
signature 8 c
cmp "$dir/signature.a" "$dir/signature.b" ||
    failed "a seed gave two signatures"
cmp -s "$dir/signature.a" "$dir/signature.c" &&
    failed "two seeds gave one signature"

# Each way to crash is there, is suffered, and is reported, with where it was.
if "$program" --crashes --help > "$dir/out" 2>&1; then
    try 0 '^verdict: ok, ' --passes $((passes * 4)) \
        --kills-per-second 1000 --reports "$dir/reports" "$@"
    for fault in kill boom poison null overflow abort eat; do
        grep -q -E "^$fault +[0-9]+ +[1-9]" "$dir/out" ||
            failed "nobody died of $fault"
    done
    grep -q '^crash: actor .*fault' "$dir/reports" || failed "no crash reports"
else
    try 0 'no crashes: a sanitizer' --passes 2 "$@"
fi
exit $bad
