#!/bin/sh
# Tries a package in a fresh root of this Debian: installs it with no more than it depends on, shows its window on a display, ends it,
# and removes it without a trace. Whoever is not root, or has no debootstrap, has dpkg look at it alone. Usage: sh packaging/try.sh FILE.deb
set -eu
deb=$1

if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null 2>&1 || ! command -v Xvfb >/dev/null 2>&1; then
	dpkg-deb --info "$deb" >/dev/null
	dpkg-deb --fsys-tarfile "$deb" | tar -t >/dev/null
	echo "The package can be read. Trying it in a fresh root needs root, debootstrap and Xvfb."
	exit 0
fi

root=$(mktemp -d)
x= app=
finish() {
	# shellcheck disable=SC2046,SC2086 # numbers of processes
	kill $x $app 2>/dev/null || :
	umount "$root/proc" 2>/dev/null || :
	rm -rf --one-file-system "$root"
}
trap finish EXIT
trap 'exit 1' INT TERM

# within SECONDS COMMAND...: tries until the command succeeds
within() {
	left=$((10 * $1))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.1
	done
}

echo "Making a fresh root"
debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" >"$root.log" 2>&1 || { cat "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc" 2>/dev/null || : # where that is not allowed it goes without
cp "$deb" "$root/tmp/package.deb"
inside() { DISPLAY=${display:-} HOME=/tmp/home AGENTRUN_TRAY_HOME=/tmp/home LIBGL_ALWAYS_SOFTWARE=1 LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
mkdir "$root/tmp/home"

echo "Installing"
inside apt-get install -y -qq --no-install-recommends /tmp/package.deb >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; exit 1; }

echo "Starting"
mkfifo "$root/tmp/number"
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset 3>"$root/tmp/number" 2>/dev/null &
x=$!
read -r number <"$root/tmp/number"
display=:$number
inside agentrun-tray >"$root/tmp/log" 2>&1 &
app=$!
within 60 env DISPLAY="$display" xdotool search --onlyvisible --name '^AgentRun Tray$' || { echo "no window:"; cat "$root/tmp/log" "$root/tmp/home/log/host.log"; exit 1; }
within 120 grep -q '"msg":"serving"' "$root/tmp/home/log/host.log" || { echo "no sandbox is ready:"; cat "$root/tmp/home/log/host.log"; exit 1; }
inside agentrunctl status >/dev/null
inside agentrunctl stop >/dev/null
wait "$app" || { echo "the program ended with $?:"; cat "$root/tmp/log"; exit 1; }
app=

echo "Removing"
inside apt-get purge -y -qq agentrun-tray >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; exit 1; }
left=$(cd "$root" && find usr etc var/lib/agentrun* opt -iname '*agentrun*' 2>/dev/null | grep -v '^var/lib/dpkg\|^var/lib/apt' || :)
if [ -n "$left" ]; then
	echo "left behind:"
	echo "$left"
	exit 1
fi
echo "The package installs, starts, ends and is removed."
