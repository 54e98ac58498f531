#!/bin/sh
# The last steps: safepoints into the modules, everything compressed. From out/*.raw.wasm and out/stdlib.zip to out/*.zst.
. "$(dirname "$0")/settings.sh"

# safepoints LANGUAGE FUNCTION, the second being the main function of the interpreter (see the package tick).
safepoints() {
  (cd "$GUEST" && go run ./tick/cmd/tick -every 20000 -interpreter "$2" "$OUT/$1.raw.wasm" "$OUT/$1.wasm")
}

# compress NAME. The compressor is one of the unpacked tools, as another version gives other bytes; one thread for the same reason.
compress() {
  zstd-fixed --ultra -22 --single-thread --quiet --force "$OUT/$1" -o "$OUT/$1.zst"
}

for name in "$@"; do
  case $name in
    python) safepoints python _PyEval_EvalFrameDefault && compress python.wasm ;;
    javascript) safepoints javascript JS_CallInternal && compress javascript.wasm ;;
    stdlib) compress stdlib.zip ;;
    *) fail "pack: unknown part $name" ;;
  esac
done
