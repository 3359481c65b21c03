#!/bin/sh
# Generates the stubs from protos/ and compiles, into target/.
set -eu
cd "$(dirname "$0")"
java=$(javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
[ "${java:-0}" -ge 17 ] || { echo 'a JDK of version 17 or later (javac)' && exit 69; }
command -v mvn >/dev/null || { echo 'Maven (mvn)' && exit 69; }

mvn --quiet --batch-mode -Dstyle.color=never package
