#!/bin/sh
# Installs the npm packages of a lock into a folder. Usage: sh packaging/npm.sh LOCKED TARGET WHAT [OPTION...]
# LOCKED has package.json and package-lock.json; WHAT is what needs them, for whoever has no npm; the options are npm's.
# The folder appears when it is complete: an installation that was interrupted leaves nothing that looks like one.
set -eu
locked=$1 target=$2 what=$3
shift 3
if ! command -v npm >/dev/null 2>&1; then
	echo "$what needs npm, which is not here. Please install it with node, then run this again." >&2
	exit 1
fi
tools=$(dirname "$target")
mkdir -p "$tools"
part=$(mktemp -d "$tools/part-XXXXXX") # of another name, so that nobody who looks for the packages finds half of them
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM
cp "$locked/package.json" "$locked/package-lock.json" "$part/"
# No scripts: none of the packages needs one, they would fetch more, and what runs here is only what the tests start.
if ! (cd "$part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "$@"); then
	echo "$what: npm packages could not be installed; they are:" >&2
	sed -n '/"dependencies"/,/}/s/^ *"\(.*\)": "\(.*\)".*/  \1 \2/p' "$locked/package.json" >&2
	exit 1
fi
chmod 755 "$part" # mktemp makes it 0700
if [ -e "$target" ]; then
	exit 0 # somebody else was faster
fi
mv "$part" "$target"
