#!/bin/sh
# Runs the client: run.sh MASTERS.
exec "$(dirname "$0")/client" "$@"
