#!/usr/bin/env bash
# Builds the base images that the Dockerfiles name from Debian's packages and this machine's Node, for places without an image
# registry: debian:bookworm-slim and node:20-bookworm-slim. Needs root, debootstrap and a Docker engine. About half a minute.
#
#   deploy/base-images.sh
set -euo pipefail

debian=debian:bookworm-slim
image=node:20-bookworm-slim
path='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
node=$(node -p process.execPath)
npm_root=$(npm root -g 2>/dev/null)
case "$(node -p 'process.versions.node.split(".")[0]')" in
  20 | 22 | 24) ;;
  *) echo "base-images: Node 20 or later is needed, not $(node --version)" >&2; exit 1 ;;
esac
[ "$(id -u)" = 0 ] || { echo 'base-images: root is needed, for debootstrap' >&2; exit 1; }
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; }
docker info >/dev/null 2>&1 || { echo 'base-images: no Docker engine answers' >&2; exit 1; }

root=$(mktemp -d /var/tmp/meseta-base-XXXXXX)
trap 'rm -rf "$root"' EXIT
# The mirror that this machine uses itself, if it is a Debian.
mirror=${DEBIAN_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  awk '/^(deb|URIs:)/ { for (i = 1; i <= NF; i++) if ($i ~ /^https?:.*debian\/?$/ && !found++) print $i }' || true)}
echo "base-images: debootstrap of bookworm"
debootstrap --variant=minbase --include=ca-certificates,libstdc++6,libatomic1 bookworm "$root" ${mirror:+"$mirror"} >/dev/null
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
tar -C "$root" -c . | docker import --change 'CMD ["bash"]' --change "$path" - "$debian" >/dev/null
install -D "$node" "$root/usr/local/bin/node"
mkdir -p "$root/usr/local/lib/node_modules"
cp -a "$npm_root/npm" "$root/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
tar -C "$root" -c . | docker import --change 'CMD ["node"]' --change "$path" - "$image" >/dev/null
docker run --rm "$image" node --version
echo "base-images: $debian and $image are ready"
