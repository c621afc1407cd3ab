#!/bin/sh
# SPDX-License-Identifier: MIT
#
# need.sh WHAT... - sees to it that what a target needs is there.
#
#     build      a C compiler, libc's headers, jemalloc
#     build-san  the same without jemalloc
#     test       check, pkg-config, a C++ compiler for the headers' sake
#     san        clang with its sanitizer runtime
#
# What is missing is installed with apt-get where that needs no question
# (root, or sudo without a password); otherwise the one command to run is
# printed and the exit code is 1. COPPICE_INSTALL=no never installs.
#
# Needs are tried by compiling and linking, not by asking for packages: who
# has a jemalloc of his own in CPPFLAGS and LDFLAGS is served as well.
# CC, CPPFLAGS and LDFLAGS come from the environment.

: "${CC:=gcc}"
missing=

# can_build COMPILER LANGUAGE PROGRAM [FLAG...]
can_build()
{
    compiler=$1 language=$2 program=$3
    shift 3
    # The compiler and the flags are lists of words.
    # shellcheck disable=SC2086
    printf '%s\n' "$program" |
        $compiler $CPPFLAGS -x "$language" - $LDFLAGS -o /dev/null "$@" \
            > /dev/null 2>&1
}

need()
{
    case " $missing " in
    *" $1 "*) ;;
    *) missing="$missing${missing:+ }$1" ;;
    esac
}

need_build()
{
    command -v make > /dev/null || need make
    if ! command -v "${CC%% *}" > /dev/null; then
        case $CC in
        clang*) need clang ;;
        *) need gcc ;;
        esac
    fi
    can_build "$CC" c '#include <stdio.h>
        int main(void) { return 0; }' || need libc6-dev
}

need_jemalloc()
{
    can_build "$CC" c '#include <jemalloc/jemalloc.h>
        int main(void) { return mallocx(1, 0) == NULL; }' -ljemalloc ||
        need libjemalloc-dev
}

need_test()
{
    if ! command -v "${PKG_CONFIG:-pkg-config}" > /dev/null; then
        need pkg-config
        [ -e /usr/include/check.h ] || need check
    elif ! "${PKG_CONFIG:-pkg-config}" --exists check; then
        need check
    fi
    can_build "${CXX:-g++}" c++ 'int main() { return 0; }' ||
        can_build clang++ c++ 'int main() { return 0; }' || need g++
}

need_san()
{
    command -v clang > /dev/null || need clang
    can_build clang c 'int main(void) { return 0; }' -fsanitize=thread ||
        need libclang-rt-dev
}

look()
{
    missing=
    for what in "$@"; do
        case $what in
        build)
            need_build
            need_jemalloc
            ;;
        build-san) need_build ;;
        test) need_test ;;
        san) need_san ;;
        *)
            echo "need.sh: unknown need: $what" >&2
            exit 2
            ;;
        esac
    done
}

# How to become root without a question: nothing, sudo, or not at all.
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    root='sudo -n'
else
    root=no
fi

install_missing()
{
    get="$root env DEBIAN_FRONTEND=noninteractive apt-get"
    get="$get -o DPkg::Lock::Timeout=300"
    echo "coppice: missing: $missing; installing with apt-get" >&2
    $get update -qq > /dev/null || return 1
    # shellcheck disable=SC2086
    $get install -y -qq --no-install-recommends $missing > /dev/null
}

look "$@"
[ -z "$missing" ] && exit 0

if [ "${COPPICE_INSTALL:-yes}" = yes ] && [ "$root" != no ] &&
    command -v apt-get > /dev/null; then
    install_missing
    look "$@"
    [ -z "$missing" ] && exit 0
fi

echo "coppice: not found: $missing. On Debian run" >&2
case $(id -u) in
0) as= ;;
*) as='sudo ' ;;
esac
echo "    ${as}apt-get install --no-install-recommends $missing" >&2
exit 1
