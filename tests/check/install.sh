#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh ROOT OUT - what `make install` puts down is enough to build and
# run a program against, also after the tree was moved, with the library in
# PREFIX/lib and in a multiarch folder.

. "$(dirname "$0")/tool/common.sh"
begin "$@"

if [ ! -e "$out/libcoppice.so" ]; then
    echo "$out/libcoppice.so: not built"
    exit 1
fi
if ! command -v pkg-config > /dev/null; then
    echo "no pkg-config"
    exit 77
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

cat > "$tmp/program.c" << 'END'
#include <coppice.h>
#include <stdio.h>

int main(void)
{
    return puts(cop_version()) < 0;
}
END

# try LIBDIR: installs below PREFIX /opt/c in a DESTDIR, moves it, uses it.
try()
{
    rm -rf "$tmp/dest" "$tmp/moved"
    # The make that runs this rule must not lend its flags.
    env -u MAKEFLAGS -u MFLAGS make -s install BUILD="$out" PREFIX=/opt/c \
        LIBDIR="/opt/c/$1" DESTDIR="$tmp/dest" || return 1
    mv "$tmp/dest/opt/c" "$tmp/moved"
    flags=$(PKG_CONFIG_PATH=$tmp/moved/$1/pkgconfig \
        pkg-config --cflags --libs coppice) || return 1
    case $flags in
    *-fno-omit-frame-pointer*-fstack-clash-protection*) ;;
    *)
        echo "coppice.pc lacks the flags for stacks: $flags"
        return 1
        ;;
    esac
    # shellcheck disable=SC2086
    ${CC:-gcc} -o "$tmp/program" "$tmp/program.c" $flags || return 1
    LD_LIBRARY_PATH=$tmp/moved/$1 "$tmp/program" > "$tmp/said" || return 1
    said=$(cat "$tmp/said")
    version=$(PKG_CONFIG_PATH=$tmp/moved/$1/pkgconfig \
        pkg-config --modversion coppice)
    [ "$said" = "$version" ] || {
        echo "the library says $said, coppice.pc $version"
        return 1
    }
    "$tmp/moved/bin/coppice" --help > "$tmp/said" || return 1
    [ "$(find "$tmp/dest" -type f)" = "" ] || {
        echo "installed outside PREFIX:"
        find "$tmp/dest" -type f
        return 1
    }
}

try lib && try lib/some-linux-gnu
