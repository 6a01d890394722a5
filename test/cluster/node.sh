#!/usr/bin/env bash
# node.sh host | inside | argo   brings the node up: `host` makes the network namespace and starts `inside` in it;
# `argo`, started in the network namespace, adds Argo's controller.
# Input by environment: NAME NODE_NAME STATE LOGS PROGRAMS HOST_LINK NODE_LINK HOST_ADDRESS NODE_ADDRESS POD_RANGE
# POD_GATEWAY SERVICE_RANGE PAUSE_IMAGE EXECUTOR_REF.
set -euo pipefail

main_host() {
  ip netns add "$NAME"
  ip link add "$HOST_LINK" type veth peer name "$NODE_LINK" netns "$NAME"
  ip address add "$HOST_ADDRESS/24" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  ip -n "$NAME" link set lo up
  ip -n "$NAME" address add "$NODE_ADDRESS/24" dev "$NODE_LINK"
  ip -n "$NAME" link set "$NODE_LINK" up
  # The kubelet wants a default route; the machine does not forward what takes it.
  ip -n "$NAME" route add default via "$HOST_ADDRESS"
  # Tests talk to pods and Services as if they were in the cluster.
  ip route add "$POD_RANGE" via "$NODE_ADDRESS"
  ip route add "$SERVICE_RANGE" via "$NODE_ADDRESS"
  make_cgroups
  # Private first, so that no mount of the node ever shows on a machine whose own mounts are shared.
  exec nsenter "--net=/run/netns/$NAME" unshare --mount --propagation private bash "${BASH_SOURCE[0]}" inside
}

# All pods live below one cgroup of ours: whatever is in it may be ended without asking. It has the weight of four of the
# programs beside it: with that of one, a busy machine would leave a pod less than its probes and callers wait for.
make_cgroups() {
  local root=/sys/fs/cgroup hierarchy
  if [ -f "$root/cgroup.controllers" ]; then
    mkdir "$root/$NAME"
    sed 's/\</+/g' "$root/$NAME/cgroup.controllers" >"$root/$NAME/cgroup.subtree_control"
    if [ -f "$root/$NAME/cpu.weight" ]; then echo 400 >"$root/$NAME/cpu.weight"; fi
    return
  fi
  for hierarchy in "$root"/*/; do
    if [ -f "$hierarchy/cgroup.procs" ] && [ ! -f "$hierarchy/cgroup.controllers" ] && [ ! -L "${hierarchy%/}" ]; then
      mkdir "$hierarchy$NAME"
      if [ -f "$hierarchy/cpuset.cpus" ]; then
        cat "$hierarchy/cpuset.cpus" >"$hierarchy$NAME/cpuset.cpus"
        cat "$hierarchy/cpuset.mems" >"$hierarchy$NAME/cpuset.mems"
      fi
      if [ -f "$hierarchy/cpu.shares" ]; then echo 4096 >"$hierarchy$NAME/cpu.shares"; fi
    fi
  done
}

# Programs write to fixed places; here these are the node's own, and vanish with its last process.
own_folders() {
  mount --make-rshared /
  mount -t tmpfs -o mode=0755 "$NAME" /run
  mkdir -p "$STATE/overlay"
  mount -t tmpfs -o mode=0755 "$NAME" "$STATE/overlay"
  local folder place
  for folder in /var/lib /var/log; do
    place=$STATE/overlay$folder
    mkdir -p "$place/upper" "$place/work"
    mount -t overlay -o "lowerdir=$folder,upperdir=$place/upper,workdir=$place/work" "$NAME" "$folder"
  done
  # Images and the cluster's own database are read once or twice: no disk has to have them.
  mkdir -p /run/etcd "$STATE/containerd"
  mount -t tmpfs -o mode=0700,size=2g "$NAME" /run/etcd
  mount -t tmpfs -o mode=0711,size=8g "$NAME" "$STATE/containerd"
}

# The kubelet writes kernel settings of the whole machine unless it reads the values that it wants.
shield_kernel_settings() {
  local setting wanted file
  while read -r setting wanted; do
    file=$STATE/sysctl/$setting
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$wanted" >"$file"
    mount --bind "$file" "/proc/sys/$setting"
  done <<'SETTINGS'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SETTINGS
}

start() { # program, then its arguments
  local program=$1
  shift
  setsid "$PROGRAMS/$program" "$@" >"$LOGS/$program.log" 2>&1 </dev/null &
  printf '%s\n' "$!" >"$STATE/pids/$program"
  disown
}

wait_for() { # what, seconds, then a command that succeeds once it is there
  local what=$1 end=$((SECONDS + $2)) program pid
  shift 2
  until "$@" >/dev/null 2>&1; do
    for pid in "$STATE"/pids/*; do
      program=$(basename "$pid")
      kill -0 "$(<"$pid")" 2>/dev/null || give_up "$program ended" "$program"
    done
    [ "$SECONDS" -lt "$end" ] || give_up "no $what in time" "$program"
    sleep 0.1
  done
}

give_up() {
  printf '%s; the end of its log:\n' "$1" >&2
  tail -n 20 "$LOGS/$2.log" >&2
  exit 1
}

api_is_ready() {
  # By HTTP status: the text of a failing answer says "ok" too.
  curl -sf --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "https://$NODE_ADDRESS:6443/readyz"
}

node_is_ready() {
  local ready
  ready=$("$PROGRAMS/kubectl" --kubeconfig "$STATE/admin.kubeconfig" get node "$NODE_NAME" \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
  [ "$ready" = True ]
}

start_api() {
  start etcd --data-dir /run/etcd/data --unsafe-no-fsync --log-level warn --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
  local -a options=(
    --etcd-servers=http://127.0.0.1:2379 "--advertise-address=$NODE_ADDRESS" --secure-port=6443 --allow-privileged
    "--authorization-mode=Node,RBAC" --enable-admission-plugins=NodeRestriction
    "--client-ca-file=$pki/ca.crt" "--tls-cert-file=$pki/apiserver.crt" "--tls-private-key-file=$pki/apiserver.key"
    "--kubelet-client-certificate=$pki/admin.crt" "--kubelet-client-key=$pki/admin.key"
    "--kubelet-preferred-address-types=InternalIP,Hostname" "--service-cluster-ip-range=$SERVICE_RANGE"
    --service-account-issuer=https://kubernetes.default.svc.cluster.local
    "--service-account-key-file=$pki/sa.pub" "--service-account-signing-key-file=$pki/sa.key"
    "--requestheader-client-ca-file=$pki/ca.crt" --requestheader-allowed-names=front-proxy
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
    --requestheader-extra-headers-prefix=X-Remote-Extra-
    "--proxy-client-cert-file=$pki/front-proxy.crt" "--proxy-client-key-file=$pki/front-proxy.key"
    "--audit-policy-file=$STATE/audit-policy.json" "--audit-log-path=$LOGS/audit.ndjson"
  )
  start kube-apiserver "${options[@]}"
}

start_control() {
  local config=$STATE/controller-manager.kubeconfig
  start kube-controller-manager "--kubeconfig=$config" "--authentication-kubeconfig=$config" \
    "--authorization-kubeconfig=$config" "--root-ca-file=$pki/ca.crt" "--service-account-private-key-file=$pki/sa.key" \
    "--cluster-signing-cert-file=$pki/ca.crt" "--cluster-signing-key-file=$pki/ca.key" \
    --use-service-account-credentials --leader-elect=false
  config=$STATE/scheduler.kubeconfig
  start kube-scheduler "--kubeconfig=$config" "--authentication-kubeconfig=$config" "--authorization-kubeconfig=$config" \
    --leader-elect=false
}

main_inside() {
  pki=$STATE/pki
  export PATH=$PROGRAMS:$PATH
  own_folders
  shield_kernel_settings
  sysctl -qw net.ipv4.ip_forward=1
  # The bridge is there before the first pod: the name server listens on it.
  ip link add cni0 type bridge
  ip address add "$POD_GATEWAY/20" dev cni0
  ip link set cni0 up
  start_api
  start containerd --config "$STATE/containerd.toml"
  wait_for containerd 60 ctr version
  ctr --namespace k8s.io images import "$PAUSE_IMAGE" >/dev/null
  wait_for 'API server' 120 api_is_ready
  start_control
  start kubelet --config "$STATE/kubelet.json" --kubeconfig "$STATE/kubelet.kubeconfig" "--hostname-override=$NODE_NAME" \
    "--node-ip=$NODE_ADDRESS" --root-dir "$STATE/kubelet"
  start kube-proxy --config "$STATE/kube-proxy.json"
  start coredns -conf "$STATE/Corefile"
  wait_for 'ready node' 120 node_is_ready
}

main_argo() {
  export LEADER_ELECTION_DISABLE=true DEFAULT_REQUEUE_TIME=1s
  start workflow-controller --kubeconfig "$STATE/admin.kubeconfig" --namespace argo --executor-image "$EXECUTOR_REF" \
    --executor-image-pull-policy Never --qps 200 --burst 400
}

"main_$1"
