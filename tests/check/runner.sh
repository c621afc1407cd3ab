#!/bin/sh
# SPDX-License-Identifier: MIT
#
# runner.sh ROOT - tests/support/run.sh counts honestly: each case gives it a
# made-up tree and knows the last line and exit code that must come.

run=$(cd "$1" && pwd)/tests/support/run.sh
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
unset COP_TEST_SLOW
failed=0

fresh()
{
    rm -rf "$tmp/tree"
    mkdir -p "$tmp/tree/out/unit" "$tmp/tree/out/samples" \
        "$tmp/tree/out/stress" "$tmp/tree/tests/unit" \
        "$tmp/tree/tests/samples" "$tmp/tree/tests/stress" \
        "$tmp/tree/tests/check" "$tmp/tree/samples"
    cd "$tmp/tree" || exit 2
}

# program NAME: standard input becomes out/NAME.
program()
{
    {
        echo '#!/bin/sh'
        cat
    } > "out/$1"
    chmod +x "out/$1"
}

# unit NAME: a unit test whose program is standard input.
unit()
{
    : > "tests/unit/$1_test.c"
    program "unit/$1"
}

# expect NAME RC LAST ARG...
expect()
{
    name=$1 want_rc=$2 want=$3
    shift 3
    said=$(sh "$run" --root "$tmp/tree" "$@" 2>&1)
    rc=$?
    last=$(printf '%s\n' "$said" | tail -n 1)
    if [ "$rc" != "$want_rc" ] || [ "$last" != "$want" ]; then
        failed=1
        echo "$name: \"$last\", exit code $rc;" \
            "wanted \"$want\", exit code $want_rc"
        printf '%s\n' "$said" | sed 's/^/    /'
    fi
}

# shellcheck disable=SC2016
tap='printf "%s\n" > $CK_TAP_LOG_FILE_NAME'

fresh
unit good << E
$tap "ok 1 - a" "ok 2 - b" "1..2"
E
expect "all pass" 0 "2 passed, 0 failed" out unit
expect "a build that failed" 1 "2 passed, 1 failed" --built failed out unit

unit bad << E
$tap "ok 1 - a" "not ok 2 - b" "1..2"
exit 1
E
expect "one fails" 1 "3 passed, 1 failed" out unit

fresh
unit early << E
exit 0
E
expect "ends before the first test" 1 "0 passed, 1 failed" out unit

fresh
unit crash << E
$tap "ok 1 - a"
kill -SEGV \$\$
E
expect "crashes after a test" 1 "1 passed, 1 failed" out unit

fresh
unit late << E
$tap "ok 1 - a" "1..1"
exit 3
E
expect "passes, then fails at its exit" 1 "1 passed, 1 failed" out unit

fresh
unit race << E
echo "WARNING: ThreadSanitizer: data race"
$tap "ok 1 - a" "1..1"
E
expect "leaves a sanitizer's report" 1 "1 passed, 1 failed" out unit

fresh
unit empty << E
$tap "1..0"
E
expect "has no tests" 1 "0 passed, 1 failed" out unit

fresh
unit foreign << E
echo "not with this sanitizer"
exit 77
E
unit good << E
$tap "ok 1 - a" "1..1"
E
expect "one cannot run here" 0 "1 passed, 0 failed, 1 skipped" out unit

fresh
: > tests/unit/missing_test.c
expect "is not built" 1 "0 passed, 1 failed" out unit

fresh
expect "no unit tests" 1 "0 passed, 1 failed" out unit
expect "no samples" 1 "0 passed, 1 failed" out samples
expect "no stress tests" 1 "0 passed, 1 failed" out stress
expect "no rules" 1 "0 passed, 1 failed" out check
expect "no such part" 1 "0 passed, 1 failed" out none
expect "nothing asked" 1 "0 passed, 1 failed" out

fresh
: > samples/a.c
: > samples/b.c
: > samples/c.c
mkdir samples/d
echo hello > tests/samples/a.expected
echo hello > tests/samples/b.expected
# shellcheck disable=SC2016
echo 'exec "$1" args' > tests/samples/d.sh
echo 'echo hello' | program samples/a
echo 'echo hullo' | program samples/b
echo 'echo hello' | program samples/c
# shellcheck disable=SC2016
echo '[ "$1" = args ]' | program samples/d
expect "right, wrong, unexpected output, script" 1 "2 passed, 2 failed" \
    out samples
echo 'echo hello; exit 1' | program samples/a
expect "right output, wrong exit code" 1 "1 passed, 3 failed" out samples

fresh
: > tests/stress/a.c
: > tests/stress/b.c
: > tests/stress/c.c
: > tests/stress/common.c
printf '%s\n' '# a list' 'a 10' '' 'a 20 --seed 1' 'b 5' \
    > tests/stress/short.list
# shellcheck disable=SC2016
echo '[ "$1" -ge 10 ] && echo "a: ok n=$1"' | program stress/a
echo 'echo "b: FAILED"' | program stress/b
expect "ok twice, no ok, not listed" 1 "2 passed, 2 failed" out stress

fresh
echo 'echo "no tool"; exit 77' > tests/check/a.sh
echo 'exit 0' > tests/check/b.sh
expect "a skipped rule" 0 "1 passed, 0 failed, 1 skipped" out check
echo 'echo "ok 1 - a"; echo "not ok 2 - b"; echo "1..2"; exit 1' \
    > tests/check/selftest.sh
expect "self-tests count one by one" 1 "2 passed, 1 failed, 1 skipped" \
    out check

exit $failed
