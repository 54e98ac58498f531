#!/bin/sh
# Succeeds where the window program can be built: with a C compiler and, on Linux, the headers of the window systems.
command -v "${CC:-cc}" >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || exit 1
[ "$(uname -s)" = Linux ] || exit 0
command -v pkg-config >/dev/null 2>&1 &&
	pkg-config --exists gl egl x11 xcursor xrandr xinerama xi xxf86vm wayland-client wayland-cursor wayland-egl xkbcommon
