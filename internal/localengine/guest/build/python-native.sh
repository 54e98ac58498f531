#!/bin/sh
# A CPython of the same version that runs on this machine: the cross build and the library zip need one. It reaches the output
# only as a compiler of the library, so builds share it.
. "$(dirname "$0")/settings.sh"

rm -rf "$NATIVE"
mkdir -p "$NATIVE"
cd "$NATIVE"
quietly configure.log "$SRC/Python-3.13.5/configure" --disable-test-modules --without-ensurepip CFLAGS=-O1 OPT=-O1
quietly make.log make -j"$JOBS"
./python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || fail "the native CPython in $NATIVE does not run"
