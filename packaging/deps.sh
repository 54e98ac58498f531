#!/bin/sh
# Installs what a make target needs beyond git, make, gcc and Go. Usage: sh packaging/deps.sh run|test|engine
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

case ${1:-} in
run) need /etc/ssl/certs/ca-certificates.crt ca-certificates ;;
test)
	need /etc/ssl/certs/ca-certificates.crt ca-certificates
	need gcc gcc # the race detector needs a C compiler and its headers
	need /usr/include/stdlib.h libc6-dev
	need npm "nodejs npm" # the public suites are npm packages
	# A real keychain, on a bus that the tests start themselves. Not dbus-x11: its dbus-launch leaves a bus behind for every call.
	need dbus-daemon dbus-daemon
	need gnome-keyring-daemon gnome-keyring
	need secret-tool libsecret-tools
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
	echo "usage: deps.sh run|test|engine" >&2
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
