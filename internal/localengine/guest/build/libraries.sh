#!/bin/sh
# The libraries CPython's modules need, as static archives for wasm: zlib, bzip2, liblzma, SQLite.
. "$(dirname "$0")/settings.sh"

objects=$TREE/objects
flags="-O2 $COMMON -Wno-everything"
rm -rf "$WASM" "$objects"
mkdir -p "$WASM/include" "$WASM/lib" "$objects"

# library NAME FLAGS SOURCE... compiles the sources of the current folder into lib/libNAME.a: no dates, no owners, fixed order.
library() {
  name=$1
  extra=$2
  shift 2
  mkdir -p "$objects/$name"
  members=
  for source in "$@"; do
    object=$objects/$name/$(basename "$source" .c).o
    # shellcheck disable=SC2086 # the flags are lists
    $CLANG $flags $extra -c "$source" -o "$object"
    members="$members $object"
  done
  # shellcheck disable=SC2086
  llvm-ar rcsD "$WASM/lib/lib$name.a" $members
}

# Without zlib's own file functions (gz*.c), which CPython does not use.
cd "$SRC/zlib-1.3.1"
library z "-I. -DHAVE_UNISTD_H" adler32.c compress.c crc32.c deflate.c infback.c inffast.c inflate.c inftrees.c trees.c uncompr.c zutil.c
cp zlib.h zconf.h "$WASM/include"

cd "$SRC/bzip2-1.0.8"
library bz2 "-I. -D_FILE_OFFSET_BITS=64" blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c
cp bzlib.h "$WASM/include"

# liblzma alone; its own configure chooses the files.
mkdir -p "$objects/xz"
cd "$objects/xz"
quietly configure.log "$SRC/xz-5.8.1/configure" --host=wasm32-wasi --disable-shared --enable-static --disable-threads --disable-nls \
  --disable-doc --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-lzma-links --disable-scripts \
  --disable-sandbox --disable-dependency-tracking \
  CC="$CLANG" AR=llvm-ar RANLIB=llvm-ranlib NM=llvm-nm CFLAGS="$flags" AR_FLAGS=crD
quietly make.log make -C src/liblzma -j"$JOBS"
cp src/liblzma/.libs/liblzma.a "$WASM/lib"
cp -R "$SRC/xz-5.8.1/src/liblzma/api/lzma.h" "$SRC/xz-5.8.1/src/liblzma/api/lzma" "$WASM/include"

# SQLite assembles its single source file with Tcl. The VFS "unix" keeps its table of locks between the connections of one
# process; the kernel replaces the fcntl call behind it, which WASI lacks. No write-ahead log: that needs shared memory.
mkdir -p "$objects/sqlite"
cd "$objects/sqlite"
quietly configure.log "$SRC/sqlite3-3.46.1/configure" --disable-tcl --disable-readline
quietly make.log make sqlite3.c TCLSH_CMD=tclsh-fixed
library sqlite3 "-I. -DSQLITE_WASI -DSQLITE_OS_UNIX=1 -DSQLITE_DEFAULT_UNIX_VFS=\"unix\" -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_WAL \
  -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_TEMP_STORE=3 -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_ENABLE_FTS5 \
  -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB" sqlite3.c
cp sqlite3.h "$WASM/include"
