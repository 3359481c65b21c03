#!/bin/sh
# Runs the client: run.sh MASTERS.
dir=$(dirname "$0")
exec "$dir/.venv/bin/python" "$dir/client.py" "$@"
