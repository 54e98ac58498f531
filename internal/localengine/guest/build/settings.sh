# Settings and helpers of the build steps. Sourced by them, never run by itself.
#
# The caller sets, as absolute paths without spaces:
#   WORK   folder shared by all builds: downloaded archives, unpacked tools, the native CPython
#   TREE   folder of one build: sources, objects, results (two of them are compared by --verify)
set -eu

GUEST=$(cd "$(dirname "$0")/.." && pwd)
ARCHIVES=$WORK/archives
TOOLS=$WORK/tools
NATIVE=$WORK/native
SRC=$TREE/src
WASM=$TREE/wasm # static libraries for wasm: include, lib
OUT=$TREE/out   # finished wasm modules and the library zip
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN)}

# Wrappers around the unpacked tools, which need a library path that the host's own programs must not see.
BIN=$TOOLS/bin
export PATH="$BIN:$PATH"

# Nothing that differs from one machine or hour to the next may reach the output.
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=0 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1

CLANG="$BIN/clang --target=wasm32-wasip1 --sysroot=$TOOLS/usr"
# No debug data, no paths of this machine.
COMMON="-g0 -DNDEBUG -ffile-prefix-map=$SRC=. -ffile-prefix-map=$TREE=. -ffile-prefix-map=$GUEST=. -ffile-prefix-map=$TOOLS=tools"

say() { echo "engine: $*"; }

fail() {
  echo "engine: $*" >&2
  exit 1
}

# sources prints the lines of sources.txt without its comments: sha256 file role release package=version
sources() { sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$GUEST/build/sources.txt"; }

# quietly LOG COMMAND... keeps the output in a file and shows its end when the command fails.
quietly() {
  log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" | cut -c 1-300 >&2
    case $log in /*) ;; *) log=$PWD/$log ;; esac
    fail "this step failed; everything it said is in $log"
  }
}
