#!/usr/bin/env bash
# Installs the chart on a real Kubernetes, lets it work while its leader is deleted and the release upgraded, and uninstalls it.
# The cluster is that of $KUBECONFIG, to which the images must be known; else one node of our own (test/tools/kubernetes.sh: root, Go).
#
#   deploy/helm/smoke.sh        (`make kubernetes`)
set -euo pipefail
cd "$(dirname "$0")/../.."

namespace=meseta-smoke-$$
release=meseta
tools=test/tools/kubernetes.sh
own=
say() { echo "kubernetes: $*"; }
helm=$(command -v helm || test/tools/go-tools.sh helm)
kubectl=$(command -v kubectl || echo "${MESETA_TOOLS:-$HOME/.cache/meseta-tools}/bin/kubectl")
volumes=()

finish() {
  status=$?
  if [ $status != 0 ]; then
    "$kubectl" -n "$namespace" get pods -o wide 2>&1 || true
    "$kubectl" -n "$namespace" get events --sort-by=.lastTimestamp 2>&1 | tail -n 25 || true
    "$kubectl" -n "$namespace" logs --all-containers --prefix --tail 15 -l app.kubernetes.io/instance=$release 2>&1 | tail -n 60 || true
  fi
  if [ -n "$own" ]; then $tools down; else
    "$helm" uninstall "$release" -n "$namespace" >/dev/null 2>&1 || true
    "$kubectl" delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  fi
  exit $status
}
trap finish EXIT

values=(--set image.repository="${MESETA_REPOSITORY:-meseta/meseta}" --set image.tag="${MESETA_TAG:-latest}" --set etcd.image="${ETCD_IMAGE:-meseta/etcd:latest}")
if [ -z "${KUBECONFIG:-}" ]; then
  $tools build
  own=1
  say 'starting one node'
  KUBECONFIG=$($tools up)
  export KUBECONFIG
  for image in meseta/meseta:latest meseta/etcd:latest; do $tools load "$image"; done
  # Nobody makes volumes on this node: three folders of it, for etcd.
  for n in 0 1 2; do
    volumes+=("$namespace-$n")
    "$kubectl" apply -f - >/dev/null <<END
apiVersion: v1
kind: PersistentVolume
metadata: { name: $namespace-$n }
spec:
  capacity: { storage: 20Gi }
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: { path: ${MESETA_KUBERNETES:-/tmp/meseta-kubernetes}/volumes/$n, type: DirectoryOrCreate }
END
    mkdir -p "${MESETA_KUBERNETES:-/tmp/meseta-kubernetes}/volumes/$n" && chmod 0777 "${MESETA_KUBERNETES:-/tmp/meseta-kubernetes}/volumes/$n"
  done
  values+=(--set image.pullPolicy=Never --set etcd.pullPolicy=Never)
fi

meseta() { timeout 120 "$kubectl" -n "$namespace" exec deploy/$release-allocator -- meseta "$@"; }
ready() {
  local kind
  for kind in statefulset/$release-etcd deploy/$release-registry deploy/$release-allocator statefulset/$release-master; do
    "$kubectl" -n "$namespace" rollout status "$kind" --timeout=180s >/dev/null
  done
  # Agents are updated when their pods are deleted (OnDelete), of which there is no rollout to watch.
  "$kubectl" -n "$namespace" wait pod -l app.kubernetes.io/component=agent --for=condition=Ready --timeout=180s >/dev/null
}
runs() { # runs WORD: a task that prints it, on an agent of the cluster
  local out
  out=$(meseta run "echo $1" 2>/tmp/meseta-smoke-stderr-$$) || true
  [[ $out == *"$1"* ]] || { say "the task printed '$out', not '$1'"; cat /tmp/meseta-smoke-stderr-$$; return 1; }
}

"$kubectl" create namespace "$namespace" >/dev/null
begun=$(date +%s%3N)
say 'installing'
"$helm" install "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" >/dev/null
ready
install_ms=$(($(date +%s%3N) - begun))
say 'a task'
runs first

leader=$(meseta version -o json | sed -nE 's/.*"leader": *"([a-z0-9-]+)\..*/\1/p' | head -n 1)
say "deleting the leading master's pod, $leader"
begun=$(date +%s%3N)
"$kubectl" -n "$namespace" delete pod "$leader" --grace-period=0 --force >/dev/null 2>&1
runs after-the-leader
failover_ms=$(($(date +%s%3N) - begun))
ready

say 'upgrading the release while a task runs'
meseta run --name through-the-upgrade 'echo began; sleep 25; echo went-on' >/tmp/meseta-smoke-out-$$ 2>/dev/null &
task=$!
sleep 3
"$helm" upgrade "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" --set master.options.offer-timeout=4m >/dev/null
ready
wait $task
grep -q went-on /tmp/meseta-smoke-out-$$ || { say 'the task stopped during the upgrade'; exit 1; }

say 'helm test'
"$helm" test "$release" -n "$namespace" --timeout 120s >/dev/null

say 'uninstalling'
"$helm" uninstall "$release" -n "$namespace" --wait >/dev/null
"$kubectl" -n "$namespace" wait pod --all --for=delete --timeout=120s >/dev/null
left=$("$kubectl" -n "$namespace" get all,pvc,configmap,secret,networkpolicy,pdb,serviceaccount -o name 2>/dev/null | grep -vE 'kube-root-ca.crt|serviceaccount/default' | tr '\n' ' ')
say "left behind: ${left:-nothing}"
for one in $left; do [[ $one == persistentvolumeclaim/* ]] || { say "$one should not be left"; exit 1; }; done
rm -f /tmp/meseta-smoke-stderr-$$ /tmp/meseta-smoke-out-$$
say "installed in $install_ms ms, a task $failover_ms ms after the leader was deleted, a task ran through an upgrade"
