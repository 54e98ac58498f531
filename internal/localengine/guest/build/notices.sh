#!/bin/sh
# The licences and notices of everything that is linked into the kernels or packed into the library: dist/NOTICES.txt.
# The texts are those of the sources themselves.
. "$(dirname "$0")/settings.sh"

doc=$TOOLS/usr/share/doc
python=$SRC/Python-3.13.5

# part TITLE SENTENCE FILE... prints one part with its texts.
part() {
  printf '\n%s\n%s\n\n%s\n' "================================================================================" "$1" "$2"
  shift 2
  for file in "$@"; do
    printf '\n'
    # Trailing blanks and page breaks are of no use here.
    tr -d '\f\r' <"$file" | sed -e 's/[[:space:]]*$//'
  done
}

# head_comment FILE prints the first comment of a C file, which is where these keep their licence.
head_comment() { sed -e '/\*\//q' "$1"; }

head_comment "$python/Modules/_hacl/Hacl_Hash_MD5.c" >"$TREE/hacl.txt"
head_comment "$python/Modules/_blake2/impl/blake2b-ref.c" >"$TREE/blake2.txt"

{
  cat <<'INTRODUCTION'
The local engine of AgentRun Tray contains the following works. Two programs for WebAssembly (python.wasm, javascript.wasm) are
linked from them, with our own kernels, and stdlib.zip holds CPython's standard library in compiled form. Which versions, and
which security fixes of Debian were applied, stands in manifest.json beside this file. The full text of the Apache License 2.0,
which wasi-libc and compiler-rt refer to, is the file LICENSE of AgentRun Tray.
INTRODUCTION
  part "CPython" "The Python interpreter and its standard library. Changed: see the patches in internal/localengine/guest/python." "$python/LICENSE"
  part "Software that CPython incorporates" "From CPython's documentation (in its markup)." "$python/Doc/license.rst"
  part "expat" "The XML parser in CPython." "$python/Modules/expat/COPYING"
  part "HACL*" "Hash functions in CPython." "$TREE/hacl.txt"
  part "BLAKE2" "Hash functions in CPython." "$TREE/blake2.txt"
  part "QuickJS" "The JavaScript interpreter. Changed: see internal/localengine/guest/javascript/cells.patch." "$SRC/quickjs-2025.04.26/LICENSE"
  part "zlib" "Compression in CPython." "$SRC/zlib-1.3.1/LICENSE"
  part "bzip2" "Compression in CPython." "$SRC/bzip2-1.0.8/LICENSE"
  part "XZ Utils, liblzma" "Compression in CPython. Of XZ Utils only liblzma is contained, which is under the BSD Zero Clause License." \
    "$SRC/xz-5.8.1/COPYING" "$SRC/xz-5.8.1/COPYING.0BSD"
  part "SQLite" "The database in CPython." "$SRC/sqlite3-3.46.1/LICENSE.md"
  part "wasi-libc" "The C library of both programs. The list of Debian's package." "$doc/wasi-libc/copyright"
  part "LLVM compiler-rt" "Arithmetic that the compiler calls, in both programs. The list of Debian's package, for all of LLVM." \
    "$doc/libclang-rt-19-dev-wasm32/copyright"
  part "The time zone database (tzdata)" "In stdlib.zip, from Debian's package." "$doc/tzdata/copyright"
} >"$OUT/NOTICES.txt"
