#!/bin/sh
# Makes .venv/ with the packages of requirements.txt, and generates the stubs from protos/ into gen/.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
  echo 'Python 3.10 or later with venv (python3, python3-venv)'
  exit 69
}

if ! cmp -s requirements.txt .venv/installed; then
  "$python" -m venv --clear .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt .venv/installed
fi

protos=../../../protos
rm -rf gen
mkdir gen
(cd $protos && find meseta/v1 -name '*.proto') |
  xargs .venv/bin/python -m grpc_tools.protoc --proto_path=$protos --python_out=gen --grpc_python_out=gen
