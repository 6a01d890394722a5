#!/usr/bin/env bash
# base-image.sh FOLDER   makes FOLDER/base.tar, the smallest Debian, and FOLDER/apt/, how a build in it reaches Debian.
# Quick when both are there. The addresses come from this machine's apt and stay in the cache.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/install/lib.sh
. "$here/lib.sh"
# shellcheck source=test/install/debian.sh
. "$here/debian.sh"
readonly suite=bookworm folder=$1

apt_for_builds() {
  local archive security
  archive=$(debian_archive)
  security=$(archive_of "$suite-security")
  mkdir -p "$folder/apt"
  {
    printf 'deb %s %s main\n' "$archive" "$suite"
    if [ -n "$security" ]; then
      printf 'deb %s %s-security main\n' "$security" "$suite"
    fi
  } >"$folder/apt/sources.list"
  {
    apt-config dump | grep -E '^Acquire::(Check-|https?::|https? |Retries )' || true
    # What apt keeps for next time would be a layer's dead weight.
    printf '%s "";\n' Dir::Cache::pkgcache Dir::Cache::srcpkgcache
    printf 'APT::Keep-Downloaded-Packages "false";\nAcquire::Languages "none";\nDpkg::Use-Pty "false";\n'
  } >"$folder/apt/apt.conf"
}

base_tar() {
  local work
  work=$(mktemp -d)
  say "making the base image, Debian $suite"
  as_root debootstrap --variant=minbase "--keyring=$archive_keyring" "$suite" "$work/root" "$(debian_archive)" >"$work/log" || {
    tail -n 20 "$work/log" >&2
    fail 'debootstrap failed'
  }
  # What names this machine's sources, or can be fetched again, is no part of an image.
  rm -rf "$work/root/var/lib/apt/lists" "$work/root/var/cache/apt" "$work/root/var/log"
  mkdir -p "$work/root/var/lib/apt/lists/partial" "$work/root/var/cache/apt/archives/partial" "$work/root/var/log"
  : >"$work/root/etc/apt/sources.list"
  rm -f "$work/root/etc/resolv.conf" "$work/root/etc/hostname"
  tar -C "$work/root" --numeric-owner --exclude=./dev/* -cf "$folder/base.tar.new" .
  mv "$folder/base.tar.new" "$folder/base.tar"
  rm -rf --one-file-system "$work"
}

require_debian 'the base image'
install_packages debootstrap
mkdir -p "$folder"
hold_lock base-image
apt_for_builds
[ -f "$folder/base.tar" ] || base_tar
