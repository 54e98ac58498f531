#!/bin/sh
# QuickJS linked with our kernel as a reactor: out/javascript.raw.wasm.
. "$(dirname "$0")/settings.sh"

source=$SRC/quickjs-2025.04.26
mkdir -p "$OUT" "$TREE/javascript"
cd "$TREE/javascript"

# The calls which the kernel sees before libc, because the file layer can refuse them for lack of room.
wraps=
for name in write mkdir rename open; do wraps="$wraps -Wl,--wrap=$name"; done

# compile FLAGS NAME.c makes NAME.o here.
compile() {
  # shellcheck disable=SC2086 # lists
  $CLANG -O2 $COMMON -D_GNU_SOURCE -D_WASI_EMULATED_SIGNAL -I"$GUEST/javascript/include" -isystem "$source" $1 -c "$2" -o "$(basename "$2" .c).o"
}

for name in quickjs cutils libregexp libunicode dtoa; do
  compile '-Wno-everything -DCONFIG_VERSION="2025-04-26"' "$source/$name.c"
done
for name in kernel files; do compile '-Wall -Wextra' "$GUEST/javascript/$name.c"; done
compile '-mbulk-memory -fno-builtin -Wall -Wextra' "$GUEST/libc/memory.c"
# shellcheck disable=SC2086
$CLANG -mexec-model=reactor -z stack-size=4194304 -Wl,--stack-first -Wl,--strip-all -Wl,--export=JS_CallInternal $wraps \
  -o "$OUT/javascript.raw.wasm" kernel.o files.o memory.o quickjs.o cutils.o libregexp.o libunicode.o dtoa.o -lwasi-emulated-signal
