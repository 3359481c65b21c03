#!/usr/bin/env bash
# Builds programs that tests need and Debian lacks, from Go modules, once, into a cache, and prints where they are.
#
#   test/tools/go-tools.sh jaeger grpcurl        ($MESETA_TOOLS, default ~/.cache/meseta-tools)
#
# Needs Go; two minutes for Jaeger the first time, nothing after that.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=${MESETA_TOOLS:-$HOME/.cache/meseta-tools}
mkdir -p "$tools/bin"
export CGO_ENABLED=0
command -v go >/dev/null || { echo 'go-tools: Go is not installed' >&2; exit 1; }

# A main package whose module has no replace directives.
plain() { GOBIN=$tools/bin go install -ldflags '-s -w' "$1"; }

# A main package whose module has replace directives, which `go install` refuses: a module of our own requires it and repeats those
# that matter.
within() { # within NAME VERSION PACKAGE REPLACE...
  local name=$1 version=$2 package=$3
  shift 3
  mkdir -p "$tools/src/$name"
  (
    cd "$tools/src/$name"
    [ -f go.mod ] || go mod init "tools/$name"
    for replace in "$@"; do go mod edit -replace "$replace"; done
    go get "$package@$version"
    go build -ldflags "-s -w ${ldflags:-}" -o "$tools/bin/$name" "$package"
  )
}

for tool in "$@"; do
  [ -x "$tools/bin/$tool" ] || {
    echo "go-tools: building $tool" >&2
    case $tool in
      grpcurl) plain github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3 ;;
      helm) plain helm.sh/helm/v3/cmd/helm@v3.18.6 ;;
      kubernetes-objects) (cd "$here/kubernetes-objects" && go build -ldflags '-s -w' -o "$tools/bin/$tool" .) ;;
      jaeger)
        within jaeger v1.62.0 github.com/jaegertracing/jaeger/cmd/all-in-one github.com/Shopify/sarama=github.com/Shopify/sarama@v1.33.0
        ;;
      # Compose v2; a plugin of the Docker client, and a program by itself.
      compose) ldflags='-X github.com/docker/compose/v2/internal.Version=v2.29.7' within compose v2.29.7 github.com/docker/compose/v2/cmd ;;
      *)
        echo "go-tools: $tool is not known here" >&2
        exit 2
        ;;
    esac >&2
  }
  echo "$tools/bin/$tool"
done
