#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# table.awk - the CSV that the peers' `run` writes as a table in Markdown: for
# Coppice its figure, for each peer how many times as much it takes. Below 1 it
# takes less than Coppice; such figures are bold.
#
#     awk -f table.awk results.csv

BEGIN {FS = ","}

NR == 1 {next}

{
    if (!($1 in seen)) {
        seen[$1] = 1
        name[++n] = $1
    }
    if ($2 != "coppice" && !($2 in is_peer)) {
        is_peer[$2] = 1
        peer[++npeers] = $2
    }
    unit[$1] = $5 == "bytes_per_actor" ? "B" : "ns"
    status[$1, $2] = $12
    if ($12 == "ok")
        figure[$1, $2] = $6
}

# What there is to say without a figure.
function outcome(w, p)
{
    return status[w, p] ~ /^(unsupported)?$/ ? "-" : toupper(status[w, p])
}

# Against Coppice, or what it takes where Coppice has nothing.
function ratio(w, p,    r)
{
    if (!((w, p) in figure))
        return outcome(w, p)
    if (!((w, "coppice") in figure))
        return sprintf("%.0f %s", figure[w, p], unit[w])
    r = figure[w, p] / figure[w, "coppice"]
    return sprintf(r < 0.995 ? "**%.2f**" : "%.2f", r)
}

END {
    printf "| workload | coppice |"
    for (i = 1; i <= npeers; i++)
        printf " %s |", peer[i]
    printf "\n|---|--:|"
    for (i = 1; i <= npeers; i++)
        printf "--:|"
    print ""
    for (k = 1; k <= n; k++) {
        w = name[k]
        if ((w, "coppice") in figure)
            printf "| %s | %.0f %s |", w, figure[w, "coppice"], unit[w]
        else
            printf "| %s | %s |", w, outcome(w, "coppice")
        for (i = 1; i <= npeers; i++)
            printf " %s |", ratio(w, peer[i])
        print ""
    }
}
