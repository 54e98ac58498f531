#!/bin/sh
# Installs the public suites into a folder. Usage: sh internal/suites/install.sh FOLDER
# The folder appears when it is complete: an installation that was interrupted leaves nothing that looks like one.
set -eu
target=$1
here=$(dirname "$0")
if ! command -v npm >/dev/null 2>&1; then
	echo "The public suites need npm (any version; node comes with them on Linux x64). Please install it, then run this again." >&2
	exit 1
fi
tools=$(dirname "$target")
mkdir -p "$tools"
part=$(mktemp -d "$tools/part-XXXXXX") # of another name, so that nobody who looks for the suites finds half of them
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here/package.json" "$here/package-lock.json" "$part/"
# no scripts: none of the packages needs one, and what runs here is only what the tests start
(cd "$part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
chmod 755 "$part" # mktemp makes it 0700
if [ -e "$target" ]; then
	exit 0 # somebody else was faster
fi
mv "$part" "$target"
