#!/bin/sh
# Generates the stubs from protos/ into gen/, and builds ./client.
set -eu
cd "$(dirname "$0")"
# Older releases know no tools in go.mod; a newer toolchain that go.mod asks for, these fetch themselves.
case $(go env GOVERSION 2>/dev/null) in
  go1.2[4-9]* | go1.[3-9][0-9]* | go[2-9]*) ;;
  *) echo 'Go 1.24 or later (go)' && exit 69 ;;
esac
command -v buf >/dev/null || { echo 'buf (npm ci at the root installs it, or: go install github.com/bufbuild/buf/cmd/buf@latest)' && exit 69; }

buf generate
go build -o client .
