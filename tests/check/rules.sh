#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rules.sh ROOT - tests/conformance/RULES.md keeps its word.
#
# A rule is a paragraph that begins with "**ABC-01** ". Its numbers begin with
# 01 in each section and go up by one; it ends with "Shown by:" and a list of
# what shows it, with commas between:
#
#     NAME              tests/conformance/scenarios/NAME.scn
#     unit/FILE.c:TEST  that test in tests/unit/FILE.c: START_TEST(TEST), or
#                       another ..._TEST(TEST, or X(TEST) of a list of tests
#
# Each of these exists, and so does each scenario's trace. A scenario says in
# its first line ("# rule: ABC-01 ABC-02") which rules it shows: the same ones
# that list it.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

files '*.scn' '*.trace' '*_test.c' | awk -v book=tests/conformance/RULES.md '
    function wrong(where, text)
    {
        print where ": " text
        bad = 1
    }

    # take_names RULE TEXT: what "Shown by:" lists.
    function take_names(rule, text,    n, i, name)
    {
        n = split(text, name, / *, */)
        for (i = 1; i <= n; i++) {
            gsub(/^ +| +$/, "", name[i])
            if (name[i] == "")
                wrong(book, rule ": an empty name")
            else if (name[i] ~ / / || (rule, name[i]) in shows)
                wrong(book, rule ": \"" name[i] "\" is not one name")
            else
                shows[rule, name[i]] = 1
        }
    }

    function close_rule()
    {
        if (rule != "") {
            at = index(text, "Shown by:")
            if (!at)
                wrong(book, rule ": nothing shows it")
            else
                take_names(rule, substr(text, at + length("Shown by:")))
        }
        rule = ""
        text = ""
    }

    function open_rule(line,    part)
    {
        rule = substr(line, 3, 6)
        if (substr(line, 9, 3) != "** ") {
            wrong(book, "\"" line "\" is no rule")
            rule = ""
            return
        }
        split(rule, part, "-")
        if (rule in is_rule)
            wrong(book, rule " is there twice")
        else if (part[2] + 0 != last[part[1]] + 1)
            wrong(book, rule " does not follow " part[1] "-" \
                sprintf("%02d", last[part[1]]))
        last[part[1]] = part[2] + 0
        is_rule[rule] = 1
        rules++
    }

    function read_scenario(file, name,    line, n, i, word)
    {
        is_scenario[name] = 1
        if ((getline line < file) <= 0 || line !~ /^# rule: [A-Z]/) {
            wrong(file, "does not begin with \"# rule: ABC-01\"")
            close(file)
            return
        }
        close(file)
        n = split(substr(line, 9), word, " ")
        for (i = 1; i <= n; i++) {
            says[name, word[i]] = 1
            if (!(word[i] in is_rule))
                wrong(file, "there is no rule " word[i])
            else if (!((word[i], name) in shows))
                wrong(file, word[i] " does not list it")
        }
    }

    function read_tests(file, name,    line)
    {
        while ((getline line < file) > 0)
            if (line ~ /^([A-Z_]*TEST| +X)\([a-z0-9_]+[,)]/) {
                sub(/^[ A-Z_]*\(/, "", line)
                sub(/[,)].*/, "", line)
                is_test["unit/" name ".c:" line] = 1
            }
        close(file)
    }

    function look_up(rule, name)
    {
        if (name ~ /^unit\//) {
            if (!(name in is_test))
                wrong(book, rule ": there is no test " name)
        } else if (!(name in is_scenario))
            wrong(book, rule ": there is no scenario " name)
        else if (!((name, rule) in says))
            wrong(book, rule ": " name ".scn does not say that it shows it")
    }

    BEGIN {
        while ((got = (getline line < book)) > 0) {
            if (line ~ /^\*\*[A-Z][A-Z][A-Z]-[0-9][0-9]/) {
                close_rule()
                open_rule(line)
            } else if (line ~ /^ *$/)
                close_rule()
            if (rule != "")
                text = text " " line
        }
        close_rule()
        if (!rules)
            wrong(book, "no rules")
    }

    {
        name = $0
        sub(/.*\//, "", name)
        sub(/\.[a-z]*$/, "", name)
        if (/^tests\/conformance\/scenarios\/.*\.scn$/)
            read_scenario($0, name)
        else if (/^tests\/conformance\/scenarios\/.*\.trace$/)
            is_trace[name] = 1
        else if (/^tests\/unit\/.*_test\.c$/)
            read_tests($0, name)
    }

    END {
        for (pair in shows) {
            split(pair, part, SUBSEP)
            look_up(part[1], part[2])
        }
        for (name in is_scenario)
            if (!(name in is_trace))
                wrong(name ".scn", "has no trace")
        for (name in is_trace)
            if (!(name in is_scenario))
                wrong(name ".trace", "has no scenario")
        exit bad
    }
' || exit 1
