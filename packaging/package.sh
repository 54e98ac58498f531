#!/bin/sh
# Makes dist/agentrun-tray_VERSION_ARCH.deb of the programs in a folder. What the desktop is told comes from FyneApp.toml.
# Usage: sh packaging/package.sh NFPM BIN
set -eu
nfpm=$1 bin=$2

# text NAME gives a text of FyneApp.toml; list NAME a list of them, each with a semicolon behind it
text() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" FyneApp.toml; }
list() { sed -n "s/^$1 = \[\"\(.*\)\"\]\$/\1;/p" FyneApp.toml | sed 's/", "/;/g'; }

id=$(text ID)
stage=dist/stage
umask 022
rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/share/applications" "$stage/share/metainfo" "$stage/share/icons/hicolor/scalable/apps" "$stage/share/doc/agentrun-tray" \
	"$stage/share/lintian/overrides" "$stage/share/man/man1"
cp "$bin/agentrun-tray" "$bin/agentrunctl" "$bin/agentrun-mcp" "$stage/bin/"
cp "$(text Icon)" "$stage/share/icons/hicolor/scalable/apps/$id.svg"
cp README.md README.zh-CN.md internal/localengine/guest/dist/NOTICES.txt "$stage/share/doc/agentrun-tray/"
cp packaging/linux/lintian-overrides "$stage/share/lintian/overrides/agentrun-tray"
fill() {
	sed -e "s|@ID@|$id|g" -e "s|@DEVELOPER@|${id%.*}|g" -e "s|@NAME@|$(text Name)|g" -e "s|@VERSION@|$(text Version)|g" -e "s|@WEBSITE@|$(text Website)|g" \
		-e "s|@GENERIC@|$(text GenericName)|g" -e "s|@COMMENT@|$(text Comment)|g" -e "s|@CATEGORIES@|$(list Categories)|g" -e "s|@KEYWORDS@|$(list Keywords)|g" \
		-e "s|@MAINTAINER@|$(sed -n 's/^maintainer: //p' packaging/nfpm.yaml)|g" \
		-e "s|@DAY@|$(LC_ALL=C git log -1 --date=format:'%B %-d, %Y' --format=%cd 2>/dev/null || LC_ALL=C date '+%B %-d, %Y')|g" \
		-e "s|@DATE@|$(git log -1 --format=%cs 2>/dev/null || date +%F)|g" -e "s|@TIME@|$(git log -1 --format=%cD 2>/dev/null || date -R)|g" "$1"
}
fill packaging/linux/app.desktop.in >"$stage/share/applications/$id.desktop"
fill packaging/linux/app.metainfo.xml.in >"$stage/share/metainfo/$id.metainfo.xml"
fill packaging/linux/copyright.in >"$stage/share/doc/agentrun-tray/copyright"
fill packaging/linux/changelog.in >"$stage/share/doc/agentrun-tray/changelog"
for page in agentrun-tray agentrunctl agentrun-mcp; do
	fill "packaging/linux/$page.1.in" >"$stage/share/man/man1/$page.1"
done
if grep -rn '@[A-Z]*@' "$stage/share/applications" "$stage/share/metainfo" "$stage/share/man" "$stage/share/doc/agentrun-tray/copyright" "$stage/share/doc/agentrun-tray/changelog"; then
	echo "packaging: the lines above name something that FyneApp.toml has not" >&2
	exit 1
fi
gzip -9n "$stage/share/doc/agentrun-tray/changelog" "$stage"/share/man/man1/*.1
chmod 0755 "$stage"/bin/*
find "$stage/share" -type f -exec chmod 0644 {} +
PACKAGE_VERSION=$(text Version) PACKAGE_ARCH=$(dpkg --print-architecture) PACKAGE_WEBSITE=$(text Website)
export PACKAGE_VERSION PACKAGE_ARCH PACKAGE_WEBSITE
"$nfpm" package --config packaging/nfpm.yaml --packager deb --target dist/
