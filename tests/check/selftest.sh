#!/bin/sh
# SPDX-License-Identifier: MIT
#
# selftest.sh - shows that each rule can fail. Writes TAP.
#
# bad/RULE/CASE/ is a tree that breaks one rule once; RULE.sh must refuse it,
# and say why in words that match CASE/expect (a regular expression). good/ is
# a tree that keeps all rules; each must let it pass. Trees are copied first;
# a script `prepare` in one makes there what should not lie about here: built
# libraries, files too long to keep.

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
export CHECK="$here"

n=0
failed=0

# told RESULT NAME: RESULT is 0 for success.
told()
{
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        failed=1
        echo "not ok $n - $2"
        sed 's/^/#   /' "$tmp/said"
    fi
}

# look RULE TREE: runs the rule on a copy; sets rc, writes $tmp/said.
look()
{
    rm -rf "$tmp/tree"
    cp -R "$2" "$tmp/tree"
    cp "$here/../../.clang-format" "$tmp/tree/"
    if [ -e "$tmp/tree/prepare" ]; then
        (cd "$tmp/tree" && sh ./prepare) > "$tmp/said" 2>&1 || {
            rc=prepare
            return
        }
    fi
    sh "$here/$1.sh" "$tmp/tree" "$tmp/tree/build" > "$tmp/said" 2>&1
    rc=$?
}

for rule in "$here"/*.sh; do
    rule=$(basename "$rule" .sh)
    case $rule in
    selftest) continue ;;
    # tests, not rules on trees
    aarch64 | bench | crash_links | frames | install | libc_links | runner | \
        view)
        continue
        ;;
    esac

    look "$rule" "$here/good"
    if [ "$rc" = 77 ]; then
        continue # cannot be told here
    fi
    told "$rc" "$rule: a good tree passes"

    found=no
    for tree in "$here/bad/$rule"/*/; do
        [ -e "$tree/expect" ] || continue
        found=yes
        look "$rule" "$tree"
        case $rc in
        0 | 77 | prepare) good=1 ;;
        *) grep -q -E -f "$tree/expect" "$tmp/said" && good=0 || good=1 ;;
        esac
        told "$good" "$rule: refuses $(basename "$tree")"
    done
    echo "no tree in bad/$rule" > "$tmp/said"
    [ $found = yes ] || told 1 "$rule: has something to refuse"
done

echo "1..$n"
exit $failed
