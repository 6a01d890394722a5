# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# What the demonstration on one machine needs: a PostgreSQL server with its tools, zstd and rclone.
# Sourced after debian.sh.

readonly postgresql_minimum=15

newest_postgresql() { # prints the major version of the newest complete installation
  local folder newest=0 major
  for folder in /usr/lib/postgresql/*/bin; do
    major=${folder#/usr/lib/postgresql/}
    major=${major%/bin}
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_dump" ] && [ "$major" -gt "$newest" ]; then
      newest=$major
    fi
  done
  printf '%s' "$newest"
}

# The package makes and starts a database cluster of its own unless told not to. The setting goes as it came.
install_postgresql() {
  local settings=/etc/postgresql-common/createcluster.d status=0
  apt_install postgresql-common
  as_root mkdir -p "$settings"
  printf 'create_main_cluster = false\n' | as_root tee "$settings/lc2-backup.conf" >/dev/null
  apt_install postgresql postgresql-client || status=$?
  as_root rm -f "$settings/lc2-backup.conf"
  as_root rmdir --ignore-fail-on-non-empty "$settings"
  return "$status"
}

install_demo() {
  local -a missing=()
  [ "$(newest_postgresql)" -ge "$postgresql_minimum" ] || missing+=(postgresql postgresql-client)
  command -v zstd >/dev/null || missing+=(zstd)
  command -v rclone >/dev/null || missing+=(rclone)
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  command -v apt-get >/dev/null || fail "install these by hand, this is no Debian or Ubuntu: ${missing[*]}"
  may_be_root || fail "packages are missing; install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
  say "installing ${missing[*]}"
  apt_get update
  if [ "${missing[0]}" = postgresql ]; then
    install_postgresql
    missing=("${missing[@]:2}")
  fi
  if [ "${#missing[@]}" -gt 0 ]; then
    apt_install "${missing[@]}"
  fi
  local major
  major=$(newest_postgresql)
  [ "$major" -ge "$postgresql_minimum" ] ||
    fail "PostgreSQL $postgresql_minimum or newer is needed and this distribution has ${major}: add the PostgreSQL project's packages"
}
