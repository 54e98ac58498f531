#!/bin/sh
# A CPython of the same version that runs on this machine: the cross build and the library zip need one. It reaches the output
# only as a compiler of the library, so builds share it. It has a copy of the sources, as it reads its own library from there.
. "$(dirname "$0")/settings.sh"

made_of=$( (sources | grep ' python3.13_' && cat "$GUEST"/python/*.patch) | sha256sum)
[ "$(cat "$NATIVE/made-of" 2>/dev/null)" != "$made_of" ] || exit 0

rm -rf "$NATIVE"
mkdir -p "$NATIVE"
cp -R "$SRC/Python-3.13.5" "$NATIVE/source"
cd "$NATIVE"
quietly configure.log source/configure --disable-test-modules --without-ensurepip CFLAGS=-O1 OPT=-O1
quietly make.log make -j"$JOBS"
./python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || fail "the native CPython in $NATIVE does not run"
echo "$made_of" >made-of
