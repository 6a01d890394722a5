# shellcheck shell=bash disable=SC2154 # the variables of sourced files are known where they are sourced
# Argo Workflows from its published Go module, with its CRDs and JSON schema. Sourced after kubernetes.sh.

readonly argo_version=4.0.7 argo_module=github.com/argoproj/argo-workflows/v4
readonly argo_folder=argo-$argo_version
readonly argo_programs=(workflow-controller argoexec argo)

# Module zips carry no symbolic links and no built user interface; the source needs both to compile.
argo_source() { # target folder
  local module_dir
  module_dir=$(cd "$(dirname "$1")" && go mod download -json "$argo_module@v$argo_version" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  [ -d "$module_dir" ] || fail "Go module $argo_module@v$argo_version could not be fetched: check GOPROXY"
  rm -rf "$1"
  cp -r --no-preserve=mode "$module_dir" "$1"
  ln -sfn signal_darwin.go "$1/workflow/executor/osspecific/signal_linux.go"
  mkdir -p "$1/ui/dist/app"
  printf '<!doctype html><title>Argo</title>\n' >"$1/ui/dist/app/index.html"
}

install_argo() {
  if ! has_programs "$argo_folder" "${argo_programs[@]}" || [ ! -f "$cache/$argo_folder/schema.json" ]; then
    say "building $argo_folder (about 4 minutes on two cores)"
    prepare_go
    local wrapper=$cache/go/argo
    mkdir -p "$wrapper"
    printf 'module lc2.invalid/argo\n\ngo %s\n' "$go_minimum" >"$wrapper/go.mod"
    argo_source "$wrapper/source"
    printf 'module lc2.invalid/argo\n\ngo %s\n\nrequire %s v%s\n\nreplace %s => ./source\n' \
      "$go_minimum" "$argo_module" "$argo_version" "$argo_module" >"$wrapper/go.mod"
    (cd "$wrapper" && build_go "$argo_folder" -ldflags "-s -w -X $argo_module.version=v$argo_version" \
      "${argo_programs[@]/#/$argo_module/cmd/}")
    # With every schema, so that the API server checks what it is given.
    "$cache/bin/kubectl" kustomize "$wrapper/source/manifests/base/crds/full" >"$cache/$argo_folder/crds.yaml"
    cp "$wrapper/source/api/jsonschema/schema.json" "$cache/$argo_folder/schema.json"
  fi
  link_programs "$argo_folder" "${argo_programs[@]}"
  ln -sfnT "$argo_folder" "$cache/argo"
}
