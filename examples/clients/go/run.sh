#!/bin/sh
# Runs the client: run.sh HOST:PORT[,HOST:PORT...].
[ $# = 1 ] || { echo "usage: $0 HOST:PORT[,HOST:PORT...], the masters" >&2 && exit 2; }
exec "$(dirname "$0")/client" "$1"
