#!/bin/sh
# Unpacks tools (once) and sources (for each build), and applies the patches: Debian's security fixes, then our own.
# Nothing is installed; the tools are run from where they are unpacked.
. "$(dirname "$0")/settings.sh"

unpack_tools() {
  rm -rf "$TOOLS"
  mkdir -p "$BIN"
  sources | while read -r _ file role _; do
    if [ "$role" = tool ] || [ "$role" = data ]; then dpkg-deb --extract "$ARCHIVES/$file" "$TOOLS"; fi
  done
  libraries=$TOOLS/usr/lib/x86_64-linux-gnu:$TOOLS/usr/lib/llvm-19/lib
  for name in clang wasm-ld llvm-ar llvm-ranlib llvm-nm llvm-strip; do
    wrap "$name" "$TOOLS/usr/lib/llvm-19/bin/$name"
  done
  wrap wasm-ld-19 "$TOOLS/usr/lib/llvm-19/bin/wasm-ld" # the name Debian's clang looks for
  wrap zstd-fixed "$TOOLS/usr/bin/zstd"
  wrap tclsh-fixed "$TOOLS/usr/bin/tclsh8.6"
  # clang looks for its runtime library under the full name of the target.
  runtime=$TOOLS/usr/lib/llvm-19/lib/clang/19/lib
  mkdir -p "$runtime/wasm32-unknown-wasip1"
  ln -s ../wasi/libclang_rt.builtins-wasm32.a "$runtime/wasm32-unknown-wasip1/libclang_rt.builtins.a"
  echo "$made_of" >"$TOOLS/made-of"
}

# wrap NAME PROGRAM makes $BIN/NAME, which runs the unpacked program with its own libraries.
wrap() {
  cat >"$BIN/$1" <<WRAPPER
#!/bin/sh
TCL_LIBRARY=$TOOLS/usr/share/tcltk/tcl8.6 LD_LIBRARY_PATH=$libraries exec $2 "\$@"
WRAPPER
  chmod +x "$BIN/$1"
}

# source_tree ARCHIVE FOLDER [PATCHES PATTERN] unpacks one source and those of Debian's patches whose names match. The
# others adapt the package to Debian's own layout and are not wanted here.
source_tree() {
  tar -xf "$ARCHIVES/$1" -C "$SRC"
  [ $# -gt 2 ] || return 0
  rm -rf "$SRC/debian"
  tar -xf "$ARCHIVES/$3" -C "$SRC"
  grep -E "$4" "$SRC/debian/patches/series" | while read -r name; do
    patch --directory="$SRC/$2" --strip=1 --silent --forward --batch <"$SRC/debian/patches/$name" || fail "Debian's $name does not apply to $2"
  done
  rm -rf "$SRC/debian"
}

# our_patches FOLDER PATCH... applies patches of this repository.
our_patches() {
  folder=$1
  shift
  for name in "$@"; do
    patch --directory="$SRC/$folder" --strip=1 --silent --forward --batch <"$name" || fail "our $(basename "$name") does not apply to $folder"
  done
}

made_of=$(sources | grep -E '^[^ ]+ [^ ]+ (tool|data) ' | sha256sum)
[ "$(cat "$TOOLS/made-of" 2>/dev/null)" = "$made_of" ] || unpack_tools
rm -rf "$SRC"
mkdir -p "$SRC"
source_tree python3.13_3.13.5.orig.tar.xz Python-3.13.5 python3.13_3.13.5-2+deb13u5.debian.tar.xz '^(CVE|ssl-|dict-|traverse-)'
source_tree sqlite3_3.46.1.orig.tar.xz sqlite3-3.46.1 sqlite3_3.46.1-7+deb13u2.debian.tar.xz '^(4[01]-|5)'
source_tree xz-utils_5.8.1.orig.tar.xz xz-5.8.1 xz-utils_5.8.1-1+deb13u1.debian.tar.xz '^0001-'
source_tree zlib_1.3.dfsg+really1.3.1.orig.tar.gz zlib-1.3.1
source_tree bzip2_1.0.8.orig.tar.gz bzip2-1.0.8
source_tree quickjs_2025.04.26.orig.tar.xz quickjs-2025.04.26
our_patches Python-3.13.5 "$GUEST"/python/*.patch
our_patches quickjs-2025.04.26 "$GUEST"/javascript/*.patch
