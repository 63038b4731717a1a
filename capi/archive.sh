#!/bin/sh
# SPDX-License-Identifier: MIT
# archive.sh OUT.a IN.a AR OBJCOPY LINKER...: links the objects of IN.a into one and makes its
# hidden symbols local, so that a program which links OUT.a sees the public functions alone.
set -eu
out=$1 in=$2 ar=$3 objcopy=$4
shift 4
object=$out.p/densq.o
rm -rf "$out.p" "$out"
mkdir "$out.p"
"$@" -r -nostdlib -o "$object" -Wl,--whole-archive "$in" -Wl,--no-whole-archive
"$objcopy" --localize-hidden "$object"
"$ar" rcs "$out" "$object"
