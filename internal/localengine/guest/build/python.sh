#!/bin/sh
# CPython for wasm with zlib, bz2, lzma and sqlite3 built in, linked with our kernel as a reactor: out/python.raw.wasm.
. "$(dirname "$0")/settings.sh"

build=$TREE/python
source=$SRC/Python-3.13.5
# CPython compiles the name of this folder in, so it must be the same everywhere.
relative=../src/Python-3.13.5

configure_python() {
  rm -rf "$build"
  mkdir -p "$build"
  cd "$build"
  # Without this, configure asks the host's pkg-config and finds the host's libraries.
  export PKG_CONFIG_LIBDIR=/nonexistent
  export ZLIB_CFLAGS="-I$WASM/include" ZLIB_LIBS="-L$WASM/lib -lz"
  export BZIP2_CFLAGS="-I$WASM/include" BZIP2_LIBS="-L$WASM/lib -lbz2"
  export LIBLZMA_CFLAGS="-I$WASM/include" LIBLZMA_LIBS="-L$WASM/lib -llzma"
  export LIBSQLITE3_CFLAGS="-I$WASM/include" LIBSQLITE3_LIBS="-L$WASM/lib -lsqlite3"
  export CC="$CLANG" CPP="$CLANG -E" CXX="$CLANG" AR=llvm-ar RANLIB=llvm-ranlib ARFLAGS=rcsD
  export CONFIG_SITE="$relative/Tools/wasm/config.site-wasm32-wasi"
  CFLAGS="$COMMON" quietly configure.log "$relative/configure" --host=wasm32-wasip1 --build="$("$source/config.guess")" \
    --with-build-python="$NATIVE/python" --with-pymalloc --disable-test-modules --without-ensurepip --prefix=/usr/local
}

# asked VARIABLE... prints what CPython's Makefile has in the variables.
asked() {
  for variable in "$@"; do
    printf 'engine-ask:\n\t@echo $(%s)\n' "$variable" | make --no-print-directory -s -f Makefile -f - engine-ask
  done
}

configure_python
quietly make.log make -j"$JOBS" python.wasm

# The calls which the kernel sees before libc: six that the file layer can refuse for lack of room, and the one that sleeps.
wraps=
for name in write writev pwrite ftruncate mkdir open __wasi_poll_oneoff; do wraps="$wraps -Wl,--wrap=$name"; done

# shellcheck disable=SC2046,SC2086 # lists
$CLANG -O2 $COMMON -I"$source/Include" -I"$source/Include/internal" -I. -I"$WASM/include" -D_WASI_EMULATED_SIGNAL \
  -D_WASI_EMULATED_GETPID -D_WASI_EMULATED_PROCESS_CLOCKS -Wall -Wextra -c "$GUEST/python/kernel.c" -o kernel.o
# shellcheck disable=SC2086
$CLANG -O2 $COMMON -mbulk-memory -fno-builtin -Wall -Wextra -c "$GUEST/libc/memory.c" -o memory.o
mkdir -p "$OUT"
# shellcheck disable=SC2046,SC2086
$CLANG -mexec-model=reactor -z stack-size=8388608 -Wl,--stack-first -Wl,--initial-memory=20971520 -Wl,--strip-all \
  -Wl,--export=_PyEval_EvalFrameDefault $wraps \
  -o "$OUT/python.raw.wasm" kernel.o memory.o $(asked BLDLIBRARY LIBS MODLIBS SYSLIBS)
