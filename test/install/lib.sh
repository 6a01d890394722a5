# shellcheck shell=bash
# What every installer shares. Sourced, never run: `set -euo pipefail` is the caller's.

readonly exit_user_error=78
cache=${LC2_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lc2-backup}
mkdir -p "$cache/bin"
cache=$(cd "$cache" && pwd)

say() { printf '[install] %s\n' "$*" >&2; }

fail() {
  printf '[install] %s\n' "$*" >&2
  exit "$exit_user_error"
}

# Two installers of one target must not build into the same folder; different targets may run side by side.
hold_lock() {
  exec {lock_fd}>"$cache/.$1.lock"
  flock "$lock_fd"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

may_be_root() { [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

# Programs live in a folder named after their version; bin/ holds links, so a new version replaces the old one at once.
link_programs() {
  local folder=$1 program
  shift
  for program in "$@"; do
    [ -x "$cache/$folder/$program" ] || fail "$folder/$program was not built"
    ln -sfn "../$folder/$program" "$cache/bin/$(basename "$program")"
  done
}

has_programs() {
  local folder=$1 program
  shift
  for program in "$@"; do
    [ -x "$cache/$folder/$program" ] || return 1
  done
}
