#!/bin/sh
# Tries a package: has the tools of the distribution look at it, and then, in a fresh root of this Debian, installs it with no more than
# it depends on, uses it without a display and with one, installs it over itself, and removes it without a trace. Whoever is not root,
# or has no debootstrap, has dpkg read it, and no more. Usage: sh packaging/try.sh FILE.deb
set -eu
deb=$1

if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null 2>&1 || ! command -v Xvfb >/dev/null 2>&1; then
	dpkg-deb --info "$deb" >/dev/null
	dpkg-deb --fsys-tarfile "$deb" | tar -t >/dev/null
	echo "The package can be read. Trying it in a fresh root needs root, debootstrap and Xvfb."
	exit 0
fi

root=$(mktemp -d)
chmod 0755 "$root" # not everybody in it is root
log=$root.log
x= app=
finish() {
	# shellcheck disable=SC2046,SC2086 # numbers of processes
	kill $x $app 2>/dev/null || :
	umount "$root/proc" 2>/dev/null || :
	rm -rf --one-file-system "$root" "$log"
}
trap finish EXIT
trap 'exit 1' INT TERM

# fail WHAT: says what is wrong, with what the programs have said last
fail() {
	echo "$1"
	cat "$log" "$root/tmp/home/log/host.log" 2>/dev/null || :
	exit 1
}
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
# inside COMMAND...: runs it in the root, as root; as_user: as somebody who has a home there
display=
enter() { DISPLAY=$display HOME=/tmp/home AGENTRUN_TRAY_HOME=/tmp/home LIBGL_ALWAYS_SOFTWARE=1 LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$@"; }
inside() { enter "$root" "$@"; }
as_user() { enter --userspec=65534:65534 "$root" "$@"; }

echo "Looking at the package"
lintian --no-cfg --allow-root --fail-on error "$deb" >"$log" 2>&1 || fail "lintian finds errors:"

echo "Making a fresh root"
debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" >"$log" 2>&1 || fail "no root:"
mount -t proc proc "$root/proc" 2>/dev/null || : # where that is not allowed it goes without
cp "$deb" "$root/tmp/package.deb"
install -d -m 0700 -o 65534 -g 65534 "$root/tmp/home" "$root/tmp/home/.config" "$root/tmp/home/.config/crush"

echo "Installing"
inside apt-get install -y -qq --no-install-recommends /tmp/package.deb >"$log" 2>&1 || fail "it does not install:"
inside dpkg -L agentrun-tray >"$root/tmp/files"
desktop-file-validate "$root"/usr/share/applications/*AgentRunTray.desktop >"$log" 2>&1 || fail "the desktop entry is wrong:"
appstreamcli validate --no-net "$root"/usr/share/metainfo/*AgentRunTray.metainfo.xml >"$log" 2>&1 || fail "the AppStream data are wrong:"

# The toolkit opens most libraries only when it needs them. Each that it names has to come with the package, except those for what we
# do not use (Vulkan, OpenGL ES, Mesa off screen) and for window frames, which are drawn without it as well.
grep -aoE 'lib[A-Za-z0-9_+-]+\.so\.[0-9]+' "$root/usr/bin/agentrun-tray" | sort -u | grep -vE '^lib(vulkan|GLES|OSMesa|OpenGL|X11-xcb|decor)' |
	while read -r library; do
		inside ldconfig -p | grep -q "$library" || echo "$library"
	done >"$log"
[ ! -s "$log" ] || fail "it depends on no package with:"

echo "Using it without a display"
status=0
as_user agentrun-tray >"$log" 2>&1 || status=$?
[ "$status" = 2 ] && [ "$(wc -l <"$log")" = 1 ] && grep -q 'there is no display' "$log" || fail "without a display, agentrun-tray ends with $status and says:"
as_user agentrunctl status >"$log" 2>&1 && fail "there is a host before anybody started one:"
as_user agentrunctl connect crush >"$log" 2>&1 || fail "an editor cannot be connected:"
# call: has the program that editors start answer a first request
call() { printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"try","version":"1"}}}' | as_user /tmp/home/data/bin/agentrun-mcp; }
call >"$log" 2>&1 && grep -q '"serverInfo"' "$log" || fail "an editor gets no answer:"
as_user agentrunctl doctor crush >"$log" 2>&1 || fail "the doctor finds faults:"
as_user agentrunctl stop >"$log" 2>&1 || fail "the host does not end:"

echo "Using it with a display"
mkfifo "$root/tmp/number"
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset -ac 3>"$root/tmp/number" 2>/dev/null &
x=$!
read -r number <"$root/tmp/number"
display=:$number
rm -f "$root/tmp/home/log/host.log"
as_user agentrun-tray >"$log" 2>&1 &
app=$!
within 60 env DISPLAY="$display" xdotool search --onlyvisible --name '^AgentRun Tray$' || fail "there is no window:"
within 120 grep -q '"msg":"serving"' "$root/tmp/home/log/host.log" || fail "no sandbox is ready:"
as_user agentrunctl status >/dev/null || fail "the window's host does not say how it is:"
inside apt-get install -y -qq --reinstall --no-install-recommends /tmp/package.deb >"$root/tmp/again" 2>&1 || fail "it cannot be installed over itself: $(cat "$root/tmp/again")"
as_user agentrunctl stop >/dev/null || fail "the window's host does not end:"
wait "$app" || fail "the window's program ended with $?:"
app=

echo "Removing"
inside apt-get remove -y -qq agentrun-tray >"$log" 2>&1 || fail "it cannot be removed:"
# The editor is still connected, and starts what is gone: it is told.
call >"$log" 2>&1 && fail "what editors start succeeds without a package:"
grep -q '^AgentRun Tray is not in /usr/bin any more. Install it again' "$log" || fail "an editor that starts what was removed is told:"
inside dpkg --purge agentrun-tray >"$log" 2>&1 || fail "it cannot be purged:"
{
	while read -r file; do
		[ ! -f "$root$file" ] || echo "$file"
	done <"$root/tmp/files"
	find "$root/usr" "$root/etc" "$root/opt" "$root/var" -iname '*agentrun*' | grep -v '/var/lib/dpkg/\|/var/lib/apt/\|/var/cache/apt/' || :
} | sort -u >"$log"
[ ! -s "$log" ] || fail "it leaves behind:"
echo "The package installs, runs without a display and with one, and is removed."
