#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crash_gallery.sh PROGRAM - all exhibits die as told, each also alone; wrong
# when it is made to be; a seed gives one order, another seed another. In a
# sanitizer's build the native ones are not shown, and the program says so.

. "$(dirname "$0")/../support/sample.sh"

ok='^verdict: ok, .* 8 of 8 bystanders are unhurt'
for seed in 0 1 2 3 4; do
    try 0 "$ok" --seed $seed
done
"$program" --list > "$dir/list" || failed "--list"
while read -r name does; do
    try 0 '^verdict: ok, ' --only "$name"
    grep -q -e "^$name: $does" -e "^$name: not shown: " "$dir/out" ||
        failed "$name is not in its own catalogue"
done < "$dir/list"
[ "$(wc -l < "$dir/list")" -ge 26 ] || failed "the list is too short"

# What can be shown in any build, and where it was.
try 0 '^  monitor  *{limit, "memory"}' --only memory
try 0 '^  supervisor  *normal; lets it rest' --only normal
try 0 '^  supervisor  *killed; restarts it' --only kill
try 0 '^  link  *{fault, SIGKILL, ' --only sigkill
if "$program" --only segv_read | grep -q 'not shown: a sanitizer'; then
    echo "ok: no native exhibits in a sanitizer's build"
else
    try 0 '^  where  *[a-z]' --only segv_read
    try 0 '^  link  *{fault, stack_overflow}' --only stack_overflow
    if ! "$program" --only uncaught 2>&1 | grep -q 'without a C++ compiler'
    then
        try 0 '^  link  *{fault, abort}' --only uncaught
        # Who threw is behind frames without a frame pointer; source lines
        # need libdw.
        if [ "$(uname -m)" = x86_64 ] &&
            "$program" --only segv_read | grep -q '^  where .*exhibits.c'
        then
            try 0 '^  where  *bakes at .*thrower.cc' --only uncaught
        fi
    fi
fi

try 1 '^verdict: WRONG, 0 of 1 ' --sabotage --only kill
try 1 '^  WRONG  .*expected was {bored' --sabotage=reason
try 1 '^  WRONG  *it lives' --sabotage=alive --only normal
try 1 '^verdict: WRONG, .* some are lost' --sabotage=coin
try 0 '^usage: ' --help
try 2 '^usage: ' --no-such-option
try 2 'no such exhibit' --only no_such
try 2 'not a number' --seed some
try 2 'not reason, alive or coin' --sabotage=no_such
try 2 'not an option' kill

for run in 7a 7b 8c; do
    try 0 '^signature: ' --seed "${run%?}"
    grep '^signature: ' "$dir/out" | cut -d , -f 1 > "$dir/$run"
done
cmp "$dir/7a" "$dir/7b" || failed "a seed gave two orders"
cmp -s "$dir/7a" "$dir/8c" && failed "two seeds gave one order"
exit $bad
