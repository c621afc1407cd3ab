# SPDX-License-Identifier: MIT
#
# layers.awk - reads "+FILE" for each file of the tree and the lines of
# strip.awk; prints what breaks the order of layers.
#
# A runtime file may take system headers only from runtime/base/base.h, unless
# it is there to wrap something: `wraps` says which file, and what.

BEGIN {
    rank["base"] = 0
    rank["memory"] = rank["probe"] = 1
    rank["queue"] = rank["coroutine"] = 2
    rank["actor"] = 3
    rank["scheduler"] = rank["io"] = 4
    rank["api"] = 5

    split("float.h iso646.h limits.h stdalign.h stdarg.h stdbool.h " \
        "stddef.h stdint.h stdnoreturn.h", names, " ")
    for (i in names)
        freestanding[names[i]] = library[names[i]] = 1
    split("assert.h ctype.h errno.h inttypes.h locale.h math.h stdatomic.h " \
        "stdio.h stdlib.h string.h wchar.h wctype.h", names, " ")
    for (i in names)
        library[names[i]] = 1

    while ((getline line < wraps) > 0)
        if (line !~ /^#/ && split(line, names, " ") > 1)
            for (i = 2; i in names; i++)
                wrapped[names[1], names[i]] = 1
}

/^\+/ {exists[substr($0, 2)] = 1; next}

/:[ \t]*#[ \t]*include[ \t]*["<]/ {
    split($0, part, ":")
    file = part[1]
    where = part[1] ":" part[2] ": "
    match($0, /["<][^">]*[">]/)
    name = substr($0, RSTART + 1, RLENGTH - 2)
    if (substr($0, RSTART, 1) == "<")
        angle()
    else
        quoted()
}

END {
    for (file in edges)
        walk(file, file)
    exit bad
}

function wrong(text)
{
    print where text
    bad = 1
}

function top(path) {return substr(path, 1, index(path, "/") - 1)}

function folder(path)
{
    sub(/[^\/]*$/, "", path)
    return path
}

function layer(path,    parts)
{
    split(path, parts, "/")
    return parts[2]
}

function angle()
{
    if (name == "coppice.h" || name ~ /^coppice\//) {
        if (exists["include/" name])
            edge("include/" name)
        else
            wrong("there is no <" name ">")
    } else if (name ~ /^(runtime|actors|samples|tests)\//) {
        wrong("<" name "> is not a system header")
    } else if (top(file) == "runtime" && file != "runtime/base/base.h" && \
        !((file, name) in wrapped)) {
        wrong("<" name "> comes through runtime/base/base.h only")
    } else if (top(file) == "include" && !(name in freestanding) && \
        !((file, name) in wrapped)) {
        wrong("<" name "> in a public header: freestanding ones only")
    } else if (top(file) == "actors" && !(name in library) && \
        !((file, name) in wrapped)) {
        wrong("<" name "> is not of the C library")
    }
}

function quoted(    from, to)
{
    from = top(file)
    # A sample of several files is a program of its own, to be copied whole.
    if (from == "samples" && exists[folder(file) name])
        name = folder(file) name
    if (!exists[name]) {
        wrong("\"" name "\" is not a path from the root")
        return
    }
    edge(name)
    to = top(name)
    if (from == "runtime" && to == "runtime") {
        if (!(layer(file) in rank) || !(layer(name) in rank))
            wrong("a folder without a rank")
        else if (rank[layer(name)] > rank[layer(file)])
            wrong("rank " rank[layer(file)] " includes rank " \
                rank[layer(name)] ": " name)
    } else if (from == "include") {
        wrong("a public header includes <coppice/...> only")
    } else if (from != to && from != "tests") {
        wrong(from "/ includes " name)
    }
}

function edge(to)
{
    edges[file] = edges[file] " " to
    line_of[file, to] = part[2]
}

# Depth first; state: 1 on the way, 2 done.
function walk(from, path,    n, next_ones, i, to)
{
    if (state[from])
        return
    state[from] = 1
    n = split(edges[from], next_ones, " ")
    for (i = 1; i <= n; i++) {
        to = next_ones[i]
        where = from ":" line_of[from, to] ": "
        if (state[to] == 1)
            wrong("includes in a circle: " path " " to)
        else
            walk(to, path " " to)
    }
    state[from] = 2
}
