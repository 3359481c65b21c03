#!/bin/sh
# Runs the client: run.sh HOST:PORT[,HOST:PORT...].
[ $# = 1 ] || { echo "usage: $0 HOST:PORT[,HOST:PORT...], the masters" >&2 && exit 2; }
dir=$(dirname "$0")
exec "$dir/.venv/bin/python" "$dir/client.py" "$1"
