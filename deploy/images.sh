#!/usr/bin/env bash
# Builds the image of all services. The build uses this machine's network and, where they exist, its npm configuration and certificates,
# as secrets that stay out of the image.
#
#   deploy/images.sh [TAG]        (default meseta/meseta:latest)
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-meseta/meseta:latest}
secrets=()
[ -s "$HOME/.npmrc" ] && secrets+=(--secret "id=npmrc,src=$HOME/.npmrc")
ca=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$ca" ] && secrets+=(--secret "id=ca,src=$ca")
# Clients before 23 build with BuildKit themselves; later ones need the plugin buildx.
docker=
for client in docker /usr/bin/docker; do
  command -v "$client" >/dev/null || continue
  version=$("$client" version --format '{{.Client.Version}}' 2>/dev/null || true)
  if [ "${version%%.*}" -lt 23 ] 2>/dev/null || "$client" buildx version >/dev/null 2>&1; then docker=$client; break; fi
done
[ -n "$docker" ] || { echo 'images: no Docker client here builds with BuildKit: install its plugin buildx' >&2; exit 1; }
DOCKER_BUILDKIT=1 "$docker" build --network host "${secrets[@]}" --tag "$tag" .
"$docker" image inspect --format '{{.RepoTags}} {{.Size}} bytes' "$tag"
# etcd, for Compose and Helm where there is no image registry.
"$docker" build --network host --quiet --tag meseta/etcd:latest --file deploy/etcd.Dockerfile deploy >/dev/null
"$docker" image inspect --format '{{.RepoTags}} {{.Size}} bytes' meseta/etcd:latest
