# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Debian packages: installed on the machine, or unpacked from another suite into the cache. Sourced after lib.sh.

readonly archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

has_package() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing_packages() {
  local package
  for package in "$@"; do
    has_package "$package" || printf '%s\n' "$package"
  done
}

# Services must not start because a package came: Debian asks this file first.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0 made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 0755 "$policy"
    made=yes
  fi
  "$@" || status=$?
  if [ -n "$made" ]; then
    as_root rm -f "$policy"
  fi
  return "$status"
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

apt_install() {
  local log status=0
  log=$(mktemp)
  without_services apt_get install -y --no-install-recommends "$@" >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 30 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

# Nothing is asked of the network when nothing is missing.
install_packages() {
  local -a wanted=()
  mapfile -t wanted < <(missing_packages "$@")
  if [ "${#wanted[@]}" -eq 0 ]; then
    return
  fi
  command -v apt-get >/dev/null || fail "these packages are missing and this is no Debian or Ubuntu: ${wanted[*]}"
  may_be_root || fail "packages are missing; install them with: sudo apt-get install --no-install-recommends ${wanted[*]}"
  say "installing ${wanted[*]}"
  apt_get update
  apt_install "${wanted[@]}"
}

# Where this machine takes Debian from, whatever the form of its source lists.
debian_archive() {
  local codename uri
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  uri=$(archive_of "$codename")
  if [ -z "$uri" ]; then
    apt_get update
    uri=$(archive_of "$codename")
  fi
  [ -n "$uri" ] || fail "apt knows no archive for '$codename'; add one to /etc/apt and run apt-get update"
  printf '%s' "$uri"
}

archive_of() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$1" '$1 == codename { print $2; exit }'
}

require_debian() {
  [ "$(. /etc/os-release && printf '%s' "${ID:-}")" = debian ] || fail "$1 takes packages from other Debian suites: Debian is needed"
  [ -r "$archive_keyring" ] || fail "$archive_keyring is missing: apt-get install debian-archive-keyring"
}

# Unpacks packages of another suite, and nothing else of it, into a folder that appears only when complete.
unpack_packages() { # suite, folder, packages
  local suite=$1 folder=$2 work archive
  shift 2
  require_debian "$*"
  archive=$(debian_archive)
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial" "$work/debs" "$work/root"
  printf 'deb [signed-by=%s] %s %s main\n' "$archive_keyring" "$archive" "$suite" >"$work/sources.list"
  local -a options=(
    -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null
    -o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State::Lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o APT::Sandbox::User=root -o "Acquire::Languages=none"
  )
  apt-get "${options[@]}" update
  (cd "$work/debs" && apt-get "${options[@]}" download "$@")
  local deb
  for deb in "$work"/debs/*.deb; do
    dpkg -x "$deb" "$work/root"
  done
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  mv "$work/root" "$folder"
  chmod 0755 "$folder"
  rm -rf "$work"
}
