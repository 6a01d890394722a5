#!/usr/bin/env bash
# install.sh TARGET...   installs what a part of the tests needs; quick and offline when it is there already.
#   demo     PostgreSQL with its tools, zstd, rclone
#   servers  demo, and: versitygw, moto, fake-gcs-server, azurite, Google's Python client, PostgreSQL 17 and 18, pgbouncer
#   cluster  Kubernetes, etcd, containerd, CoreDNS, Argo Workflows and what builds and runs images
# Everything but Debian packages goes to ${LC2_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lc2-backup}.
# Exit status: 0 done, 78 something is needed that only you can provide (the message says what).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
for part in lib debian go demo servers kubernetes argo cluster; do
  # shellcheck source=/dev/null
  . "$here/$part.sh"
done

if [ "$#" -eq 0 ]; then
  fail 'usage: install.sh demo|servers|cluster...'
fi
for target in "$@"; do
  case $target in
    demo | servers | cluster) ;;
    *) fail "unknown target '$target': use demo, servers or cluster" ;;
  esac
done
for target in "$@"; do
  started=$SECONDS
  (
    hold_lock "$target"
    "install_$target"
  )
  say "$target is ready ($((SECONDS - started)) s)"
done
