#!/bin/sh
# Installs what a make target needs beyond git, make, gcc and Go. Usage: sh packaging/deps.sh run|window|test|bundles|package|engine
# As root, or where sudo asks for no password, missing packages are installed; else they are named in one line.
set -eu

packages=
# need COMMAND-OR-FILE PACKAGE: notes the package unless the command, or a file of the path, is there
need() {
	case $1 in
	/*) [ -e "$1" ] && return ;;
	*) command -v "$1" >/dev/null 2>&1 && return ;;
	esac
	packages="$packages $2"
}

# window: what the window program is built with. Elsewhere than on Linux the system's own compiler has it all.
window() {
	[ "$(uname -s)" = Linux ] || return 0
	need gcc gcc
	need /usr/include/stdlib.h libc6-dev
	need pkg-config pkg-config
	need /usr/include/GL/gl.h libgl-dev
	need /usr/include/EGL/egl.h libegl-dev
	need /usr/include/X11/Xlib.h libx11-dev
	need /usr/include/X11/Xcursor/Xcursor.h libxcursor-dev
	need /usr/include/X11/extensions/Xrandr.h libxrandr-dev
	need /usr/include/X11/extensions/Xinerama.h libxinerama-dev
	need /usr/include/X11/extensions/XInput2.h libxi-dev
	need /usr/include/X11/extensions/xf86vmode.h libxxf86vm-dev
	need /usr/include/wayland-client.h libwayland-dev
	need /usr/include/xkbcommon/xkbcommon.h libxkbcommon-dev
}

case ${1:-} in
run) need /etc/ssl/certs/ca-certificates.crt ca-certificates ;;
test)
	need /etc/ssl/certs/ca-certificates.crt ca-certificates
	need gcc gcc # the race detector needs a C compiler and its headers
	need /usr/include/stdlib.h libc6-dev
	need npm "nodejs npm" # the public suites are npm packages, and the editors that are run; node for both comes with the suites
	need ps procps
	# A real keychain, on a bus that the tests start themselves. Not dbus-x11: its dbus-launch leaves a bus behind for every call.
	need dbus-daemon dbus-daemon
	need gnome-keyring-daemon gnome-keyring
	need secret-tool libsecret-tools
	# A display that nobody sees, and somebody who uses it.
	window
	need Xvfb xvfb
	need openbox openbox
	need xdotool xdotool
	need xrandr x11-xserver-utils # another monitor
	need import imagemagick
	need /usr/share/doc/libgl1-mesa-dri libgl1-mesa-dri
	fc-list :lang=zh 2>/dev/null | grep -q . || need /usr/share/fonts/truetype/wqy/wqy-microhei.ttc fonts-wqy-microhei
	;;
window) window ;;
bundles) need npm "nodejs npm" ;; # the tool that checks and packs them is an npm package
package)
	window
	need npm "nodejs npm"
	need dpkg-deb dpkg
	# The package is looked at, and tried in a fresh root.
	need lintian lintian
	need desktop-file-validate desktop-file-utils
	need appstreamcli appstream
	need debootstrap debootstrap
	need Xvfb xvfb
	need xdotool xdotool
	;;
engine)
	need gcc gcc
	need /usr/include/stdlib.h libc6-dev
	need make make
	need patch patch
	need xz xz-utils
	need dpkg-deb dpkg
	;;
*)
	echo "usage: deps.sh run|window|test|bundles|package|engine" >&2
	exit 2
	;;
esac

[ -z "$packages" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "Please install first:$packages" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	sudo=sudo
else
	echo "Please install first: sudo apt-get install$packages" >&2
	exit 1
fi
echo "Installing$packages"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
