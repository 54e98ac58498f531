#!/bin/sh
# Downloads what sources.txt lists into $WORK/archives, from the Debian mirrors this machine is set up with, and checks every
# archive. What is there already is kept. The system's own apt lists stay untouched: everything of apt lies in $WORK/apt.
. "$(dirname "$0")/settings.sh"

apt=$WORK/apt
mkdir -p "$ARCHIVES" "$apt/lists/partial" "$apt/cache/archives/partial"

# missing prints the lines of sources.txt whose archive is not there yet.
missing() {
  sources | while read -r sum file rest; do
    [ -e "$ARCHIVES/$file" ] || echo "$sum $file $rest"
  done
}

# mirror WHICH prints the mirror for "main" or "security" that the system uses.
mirror() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | sort -u | while read -r uri release; do
    case $release in
      *-security) kind=security ;;
      bookworm | bookworm-updates | trixie | trixie-updates | forky | sid) kind=main ;;
      *) kind=other ;;
    esac
    if [ "$kind" = "$1" ]; then echo "${uri%/}"; fi
  done | head -n 1
}

private_apt() {
  apt-get -o Dir::Etc::SourceParts=/nonexistent -o Dir::Etc::sourcelist="$apt/engine.sources" -o Dir::State::Lists="$apt/lists" \
    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)" -q "$@"
}

prepare_apt() {
  command -v apt-get >/dev/null || fail "apt-get is not here. On another system than Debian, put the archives of build/sources.txt into $ARCHIVES by hand (Debian's snapshot archive keeps them)."
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keys" ] || fail "the package debian-archive-keyring is missing: apt cannot check what it downloads without it"
  main=$(mirror main)
  security=$(mirror security)
  [ -n "$main" ] || fail "apt is set up with no Debian mirror that has bookworm or trixie"
  cat >"$apt/engine.sources" <<SOURCES
Types: deb deb-src
URIs: $main
Suites: bookworm bookworm-updates trixie trixie-updates
Components: main
Architectures: amd64
Signed-By: $keys

Types: deb deb-src
URIs: ${security:-$main-security}
Suites: bookworm-security trixie-security
Components: main
Architectures: amd64
Signed-By: $keys
SOURCES
  quietly "$apt/update.log" private_apt update
}

# Debian drops old archives. Each one is asked for by itself, so that one which is gone does not hide the others.
download() {
  missing | while read -r _ file role _ package; do
    case $role in
      tool | data) (cd "$ARCHIVES" && private_apt download "$package" >>"$apt/download.log" 2>&1) || true ;;
      *) download_source "$file" "$package" ;;
    esac
  done
}

# download_source FILE PACKAGE asks apt where the file of a source package lies and fetches that one file.
download_source() {
  uri=$(private_apt source --print-uris --download-only "$2" 2>>"$apt/download.log" | grep -F " $1 " | cut -d "'" -f 2 || true)
  [ -n "$uri" ] || return 0
  # apt's own downloader honours the proxy and mirror settings of the system.
  "$(apt_helper)" download-file "$uri" "$ARCHIVES/$1" >>"$apt/download.log" 2>&1 || rm -f "$ARCHIVES/$1"
}

apt_helper() {
  if [ -x /usr/lib/apt/apt-helper ]; then echo /usr/lib/apt/apt-helper; else echo /usr/libexec/apt/apt-helper; fi
}

check() {
  sources | while read -r sum file _ release package; do
    [ -e "$ARCHIVES/$file" ] || fail "$file is missing: the mirror no longer has $package ($release). Put the file into $ARCHIVES by hand; Debian's snapshot archive keeps what the mirrors drop."
    echo "$sum  $ARCHIVES/$file" | sha256sum --check --status || fail "$ARCHIVES/$file is not the archive that sources.txt names: its SHA-256 differs. Remove it and try again."
  done
}

if [ -n "$(missing)" ]; then
  say "archives to download: $(missing | wc -l)"
  prepare_apt
  download
fi
check
