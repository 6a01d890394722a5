#!/bin/bash
# Makes a database cluster below $PGDATA (default /data/pg) when there is none, then becomes the server.
# The superuser $POSTGRES_USER (default postgres) gets the password in file $POSTGRES_PASSWORD_FILE, else the one in
# $POSTGRES_PASSWORD, and scram-sha-256; without a password everybody is trusted.
# Arguments are the server's, e.g. -c wal_level=logical.
set -euo pipefail
export PGDATA=${PGDATA:-/data/pg}
user=${POSTGRES_USER:-postgres}
password=${POSTGRES_PASSWORD:-}
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
  password=$(<"$POSTGRES_PASSWORD_FILE")
fi
unset POSTGRES_PASSWORD

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  method=trust
  declare -a secret=()
  if [ -n "$password" ]; then
    method=scram-sha-256
    file=$(mktemp)
    printf '%s\n' "$password" >"$file"
    secret=("--pwfile=$file")
  fi
  initdb --username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust "--auth-host=$method" "${secret[@]}"
  if [ -n "$password" ]; then
    rm -f "$file"
  fi
  printf 'host all all all %s\nhost replication all all %s\n' "$method" "$method" >>"$PGDATA/pg_hba.conf"
fi
unset password
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
