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

# Bad input: each is told in one message, and the cluster goes on.
refused() { # refused MESSAGE HELM_ARGUMENT...: helm refuses, and says so
  local message=$1 said
  shift
  if said=$("$helm" "$@" 2>&1 >/dev/null); then say "helm should have refused: $*"; return 1; fi
  [[ $said == *"$message"* ]] || { say "helm said '$said', not '$message'"; return 1; }
}
says() { # says MESSAGE COMMAND...: what it prints has the message, sooner or later
  local message=$1 until=$(($(date +%s) + 90))
  shift
  until "$@" 2>/dev/null | grep -q "$message"; do
    [ "$(date +%s)" -lt "$until" ] || { say "'$*' never said '$message':"; "$@" 2>&1 | tail -n 5; return 1; }
    sleep 1
  done
}
say 'bad input: a second release of the same names, another cluster name, another number of etcd members'
refused 'cannot be imported into the current release' install second deploy/helm/meseta -n "$namespace" "${values[@]}" --set fullnameOverride=$release
refused 'cluster must stay' upgrade "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" --set cluster=another
refused 'etcd.replicas must stay 3' upgrade "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" --set etcd.replicas=1
small=(--set etcd.bundled=false --set agent.enabled=false --set master.replicas=1 --set registry.replicas=1)
say 'bad input: no etcd'
"$helm" install no-etcd deploy/helm/meseta -n "$namespace" "${values[@]}" "${small[@]}" --set 'etcd.external.endpoints={nowhere.invalid:2379}' >/dev/null
says 'etcd at nowhere.invalid:2379 does not answer' "$kubectl" -n "$namespace" logs deploy/no-etcd-meseta-registry --all-containers --tail=20
says 'no leader is known yet' "$kubectl" -n "$namespace" exec no-etcd-meseta-master-0 -- node -e 'fetch("http://127.0.0.1:5050/health/ready").then((answer) => answer.text()).then(console.log)'
"$helm" uninstall no-etcd -n "$namespace" >/dev/null
say 'two releases in one namespace, on one etcd: neither knows of the other'
"$helm" install beside deploy/helm/meseta -n "$namespace" "${values[@]}" "${small[@]}" --set "etcd.external.endpoints={$release-etcd:2379}" >/dev/null
"$kubectl" -n "$namespace" rollout status statefulset/beside-meseta-master --timeout=180s >/dev/null
agents=$("$kubectl" -n "$namespace" exec deploy/beside-meseta-allocator -- meseta agents -o json | grep -c '"hostname"' || true)
[ "$agents" = 0 ] || { say "the second release has $agents agents of the first"; exit 1; }
"$helm" uninstall beside -n "$namespace" --wait >/dev/null
say 'bad input: an image that cannot be pulled'
"$helm" upgrade "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" --set image.tag=no-such-tag >/dev/null
says 'ErrImage\|ImagePullBackOff' "$kubectl" -n "$namespace" get pods -l app.kubernetes.io/component=master
runs with-an-image-that-is-not-there
"$helm" upgrade "$release" deploy/helm/meseta -n "$namespace" "${values[@]}" >/dev/null
# Kubernetes does not replace a StatefulSet's pod that was never ready by itself, also if the image is right again.
"$kubectl" -n "$namespace" get pods -l app.kubernetes.io/component=master --no-headers | awk '/ErrImage|ImagePullBackOff/ { print $1 }' |
  xargs -r "$kubectl" -n "$namespace" delete pod >/dev/null
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
