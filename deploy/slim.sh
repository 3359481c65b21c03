#!/bin/sh
# Takes out of a built checkout with production dependencies what no service reads: types, sources, maps, ES modules beside CommonJS,
# tests of dependencies, and native programs for other versions of Node. Licences stay. For the Dockerfile.
#
#   deploy/slim.sh
set -eu
cd "$(dirname "$0")/.."

find packages services examples \( -name '*.ts' -o -name '*.tsbuildinfo' -o -name '*.js.map' \) -not -path '*/node_modules/*' -delete
find packages services -type d -name testdata -not -path '*/node_modules/*' -prune -exec rm -rf {} +

# What only editors, debuggers and bundlers read.
find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.tsbuildinfo' -o -name '*.md' \
  -o -name '*.markdown' -o -name '*.flow' -o -name '*.yml' -o -name '.*rc' -o -name '.*ignore' \) -delete
# What native modules are built from; those that are loaded are built.
find node_modules -type f \( -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.h' -o -name '*.gyp' -o -name '*.gypi' -o -name Doxyfile \) -delete
find node_modules -type d \( -name esm -o -name esnext -o -name test -o -name tests -o -name __tests__ -o -name benchmark \
  -o -name benchmarks -o -name example -o -name examples -o -name .github \) -prune -exec rm -rf {} +
rm -rf node_modules/.cache

# A native module for this Node, and for no other libc. Where there is none of its own, the one for every version stays.
find node_modules -name '*.musl.node' -delete
abi=$(node -p process.versions.modules)
for own in $(find node_modules -name "node.abi$abi.glibc.node"); do
  find "$(dirname "$own")" -name '*.node' -not -name "$(basename "$own")" -delete
done
