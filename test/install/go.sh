# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Builds Go programs from published modules. Sourced after lib.sh and debian.sh.

readonly go_minimum=1.26 go_package=golang-1.26

machine_go_is_new_enough() {
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' "go$go_minimum" "$version" | sort -V | head -n1)" = "go$go_minimum" ]
}

# Debian's compiler runs where it is unpacked; its standard library comes as a package of its own, linked relatively.
unpack_go() {
  local root=$cache/$go_package
  if [ ! -x "$root/usr/lib/go-$go_minimum/bin/go" ]; then
    say "unpacking $go_package from Debian sid"
    unpack_packages sid "$root" "$go_package-go" "$go_package-src"
    # The links point to /usr/share: make them hold inside the unpacked folder.
    local link target
    while IFS= read -r -d '' link; do
      target=$(readlink "$link")
      case $target in
        /*) ln -sfn "$root$target" "$link" ;;
      esac
    done < <(find "$root/usr/lib/go-$go_minimum" -type l -print0)
  fi
  export PATH=$root/usr/lib/go-$go_minimum/bin:$PATH
}

# Caches of our own: the compiler's fill 8 GB, and only the programs are worth keeping.
go_is_prepared=
prepare_go() {
  [ -z "$go_is_prepared" ] || return 0
  go_is_prepared=yes
  hold_lock go
  machine_go_is_new_enough || unpack_go
  mkdir -p "$cache/go/build" "$cache/go/mod"
  export GOCACHE=$cache/go/build GOMODCACHE=$cache/go/mod GOFLAGS='-mod=mod -modcacherw -buildvcs=false' CGO_ENABLED=0
}

drop_go_caches() {
  if [ -n "$go_is_prepared" ] && [ -z "${LC2_KEEP_GO_CACHE:-}" ]; then
    rm -rf "$cache/go"
  fi
}

build_go() { # folder, then arguments of `go build`: programs appear in the folder all at once or not at all
  local folder=$1 fresh=$cache/.$1.new
  shift
  rm -rf "$fresh"
  mkdir -p "$fresh"
  local log=$cache/.$folder.log
  if ! nice -n 10 go build -trimpath -o "$fresh/" "$@" 2>"$log"; then
    tail -n 40 "$log" >&2
    fail "$folder could not be built; the whole log is $log"
  fi
  rm -f "$log"
  mkdir -p "$cache/$folder"
  mv -f "$fresh"/* "$cache/$folder/"
  rmdir "$fresh"
}

# A program whose module has no replacements; the checksum database vouches for what is fetched.
install_go() { # program, module, version, package within the module
  local folder=$1-$3
  has_programs "$folder" "$1" && return
  say "building $1 $3"
  prepare_go
  local wrapper=$cache/go/$1
  mkdir -p "$wrapper"
  printf 'module lc2.invalid/%s\n\ngo %s\n\nrequire %s v%s\n' "$1" "$go_minimum" "$2" "$3" >"$wrapper/go.mod"
  (cd "$wrapper" && build_go "$folder" -ldflags '-s -w' "$2${4:-}")
}
