#!/bin/sh
# SPDX-License-Identifier: MIT
# prelink.sh OUT.a SYMBOLS OBJECTS.a BASE.a AR OBJCOPY LINKER...: links OBJECTS.a, and what it needs
# of BASE.a, into one object, of which only the functions listed in SYMBOLS can be linked to.
set -eu
out=$1 symbols=$2 objects=$3 base=$4 ar=$5 objcopy=$6
shift 6
object=$out.p/$(basename "$out" .a).o
rm -rf "$out.p" "$out"
mkdir "$out.p"
"$@" -r -nostdlib -o "$object" -Wl,--whole-archive "$objects" -Wl,--no-whole-archive "$base"
"$objcopy" --keep-global-symbols="$symbols" "$object"
"$ar" rcs "$out" "$object"
