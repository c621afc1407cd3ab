#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--root DIR] [--built ok|failed] OUT PART... - runs tests and counts.
#
# OUT holds the built programs. The parts:
#     unit     each tests/unit/NAME_test.c as OUT/unit/NAME; its tests are
#              counted one by one
#     samples  each sample: tests/samples/NAME.sh PROGRAM if there is one, else
#              its output must be tests/samples/NAME.expected
#     stress   each line "NAME N [ARG...]" of tests/stress/short.list
#     conformance  all scenarios that tests/conformance/run.sh finds
#     check    each tests/check/RULE.sh on the tree, and their self-tests
#
# Each test is a process with a time limit. What fails is shown, and kept in
# OUT/log. The last line says "N passed, M failed", with ", K skipped" if a
# test exited with 77; the exit code is 0 only if nothing failed.
#
# The count never flatters: a program that is missing, dies early, writes no
# plan or leaves a sanitizer's report adds a failure of its own; so do a part
# without tests, a source without its test, and a build that failed.
#
# COP_TEST_SLOW=N multiplies the limits and divides the work of stress
# programs by N * N: sanitizer runs set it.

root=$(dirname "$0")/../..
built=ok
while :; do
    case $1 in
    --root) root=$2 ;;
    --built) built=$2 ;;
    *) break ;;
    esac
    shift 2
done
out=$1
shift
case $out in
/*) ;;
*) out=$PWD/$out ;;
esac
cd "$root" || exit 1

slow=${COP_TEST_SLOW:-1}
log=$out/log
rm -rf "$log"
mkdir -p "$log" || exit 1
passed=0 failed=0 skipped=0
child=

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-second_deadlock_stack=1}"

# The limits kill a test's whole process group, which is why the terminal's
# ^C would not reach it by itself.
trap '[ -n "$child" ] && kill "$child" 2> /dev/null; exit 130' INT TERM HUP

# limited SECONDS LOGFILE COMMAND...: sets rc and spent.
limited()
{
    limit=$(($1 * slow)) captured=$2
    shift 2
    begun=$(date +%s)
    # The shell ignores SIGINT in what it starts with &: undo that.
    env --default-signal=INT,QUIT timeout -k 5 "$limit" "$@" \
        < /dev/null > "$captured" 2>&1 &
    child=$!
    wait "$child"
    rc=$?
    child=
    spent=$(($(date +%s) - begun))
    why=
    case $rc in
    124 | 137) why="over its limit of $limit s, or killed" ;;
    77 | 0) ;;
    *) why="exit code $rc" ;;
    esac
    if grep -q -E -e '(WARNING|ERROR): [A-Z][a-z]+Sanitizer' \
        -e ': runtime error: ' "$captured"; then
        why="${why:+$why, }sanitizer report"
    fi
}

pass()
{
    passed=$((passed + 1))
    printf '  ok    %s%s\n' "$1" "${2:+ ($2)}"
}

skip()
{
    skipped=$((skipped + 1))
    printf '  skip  %s (%s)\n' "$1" "$2"
}

# fail NAME WHY [LOGFILE]
fail()
{
    failed=$((failed + 1))
    printf '  FAIL  %s: %s\n' "$1" "$2"
    show "$3"
}

show()
{
    [ -n "$1" ] && [ -e "$1" ] || return
    tail -n 60 "$1" | sed 's/^/        | /'
    [ "$(wc -l < "$1")" -le 60 ] || echo "        | all of it: $1"
}

# judge NAME LOGFILE: by rc and why.
judge()
{
    if [ -n "$why" ]; then
        fail "$1" "$why" "$2"
    elif [ "$rc" = 77 ]; then
        skip "$1" "$(tail -n 1 "$2")"
    else
        pass "$1" "$spent s"
    fi
}

# count_tap NAME LOGFILE TAPFILE: adds up "ok" and "not ok" lines.
count_tap()
{
    good=0 bad=0 plan=none
    [ -e "$3" ] && eval "$(awk '
        /^ok / {good++}
        /^not ok / {bad++}
        /^1\.\.[0-9]+$/ {plan = substr($0, 4)}
        END {
            printf "good=%d bad=%d plan=%s\n", good, bad,
                plan == "" ? "none" : plan
        }' "$3")"
    passed=$((passed + good))
    failed=$((failed + bad))
    if [ "$plan" != $((good + bad)) ]; then
        why="${why:-ended early}, planned $plan, ran $((good + bad))"
    elif [ "$plan" = 0 ]; then
        why="${why:-no tests}"
    elif [ "$bad" != 0 ] && [ "$why" = "exit code 1" ]; then
        why= # said by the failures themselves
    fi
    if [ -n "$why" ]; then
        fail "$1" "$why ($good passed, $bad failed before)" "$2"
    elif [ "$bad" != 0 ]; then
        echo "  FAIL  $1: $bad of $plan"
        show "$2"
    else
        echo "  ok    $1: tests: $good ($spent s)"
    fi
}

part_unit()
{
    found=no
    for source in tests/unit/*_test.c; do
        [ -e "$source" ] || continue
        found=yes
        name=$(basename "$source" _test.c)
        program=$out/unit/$name
        if [ ! -x "$program" ]; then
            fail "unit/$name" "not built"
            continue
        fi
        tap=$log/unit-$name.tap
        rm -f "$tap"
        CK_TAP_LOG_FILE_NAME=$tap \
            limited 180 "$log/unit-$name" "$program"
        if [ "$rc" = 77 ] && [ ! -e "$tap" ]; then
            judge "unit/$name" "$log/unit-$name"
        else
            count_tap "unit/$name" "$log/unit-$name" "$tap"
        fi
    done
    [ $found = yes ] || fail unit "no tests found"
}

sample()
{
    name=$1 program=$out/samples/$1 file=$log/sample-$1
    if [ ! -x "$program" ]; then
        fail "sample/$name" "not built"
    elif [ -e "tests/samples/$name.sh" ]; then
        limited 120 "$file" sh "tests/samples/$name.sh" "$program"
        judge "sample/$name" "$file"
    elif [ -e "tests/samples/$name.expected" ]; then
        limited 60 "$file.err" sh -c "exec \"\$0\" > '$file'" "$program"
        if [ -z "$why" ] &&
            ! diff -u "tests/samples/$name.expected" "$file" \
                > "$file.diff"; then
            fail "sample/$name" "other output" "$file.diff"
        else
            judge "sample/$name" "$file.err"
        fi
    else
        fail "sample/$name" "no tests/samples/$name.expected or .sh"
    fi
}

part_samples()
{
    found=no
    for source in samples/*.c samples/*/; do
        [ -e "$source" ] || continue
        found=yes
        sample "$(basename "$source" .c)"
    done
    [ $found = yes ] || fail samples "none found"
}

stress()
{
    name=$1 size=$2
    shift
    case $size in
    '' | *[!0-9]*) ;;
    *)
        shift
        size=$((size / (slow * slow)))
        [ "$size" -gt 0 ] || size=1
        set -- "$size" "$@"
        ;;
    esac
    nth=$((nth + 1))
    file=$log/stress-$nth-$name
    limited 60 "$file" "$out/stress/$name" "$@"
    if [ -z "$why" ] && [ "$rc" = 0 ] &&
        ! tail -n 1 "$file" | grep -q "^$name: ok"; then
        why="no closing \"$name: ok\""
    fi
    judge "stress/$name${*:+ $*}" "$file"
}

part_stress()
{
    list=tests/stress/short.list
    nth=0
    if ! grep -q '^[a-z]' $list 2> /dev/null; then
        fail stress "no tests in $list"
        return
    fi
    # Read by another descriptor: the tests' own input is /dev/null.
    while read -r line <&3; do
        case $line in
        '' | '#'*) continue ;;
        esac
        # shellcheck disable=SC2086
        stress $line
    done 3< $list
    for source in tests/stress/*.c; do
        name=$(basename "$source" .c)
        case $name in
        common*) ;;
        *) grep -q "^$name\( \|\$\)" $list ||
            fail "stress/$name" "not in $list" ;;
        esac
    done
}

part_conformance()
{
    file=$log/conformance
    if [ ! -x "$out/conformance" ]; then
        fail conformance "not built"
        return
    fi
    limited 240 "$file" sh tests/conformance/run.sh "$out/conformance"
    good=$(sed -n '$s/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$file")
    bad=$(sed -n '$s/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$file")
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-0}))
    [ "${bad:-0}" = 0 ] || [ "$why" != "exit code 1" ] || why=
    if [ -n "$why" ] || [ "${good:-0}" = 0 ]; then
        fail conformance "${why:-no scenarios}" "$file"
    elif [ "$bad" != 0 ]; then
        echo "  FAIL  conformance: $bad of $((good + bad))"
        show "$file"
    else
        echo "  ok    conformance: scenarios: $good ($spent s)"
    fi
}

part_check()
{
    found=no
    for rule in tests/check/*.sh; do
        name=$(basename "$rule" .sh)
        case $rule in
        *'*'* | */selftest.sh) continue ;;
        esac
        found=yes
        limited 120 "$log/check-$name" sh "$rule" . "$out"
        judge "check/$name" "$log/check-$name"
    done
    [ $found = yes ] || fail check "no rules found"
    if [ -e tests/check/selftest.sh ]; then
        file=$log/selftest
        limited 120 "$file" sh tests/check/selftest.sh
        count_tap "check/selftest" "$file" "$file"
    fi
}

begun_all=$(date +%s)
[ "$built" = ok ] || fail build "some programs did not build; see above"
for part in "$@"; do
    case $part in
    unit | samples | stress | conformance | check) "part_$part" ;;
    *) fail "$part" "no such part" ;;
    esac
done
[ $((passed + failed)) -gt 0 ] || fail run.sh "no tests at all"

# Kept as a file too, for those whose last line is another's complaint.
{
    printf '%s passed, %s failed' $passed $failed
    [ $skipped = 0 ] || printf ', %s skipped' $skipped
    echo
} > "$log/summary"
echo
echo "$(($(date +%s) - begun_all)) s"
cat "$log/summary"
[ $failed = 0 ]
