#!/bin/sh
# Checks and packs the folders of bundles with the official tool, and has it read what it has packed.
# Usage: sh packaging/mcpb/pack.sh TOOL FOLDERS TARGET
set -eu
tool=$1/node_modules/.bin/mcpb folders=$2 target=$3
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# quietly COMMAND...: runs it, and shows what it says only if it fails
quietly() {
	"$@" >"$log" 2>&1 || {
		echo "$*:" >&2
		cat "$log" >&2
		exit 1
	}
}
for folder in "$folders"/*/; do
	name=$(basename "$folder")
	quietly "$tool" validate "$folder/manifest.json"
	quietly "$tool" pack "$folder" "$target/$name.mcpb"
	quietly "$tool" info "$target/$name.mcpb"
	echo "$target/$name.mcpb"
done
