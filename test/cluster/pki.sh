#!/usr/bin/env bash
# pki.sh FOLDER NODE_NAME NODE_ADDRESS API_SERVICE   makes the cluster's certificate authority and certificates.
set -euo pipefail
umask 077
folder=$1 node_name=$2 node_address=$3 api_service=$4
mkdir -p "$folder"
cd "$folder"

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

new_key ca
openssl req -x509 -new -key ca.key -out ca.crt -days 7 -subj /CN=test-cluster 2>/dev/null
new_key sa
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null

certificate() { # file name, subject, alternative names (optional)
  new_key "$1"
  {
    printf 'extendedKeyUsage=serverAuth,clientAuth\n'
    if [ -n "${3:-}" ]; then
      printf 'subjectAltName=%s\n' "$3"
    fi
  } >"$1.extensions"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 7 -extfile "$1.extensions" 2>/dev/null
}

api=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
certificate apiserver /CN=kube-apiserver "$api,DNS:localhost,IP:127.0.0.1,IP:$api_service,IP:$node_address"
certificate admin /O=system:masters/CN=admin
certificate controller-manager /CN=system:kube-controller-manager
certificate scheduler /CN=system:kube-scheduler
certificate proxy /CN=system:kube-proxy
certificate kubelet "/O=system:nodes/CN=system:node:$node_name" "DNS:$node_name,IP:$node_address"
certificate front-proxy /CN=front-proxy
