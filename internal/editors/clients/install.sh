#!/bin/sh
# Installs the clients into a folder. Usage: sh internal/editors/clients/install.sh FOLDER
# The folder appears when it is complete: an installation that was interrupted leaves nothing that looks like one.
set -eu
target=$1
here=$(dirname "$0")
if ! command -v npm >/dev/null 2>&1; then
	echo "The clients need npm and node 20 or newer. Please install them, then run this again." >&2
	exit 1
fi
mkdir -p "$(dirname "$target")"
part=$(mktemp -d "$(dirname "$target")/part-XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here/package.json" "$here/package-lock.json" "$part/"
# No scripts: they would fetch more. No optional packages: they are for terminals and sound.
(cd "$part" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)
chmod 755 "$part" # mktemp makes it 0700
if [ -e "$target" ]; then
	exit 0 # somebody else was faster
fi
mv "$part" "$target"
