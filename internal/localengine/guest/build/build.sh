#!/bin/sh
# Builds the embedded engine: CPython and QuickJS for WebAssembly, and Python's library. `make engine` calls it.
#
#   build.sh            everything, into dist
#   build.sh --stdlib   the library alone, after a change of python/aio.py: seconds instead of minutes
#   build.sh --verify   everything, twice, in folders of different names; fails when one byte differs, and changes nothing
#
# Work folder: $ENGINE_WORK, else ${XDG_CACHE_HOME:-$HOME/.cache}/agentrun-tray-engine. It keeps the downloaded archives, the
# unpacked tools and a native CPython, so that a second build is shorter. JOBS sets how many compilers run at a time.
#
# On the machine: Debian's apt and dpkg-deb, a C compiler and make (for the native CPython), patch, xz, Go. All else is downloaded
# at fixed versions, checked, and run from the work folder; nothing is installed.
set -eu

steps=$(cd "$(dirname "$0")" && pwd)
WORK=${ENGINE_WORK:-${XDG_CACHE_HOME:-$HOME/.cache}/agentrun-tray-engine}
mkdir -p "$WORK"
WORK=$(cd "$WORK" && pwd)
export WORK

fail() {
  echo "engine: $*" >&2
  exit 1
}

say() { echo "engine: $*"; }

need() {
  missing=
  for name in cc make patch xz tar sha256sum dpkg-deb go; do
    command -v "$name" >/dev/null || missing="$missing $name"
  done
  [ -z "$missing" ] || fail "these programs are needed and are not here:$missing (on Debian: apt-get install build-essential patch xz-utils dpkg; Go from go.dev)"
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "the compilers it uses are for Linux on x86_64, and this is $(uname -sm)"
  case $WORK in
    *[[:space:]]*) fail "the path of the work folder must not hold blanks: $WORK" ;;
  esac
}

step() {
  say "$1"
  sh "$steps/$2.sh"
}

# build everything into $TREE.
build() {
  mkdir -p "$TREE"
  step "unpacking and patching" unpack
  step "native CPython (some minutes the first time)" python-native
  step "libraries" libraries
  step "JavaScript" javascript
  step "Python (some minutes)" python
  step "Python's library" stdlib
  step "notices" notices
  say "safepoints, compression"
  sh "$steps/pack.sh" python javascript stdlib
}

# tool NAME prints how an unpacked tool calls itself.
tool() { "$WORK/tools/bin/$1" --version | head -n 1 | tr -s ' '; }

# publish FILE... copies results to dist.
publish() {
  for file in "$@"; do cp "$TREE/out/$file" "$steps/../dist/$file"; done
}

manifest() { (cd "$steps/.." && go run ./manifest/cmd/manifest "$@" .); }

need
case ${1:-} in
  "")
    TREE=$WORK/tree
    export TREE
    sh "$steps/fetch.sh"
    build
    publish python.wasm.zst javascript.wasm.zst stdlib.zip.zst NOTICES.txt
    manifest -tool "clang=$(tool clang)" -tool "wasm-ld=$(tool wasm-ld)" -tool "zstd=$(tool zstd-fixed)"
    say "done: $steps/../dist"
    ;;
  --stdlib)
    TREE=$WORK/tree
    export TREE
    [ -d "$TREE/src" ] && [ -x "$WORK/native/python" ] || fail "there is no earlier build in $WORK: run build.sh without --stdlib once"
    step "Python's library" stdlib
    sh "$steps/pack.sh" stdlib
    publish stdlib.zip.zst
    manifest -library
    say "done: the library alone"
    ;;
  --verify)
    sh "$steps/fetch.sh"
    for folder in first/one second/another; do
      rm -rf "$WORK/verify/$folder"
      TREE=$WORK/verify/$folder
      export TREE
      build
    done
    for file in python.wasm.zst javascript.wasm.zst stdlib.zip.zst NOTICES.txt; do
      cmp "$WORK/verify/first/one/out/$file" "$WORK/verify/second/another/out/$file" || fail "$file differs between two builds"
      if cmp -s "$WORK/verify/first/one/out/$file" "$steps/../dist/$file"; then
        say "$file: the same bytes twice, and those in dist"
      else
        say "$file: the same bytes twice, but others than in dist: it was built from other inputs"
      fi
    done
    ;;
  *) fail "unknown argument $1; see the head of this file" ;;
esac
