#!/bin/sh
# The Python library as the kernel mounts it: out/stdlib.zip. Takes seconds, so a change of aio.py does not cost a build.
. "$(dirname "$0")/settings.sh"

mkdir -p "$OUT"
"$NATIVE/python" -s -S "$GUEST/python/stdlib.py" "$SRC/Python-3.13.5/Lib" "$TOOLS/usr/share/zoneinfo" "$OUT/stdlib.zip" \
  "_aio=$GUEST/python/aio.py" "_sysconfigdata__wasi_wasm32-wasi=$GUEST/python/sysconfig.py"
