#!/usr/bin/env bash
# Builds images of Jaeger and Prometheus where there is no image registry: meseta/jaeger:latest, meseta/prometheus:latest. Needs the
# base images (deploy/base-images.sh) and Go. Grafana cannot be built this way: its web pages come in no package.
set -euo pipefail
cd "$(dirname "$0")/.."
context=$(mktemp -d /tmp/meseta-jaeger-XXXXXX)
trap 'rm -rf "$context"' EXIT
cp "$(test/tools/go-tools.sh jaeger)" "$context/"
docker_client=docker
[ ! -x /usr/bin/docker ] || docker_client=/usr/bin/docker
"$docker_client" build --network host --quiet --tag meseta/jaeger:latest --file deploy/jaeger.Dockerfile "$context" >/dev/null
"$docker_client" build --network host --quiet --tag meseta/prometheus:latest --file deploy/prometheus.Dockerfile deploy >/dev/null
"$docker_client" image inspect --format '{{.RepoTags}} {{.Size}} bytes' meseta/jaeger:latest meseta/prometheus:latest
