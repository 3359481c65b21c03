#!/usr/bin/env bash
# Runs a command with the programs that the tests need: etcd, Prometheus, a Docker engine and the plugins of CNI. What is missing is installed from Debian's packages
# when this is Debian and we are root; else the tests that need it are left out, and it is said which.
#
#   test/tools/with-tools.sh COMMAND [ARG...]
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "tests: $*" >&2; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() { # install PACKAGE...
  say "installing $*"
  [ -n "${apt_updated:-}" ] || { apt-get update -qq >&2; apt_updated=1; }
  # The packages' own services are not started: tests start what they need themselves.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || { [ -z "$made" ] || rm -f $policy; return 1; }
  [ -z "$made" ] || rm -f $policy
}

if ! command -v etcd >/dev/null; then
  if can_install && install etcd-server; then :; else
    say 'no etcd, and not root on Debian: tests on etcd are left out'
    export MESETA_TEST_WITHOUT_ETCD=1
  fi
fi

if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
  if can_install && install prometheus; then :; else
    say 'no prometheus, and not root on Debian: tests of rules and dashboards on Prometheus are left out'
    export MESETA_TEST_WITHOUT_PROMETHEUS=1
  fi
fi

dockerd_pid=
data=
if docker info >/dev/null 2>&1; then
  say 'using the Docker engine that runs'
else
  if ! command -v dockerd >/dev/null && can_install; then install docker.io iptables ca-certificates || true; fi
  if [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null; then
    data=$(mktemp -d /tmp/meseta-dockerd-XXXXXX)
    export DOCKER_HOST="unix://$data/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$data/data" --exec-root "$data/exec" --pidfile "$data/pid" >"$data/log" 2>&1 &
    dockerd_pid=$!
    for _ in $(seq 100); do docker info >/dev/null 2>&1 && break; sleep 0.2; done
    if ! docker info >/dev/null 2>&1; then
      say "the Docker engine did not start: $(tail -n 1 "$data/log")"
      kill "$dockerd_pid" 2>/dev/null || true
      dockerd_pid=
    fi
  fi
  if [ -z "$dockerd_pid" ]; then
    say 'no Docker engine: tests on Docker are left out'
    unset DOCKER_HOST
    export MESETA_TEST_WITHOUT_DOCKER=1
  fi
fi

if ! [ -x /bin/busybox ] && can_install; then install busybox-static || say 'no busybox: tests of images are left out'; fi
if ! command -v zstd >/dev/null && can_install; then install zstd || say 'no zstd: a test of images is left out'; fi

if ! [ -x /usr/lib/cni/bridge ] || ! [ -x /usr/lib/cni/portmap ] || ! command -v iptables >/dev/null || ! command -v ip >/dev/null; then
  if can_install && install containernetworking-plugins iptables iproute2; then :; else
    say 'no plugins of CNI, and not root on Debian: tests of networks are left out'
    export MESETA_TEST_WITHOUT_CNI=1
  fi
fi

if [ -z "${MESETA_TEST_JAEGER:-}" ]; then
  if command -v go >/dev/null && MESETA_TEST_JAEGER=$(test/tools/go-tools.sh jaeger); then
    export MESETA_TEST_JAEGER
  else
    say 'no Go, or Jaeger could not be built with it: the test on Jaeger is left out'
    unset MESETA_TEST_JAEGER
  fi
fi

if [ -z "${MESETA_TEST_HELM:-}" ]; then
  if command -v go >/dev/null && MESETA_TEST_HELM=$(test/tools/go-tools.sh helm) &&
    MESETA_TEST_KUBERNETES_OBJECTS=$(test/tools/go-tools.sh kubernetes-objects); then
    export MESETA_TEST_HELM MESETA_TEST_KUBERNETES_OBJECTS
  else
    say 'no Go, or Helm could not be built with it: the tests of the chart are left out'
    unset MESETA_TEST_HELM MESETA_TEST_KUBERNETES_OBJECTS
  fi
fi

stop() {
  [ -z "$dockerd_pid" ] || { kill "$dockerd_pid" 2>/dev/null || true; wait "$dockerd_pid" 2>/dev/null || true; }
  [ -n "$data" ] || return 0
  # What the engine leaves mounted would be copied into the namespaces of every task from now on.
  awk -v data="$data/" 'index($5, data) == 1 { print $5 }' /proc/self/mountinfo | xargs -r umount -l 2>/dev/null || true
  rm -rf "$data" 2>/dev/null || true
}
trap stop EXIT

status=0
"$@" || status=$?
exit $status
