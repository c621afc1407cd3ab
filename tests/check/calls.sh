#!/bin/sh
# SPDX-License-Identifier: MIT
#
# calls.sh ROOT - time, chance, waiting, memory and errno each come in by one
# door: no other file calls what is behind it. Without that neither replay nor
# ordered failures would hold. Behaviours (actors/) may use free and errno, and
# cop_common_malloc with its kin: malloc may be the heap of the actor that
# happens to call them. The live view has a thread of its own; libc_wait.c
# stands before what programs wait by.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

code | awk '
    BEGIN {
        door("time", "runtime/base/clock.c",
            "clock_gettime gettimeofday time clock timespec_get ftime")
        door("chance", "runtime/base/(prng|os).c",
            "rand srand random srandom rand_r drand48 lrand48 mrand48 " \
            "getrandom getentropy arc4random")
        door("waiting",
            "(runtime/base/os[a-z_]*|runtime/api/libc_wait|actors/view).c",
            "usleep nanosleep clock_nanosleep sleep sched_yield syscall " \
            "pthread_create thrd_create thrd_sleep thrd_yield")
        door("memory", "runtime/memory/(mem|arena)[a-z_]*.c",
            "malloc calloc realloc free strdup strndup aligned_alloc " \
            "posix_memalign reallocarray asprintf vasprintf")
        door("errno", "runtime/base/os[a-z_]*.c", "errno __errno_location")
    }

    function door(kind, file, list,    names, i)
    {
        files[kind] = "^" file "$"
        split(list, names, " ")
        for (i in names)
            kind_of[names[i]] = kind
    }

    /^(runtime|actors)\// {
        split($0, part, ":")
        file = part[1]
        rest = substr($0, length(part[1]) + length(part[2]) + 3)
        if (rest ~ /^[ \t]*#[ \t]*include/)
            next
        before = ""
        while (match(rest, /[A-Za-z_][A-Za-z_0-9]*/)) {
            name = substr(rest, RSTART, RLENGTH)
            before = before substr(rest, 1, RSTART - 1)
            rest = substr(rest, RSTART + RLENGTH)
            if (name in kind_of && before !~ /(\.|->)[ \t]*$/)
                look(kind_of[name])
            before = before name
        }
    }

    function look(kind)
    {
        if (name != "errno" && rest !~ /^[ \t]*\(/)
            return
        if (file ~ files[kind])
            return
        if (file ~ /^actors\// && (name == "free" || kind == "errno"))
            return
        if (file ~ /^actors\/tool\// && kind == "memory")
            return
        print file ":" part[2] ": " name " (" kind ") is for " \
            substr(files[kind], 2, length(files[kind]) - 2)
        bad = 1
    }

    END {exit bad}
'
