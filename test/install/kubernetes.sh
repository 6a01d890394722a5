# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Kubernetes from its published Go modules. Sourced after go.sh.

readonly kubernetes_minor=34 kubernetes_patch=10
readonly kubernetes_folder=kubernetes-1.$kubernetes_minor.$kubernetes_patch
readonly kubernetes_programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)

# The main module names its staging modules as v0.0.0 and replaces them by folders that a module zip does not carry:
# the same code is published under v0.MINOR.PATCH.
readonly kubernetes_staging=(
  api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
  code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib
  dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy
  kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin
  sample-controller
)

kubernetes_module() {
  local version=$kubernetes_minor.$kubernetes_patch module
  printf 'module lc2.invalid/kubernetes\n\ngo 1.24.0\n\ngodebug default=go1.24\n\nrequire k8s.io/kubernetes v1.%s\n' "$version"
  for module in "${kubernetes_staging[@]}"; do
    printf 'replace k8s.io/%s => k8s.io/%s v0.%s\n' "$module" "$module" "$version"
  done
}

install_kubernetes() {
  if ! has_programs "$kubernetes_folder" "${kubernetes_programs[@]}"; then
    say "building $kubernetes_folder (about 8 minutes on two cores)"
    prepare_go
    local wrapper=$cache/go/kubernetes stamp=k8s.io/component-base/version
    mkdir -p "$wrapper"
    kubernetes_module >"$wrapper/go.mod"
    local flags="-s -w -X $stamp.gitVersion=v1.$kubernetes_minor.$kubernetes_patch"
    flags+=" -X $stamp.gitMajor=1 -X $stamp.gitMinor=$kubernetes_minor"
    (cd "$wrapper" && build_go "$kubernetes_folder" -ldflags "$flags" "${kubernetes_programs[@]/#/k8s.io/kubernetes/cmd/}")
  fi
  link_programs "$kubernetes_folder" "${kubernetes_programs[@]}"
}
