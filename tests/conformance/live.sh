#!/bin/sh
# SPDX-License-Identifier: MIT
#
# live.sh RUNNER OUT N [SEED [MIX]] - N new random scenarios of each mix (links,
# servers, sup, actors, trees; or MIX alone), answered by Erlang/OTP on the spot
# and compared, with one worker and with two.
# `make conformance LIVE=N SEED=S MIX=M` calls it.
#
# The scenarios of one seed are always the same; without SEED they are new each
# time, and the seed is printed. One that differs is asked again under disturbed
# schedules: if OTP does not always answer the same it asks what OTP leaves
# open, and is no divergence. Those that are stay in OUT: NAME.scn, OTP's
# NAME.trace, and NAME.diff with what differed.
#
# The last line says "N compared, N divergences"; the status is 0 only if there
# are none, and 2 if something is missing or OTP gave no answers.

here=$(cd "$(dirname "$0")" && pwd) || exit 2
shared=$here/../../../shared/conformance
batch=100
again=12   # disturbed schedules that an answer has to stand,
really=300 # and if it still differs from ours

missing()
{
    echo "live: $*" >&2
    exit 2
}

is_number()
{
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

[ $# -ge 3 ] || missing "live.sh RUNNER OUT N [SEED [MIX]]"
runner=$1 out=$2 count=$3
seed=${4:-$(date +%s)}
mixes=${5:-all}
[ "$mixes" != all ] || mixes="links servers sup actors trees"
is_number "$count" && [ "$count" -gt 0 ] || missing "LIVE=$count is no count"
is_number "$seed" || missing "SEED=$seed is no number"
for mix in $mixes; do
    case $mix in
    links | servers | sup | actors | trees) ;;
    *) missing "MIX=$mix: there are links, servers, sup, actors, trees, all" ;;
    esac
done
[ -x "$runner" ] || missing "$runner is not built (make conformance-program)"
for tool in generate oracle; do
    [ -x "$shared/$tool" ] || missing "no ../shared/conformance/$tool beside" \
        "this checkout: it makes the scenarios and asks OTP"
done
command -v erl > /dev/null ||
    missing "no erl: install Erlang/OTP (Debian: apt-get install erlang-base)"
command -v python3 > /dev/null ||
    missing "no python3, which makes the scenarios (Debian: python3)"

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
rm -rf "$out"
mkdir -p "$out" || exit 2

compared=0 divergences=0 open=0

# ask FOLDER OPTION...: OTP's traces of all scenarios there, as far as it has
# an answer. Its complaints go to $work/said.
ask()
{
    folder=$1
    shift
    find "$folder" -name '*.scn' -exec "$shared/oracle" "$@" \
        -o "$folder" {} + > "$work/said" 2>&1
}

# compare FOLDER: the differences, with each number of workers.
compare()
{
    for workers in 1 2; do
        "$runner" -w $workers -t $((10 * ${COP_TEST_SLOW:-1})) --check "$1" |
            sed "/^FAIL /s/\$/ ($workers workers)/"
    done
}

# suspects FOLDER FILE: the names of scenarios that FILE says failed.
suspects()
{
    sed -n "s|^FAIL $1/\\([a-z0-9_]*\\)\\.scn.*|\\1|p" "$2" | sort -u
}

# keep NAME: a divergence, with all that is known of it.
keep()
{
    cp "$work/again/$1.scn" "$work/again/$1.trace" "$out/"
    awk -v name="$work/new/$1.scn" '
        /^FAIL / {on = $2 == name || $2 == name ":"}
        /^[0-9]+ passed, / {on = 0}
        on' "$work/differences" | sed "s|$work/new/||" > "$out/$1.diff"
    echo "  DIFFERS $out/$1.scn"
    sed 's/^/      /' "$out/$1.diff"
    divergences=$((divergences + 1))
}

# drop_open: those without an answer ask what OTP leaves open.
drop_open()
{
    for scenario in "$work/again"/*.scn; do
        [ -e "$scenario" ] || continue
        [ -e "${scenario%.scn}.trace" ] && continue
        rm "$scenario"
        open=$((open + 1))
        compared=$((compared - 1))
    done
}

# ask_again: $work/new has some that differ; which of them does OTP always
# answer alike?
ask_again()
{
    rm -rf "$work/again"
    mkdir "$work/again"
    for name in $(suspects "$work/new" "$work/differences"); do
        cp "$work/new/$name.scn" "$work/again/"
    done
    ask "$work/again" -c $again
    drop_open
    if [ -n "$(find "$work/again" -name '*.trace')" ]; then
        rm "$work/again"/*.trace
        ask "$work/again" -c $really
        drop_open
    fi
    for scenario in "$work/again"/*.scn; do
        [ -e "$scenario" ] || continue
        keep "$(basename "$scenario" .scn)"
    done
}

# generate MIX ...: by whoever knows that mix.
generate()
{
    case $1 in
    actors | trees) by=$here/generate.py ;;
    *) by=$shared/generate ;;
    esac
    mix_of=$1
    shift
    "$by" --mix "$mix_of" --out "$work/new" --prefix live "$@" ||
        missing "$by failed"
}

# one_batch MIX FIRST COUNT
one_batch()
{
    begun=$(date +%s)
    rm -rf "$work/new"
    generate "$1" --seed "$2" --count "$3"
    ask "$work/new" -c 0
    # These name what never came to be, or met a bug of OTP's own.
    find "$work/new" -name '*.trace' -exec \
        grep -l -E 'exit badarg|terminate badarg| %.* badarg|function_clause' \
        {} + |
        xargs -r rm -f
    answered=$(find "$work/new" -name '*.trace' | wc -l)
    if [ "$answered" = 0 ]; then
        tail -n 5 "$work/said" >&2
        missing "OTP gave no answers"
    fi
    for scenario in "$work/new"/*.scn; do
        [ -e "${scenario%.scn}.trace" ] || rm "$scenario"
    done
    open=$((open + $3 - answered))
    compared=$((compared + answered))
    compare "$work/new" > "$work/differences"
    [ "$(grep -c '^[0-9]* passed, ' "$work/differences")" = 2 ] ||
        missing "$runner ended early"
    [ "$(grep -c ' 0 failed$' "$work/differences")" = 2 ] || ask_again
    printf '  %-7s %s to %s: %s compared, %s divergences so far (%s s)\n' \
        "$1" "$2" $(($2 + $3 - 1)) $compared $divergences \
        $(($(date +%s) - begun))
}

echo "live: $count scenarios each of $mixes, seed $seed"
for mix in $mixes; do
    done=0
    while [ $done -lt "$count" ]; do
        size=$((count - done))
        [ $size -le $batch ] || size=$batch
        one_batch "$mix" $((seed + done)) $size
        done=$((done + size))
    done
done
[ $open = 0 ] || echo "$open left out: OTP leaves open what they ask" \
    "(or they ask nothing)"
[ $divergences = 0 ] || echo "$out has each scenario, OTP's trace (-) and how" \
    "ours differs (+); $runner FILE.scn runs one"
echo "$compared compared, $divergences divergences"
[ $divergences = 0 ]
