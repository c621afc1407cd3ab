#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# chart.awk - draws the CSV that the peers' `run` writes as bars, as SVG.
#
#     awk -v note='TEXT' -f chart.awk results.csv >results.svg
#
# A group of bars for each workload that Coppice has, one bar for each peer that
# has it, on one logarithmic scale; what is written beside a bar is the median,
# and the line in it reaches from the least run to the greatest. What Coppice
# does not have, or failed at, is named at the bottom. The colours follow the
# reader's choice of light or dark.

BEGIN {
    FS = ","
    BAR = 9
    GAP = 22 # above a group, for its name
    WIDTH = 1000
    COLUMNS = 2
    PLOT = 430 # of a column, for the bars
    LEFT = 14
    TOP = 74
}

NR == 1 {next}

{
    if (!($1 in seen)) {
        seen[$1] = 1
        name[++n] = $1
    }
    if (!($2 in is_peer)) {
        is_peer[$2] = 1
        peer[++npeers] = $2
    }
    status[$1, $2] = $12
    runs = $4
    if ($12 != "ok")
        next
    median[$1, $2] = $6
    least[$1, $2] = $7
    most[$1, $2] = $8
    metric[$1] = $5
    if (!low || $7 < low)
        low = $7
    if ($8 > high)
        high = $8
}

function log10(x)
{
    return log(x) / log(10)
}

# Where a value is, in pixels from the left of the plot.
function at(value)
{
    return (log10(value) - first) * PLOT / (last - first)
}

function floor(x,    i)
{
    i = int(x)
    return i > x ? i - 1 : i
}

# Three digits, at least.
function short(x)
{
    if (x >= 1e6)
        return sprintf("%.3gM", x / 1e6)
    return x >= 100 ? sprintf("%d", x + 0.5) : sprintf("%.3g", x)
}

function text(x, y, class, what)
{
    printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", \
        x, y, class, what
}

function line(x1, y1, x2, y2, class)
{
    printf "<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"%s\"/>\n", \
        x1, y1, x2, y2, class
}

function style(    i)
{
    print "<style>"
    print "text{font:11px system-ui,sans-serif;fill:#1f2328}"
    print ".h{font-size:17px;font-weight:600}.n{font-weight:600}"
    print ".v{font-size:9px}.s,.v{fill:#59636e}"
    print ".m{text-anchor:middle;font-size:9px;fill:#59636e}"
    print ".e{text-anchor:end}.l{fill:#cf222e}"
    print ".g{stroke:#8b949e;stroke-opacity:.35}"
    print ".w{stroke:#1f2328;stroke-width:1.2}"
    for (i = 1; i <= npeers; i++)
        printf ".p%d{fill:%s}", i, colour[i]
    print "\n@media(prefers-color-scheme:dark){text{fill:#e6edf3}"
    print ".s,.v,.m{fill:#9198a1}.l{fill:#f85149}"
    print ".w{stroke:#e6edf3}.g{stroke-opacity:.5}}"
    print "</style>"
}

# Coppice first, then the peers in the order of the file.
function arrange(    i, others, palette)
{
    split("#b4436c #2f9ec4 #8a63d2 #c98a2b #7d8590 #4f9d8f", palette, " ")
    others = 0
    for (i = 1; i <= npeers; i++)
        if (peer[i] != "coppice") {
            place[++others + 1] = peer[i]
            colour[others + 1] = palette[(others - 1) % 6 + 1]
        }
    place[1] = "coppice"
    colour[1] = "#2da44e"
    npeers = others + 1
}

# How Coppice stands against the best of the others.
function verdict(w,    i, best, who, ours)
{
    ours = median[w, "coppice"]
    for (i = 2; i <= npeers; i++)
        if ((w, place[i]) in median && (!best || median[w, place[i]] < best)) {
            best = median[w, place[i]]
            who = place[i]
        }
    if (!best)
        return "no other has it"
    if (ours <= best)
        return sprintf("the least; %s takes %.2f times as much", who, \
            best / ours)
    return sprintf("%.2f times as much as %s", ours / best, who)
}

function bar(x, y, w, i,    p, long)
{
    p = place[i]
    long = at(median[w, p])
    printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" ", \
        x, y, long < 1 ? 1 : long, BAR - 1
    printf "class=\"p%d\"><title>%s, %s: %s</title></rect>\n", \
        i, w, p, median[w, p]
    if (most[w, p] > least[w, p])
        line(x + at(least[w, p]), y + BAR / 2, x + at(most[w, p]), \
            y + BAR / 2, "w")
    text(x + (most[w, p] > median[w, p] ? at(most[w, p]) : long) + 4, \
        y + BAR - 1.5, "v", short(median[w, p]))
}

function height(w,    i, bars)
{
    for (i = 1; i <= npeers; i++)
        bars += (w, place[i]) in median
    return GAP + bars * BAR
}

function group(x, y, w,    i, said)
{
    text(x, y + GAP - 5, "n", w)
    said = verdict(w)
    text(x + 180, y + GAP - 5, said ~ /^[0-9]/ ? "s l" : "s", said \
        (metric[w] == "bytes_per_actor" ? " (bytes)" : ""))
    y += GAP
    for (i = 1; i <= npeers; i++)
        if ((w, place[i]) in median) {
            bar(x, y, w, i)
            y += BAR
        }
}

function axis(x, bottom,    e)
{
    for (e = first; e <= floor(last); e++) {
        line(x + at(10 ^ e), TOP, x + at(10 ^ e), bottom, "g")
        text(x + at(10 ^ e), TOP - 4, "m", short(10 ^ e))
    }
}

function legend(    i, x)
{
    x = LEFT
    for (i = 1; i <= npeers; i++) {
        printf "<rect x=\"%d\" y=\"46\" width=\"10\" height=\"10\" ", x
        printf "class=\"p%d\"/>\n", i
        text(x + 14, 55, "", place[i])
        x += 75
    }
    text(WIDTH - LEFT, 55, "s e", "ns per operation (memory: bytes per " \
        "actor), logarithmic, less is better; " (runs == 1 ? "one run" : \
        "medians of " runs " runs"))
}

# What has no group: sets `shown`, `total` and `footnote`.
function choose(    k, s, missing, failed)
{
    for (k = 1; k <= n; k++) {
        s = status[name[k], "coppice"]
        if (s == "ok") {
            shown[++nshown] = name[k]
            total += height(name[k])
        } else if (s == "unsupported" || s == "") {
            missing = missing " " name[k]
        } else {
            failed = failed " " name[k] " (" s ")"
        }
    }
    if (missing != "")
        footnote = "Not offered by Coppice:" missing ". "
    if (failed != "")
        footnote = footnote "FAILED:" failed "."
}

# Where each group goes; returns how far down they reach.
function place_groups(    k, column, y, bottom)
{
    y = bottom = TOP
    for (k = 1; k <= nshown; k++) {
        if (column < COLUMNS - 1 && y - TOP + height(shown[k]) / 2 > \
            total / COLUMNS) {
            column++
            y = TOP
        }
        left[k] = LEFT + column * WIDTH / COLUMNS
        top[k] = y
        y += height(shown[k])
        if (y > bottom)
            bottom = y
    }
    return bottom
}

END {
    if (!n || !high) {
        print "chart.awk: no results" >"/dev/stderr"
        exit 1
    }
    arrange()
    choose()
    first = floor(log10(low))
    last = log10(high)
    bottom = place_groups() + 8
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" "
    printf "viewBox=\"0 0 %d %d\">\n", WIDTH, bottom + 28
    style()
    text(LEFT, 24, "h", "Coppice beside what one would pick instead")
    text(WIDTH - LEFT, 24, "s e", note)
    legend()
    axis(LEFT, bottom)
    axis(LEFT + WIDTH / COLUMNS, bottom)
    for (k = 1; k <= nshown; k++)
        group(left[k], top[k], shown[k])
    text(LEFT, bottom + 18, "s", footnote)
    print "</svg>"
}
