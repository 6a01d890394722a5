# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Everything a real cluster of one node needs. Sourced after kubernetes.sh and argo.sh.

readonly coredns_version=1.14.7
readonly cluster_packages=(
  runc containernetworking-plugins iptables conntrack iproute2 util-linux catatonit openssl curl
  buildah debootstrap ca-certificates
)
readonly node_packages=(containerd etcd-server)
readonly node_programs=(usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/bin/etcd)

# Newer than bookworm's, and built for a C library that bookworm has.
install_node_programs() {
  local folder=debian-sid
  if ! has_programs "$folder" "${node_programs[@]}"; then
    say "unpacking ${node_packages[*]} from Debian sid"
    unpack_packages sid "$cache/$folder" "${node_packages[@]}"
  fi
  link_programs "$folder" "${node_programs[@]}"
}

install_cluster() {
  [ "$(uname -s)" = Linux ] || fail 'the cluster needs Linux; use an existing one through LC2_E2E_KUBECONFIG'
  install_packages "${cluster_packages[@]}"
  install_node_programs
  install_kubernetes
  install_argo
  install_go coredns github.com/coredns/coredns "$coredns_version" ''
  link_programs "coredns-$coredns_version" coredns
  drop_go_caches
}
