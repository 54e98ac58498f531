#!/bin/sh
# Succeeds where a window can be shown.
case $(uname -s) in
Darwin | MINGW* | MSYS* | CYGWIN*) exit 0 ;;
esac
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]
