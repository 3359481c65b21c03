#!/usr/bin/env bash
# A Kubernetes of one node on this machine, made of its own programs: for `make kubernetes` where there is no cluster to use.
# Pods run, services route, volumes are folders of this machine. One static administrator, nothing else is protected: for tests only.
#
#   test/tools/kubernetes.sh build       builds the programs from Go modules, once (minutes)
#   test/tools/kubernetes.sh up          starts it; prints the path of its kubeconfig
#   test/tools/kubernetes.sh load IMAGE  brings an image of the local Docker engine into the node
#   test/tools/kubernetes.sh down        stops it; nothing is left
#
# Needs root, Go, and from Debian: containerd, iptables, conntrack, ethtool, socat, openssl, iproute2.
set -euo pipefail

tools=${MESETA_TOOLS:-$HOME/.cache/meseta-tools}
bin=$tools/bin
home=${MESETA_KUBERNETES:-/tmp/meseta-kubernetes}
socket=$home/containerd.sock
config=$home/kubeconfig
etcd_port=22379 api_port=26443
pods=10.244.0.0/24 services=10.0.0.0/24

build() {
  local version=1.31.4 plugins=v1.5.1 dns=v1.11.3 name
  mkdir -p "$bin"
  export CGO_ENABLED=0
  # Kubernetes requires its own staging modules as v0.0.0 and publishes them as v0.31.4: a module of ours says which is meant.
  if [ ! -x "$bin/kubectl" ]; then
    mkdir -p "$tools/src/kubernetes"
    cd "$tools/src/kubernetes"
    local source commands='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy'
    source=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    printf 'module tools/kubernetes\n\ngo 1.22.0\n\nrequire k8s.io/kubernetes v%s\n\n' "$version" >go.mod
    grep -oE 'k8s\.io/[a-z-]+ v0\.0\.0$' "$source/go.mod" | cut -d' ' -f1 | sort -u |
      sed "s#.*#replace & => & v0.${version#1.}#" >>go.mod
    printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubectl/pkg/cmd"\n' >tools.go
    for name in $commands; do echo "import _ \"k8s.io/kubernetes/cmd/$name/app\"" >>tools.go; done
    go mod tidy
    for name in $commands kubectl; do
      go build -o "$bin/$name" -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version" "k8s.io/kubernetes/cmd/$name"
    done
  fi
  for name in main/bridge main/loopback ipam/host-local meta/portmap; do
    [ -x "$bin/${name##*/}" ] || within "${name##*/}" "$plugins" "github.com/containernetworking/plugins/plugins/$name"
  done
  [ -x "$bin/coredns" ] || within coredns "$dns" github.com/coredns/coredns
}

within() { # within NAME VERSION PACKAGE: builds a main package from a module of our own
  mkdir -p "$tools/src/$1"
  cd "$tools/src/$1"
  [ -f go.mod ] || go mod init "tools/$1"
  go get "$3@$2"
  go build -ldflags '-s -w' -o "$bin/$1" "$3"
}

kubectl() { "$bin/kubectl" --kubeconfig "$config" "$@"; }

begin() { # begin NAME COMMAND...: a process of the cluster, with a log and a pid
  local name=$1
  shift
  setsid "$@" >"$home/log/$name.log" 2>&1 &
  echo $! >"$home/pid/$name"
}

up() {
  mkdir -p "$home"/{pid,log,cni,pki,volumes}
  local address
  address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
  identity "$address"
  begin etcd etcd --data-dir "$home/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" \
    --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$((etcd_port + 1))" \
    --initial-advertise-peer-urls "http://127.0.0.1:$((etcd_port + 1))" --initial-cluster "default=http://127.0.0.1:$((etcd_port + 1))"
  runtime
  begin api "$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" --secure-port=$api_port --advertise-address="$address" \
    --service-cluster-ip-range=$services --authorization-mode=RBAC --allow-privileged=true --token-auth-file="$home/pki/tokens.csv" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$home/pki/accounts.pub" \
    --service-account-signing-key-file="$home/pki/accounts.key" --client-ca-file="$home/pki/ca.crt" \
    --tls-cert-file="$home/pki/api.crt" --tls-private-key-file="$home/pki/api.key" \
    --kubelet-client-certificate="$home/pki/api.crt" --kubelet-client-key="$home/pki/api.key" --kubelet-preferred-address-types=InternalIP
  wait_for 'the API server' kubectl get --raw /readyz
  begin controllers "$bin/kube-controller-manager" --kubeconfig="$config" --leader-elect=false \
    --service-account-private-key-file="$home/pki/accounts.key" --root-ca-file="$home/pki/ca.crt"
  begin scheduler "$bin/kube-scheduler" --kubeconfig="$config" --leader-elect=false
  printf '.:53 {\n  bind %s\n  kubernetes cluster.local {\n    kubeconfig %s test\n  }\n  errors\n}\n' "$address" "$config" >"$home/Corefile"
  begin dns "$bin/coredns" -conf "$home/Corefile"
  node "$address"
  # A Docker engine on the same machine makes the kernel forward for nobody but its own containers.
  # Behind Kubernetes's own rules, which refuse what goes to a service that has no pods.
  forward -A
  seal -I
  wait_for 'the node' kubectl wait --for=condition=Ready node/node1 --timeout=5s
  echo "$config"
}

forward() { # forward -A|-D: lets pods talk, or no more
  iptables "$1" FORWARD -i pods0 -j ACCEPT
  iptables "$1" FORWARD -o pods0 -j ACCEPT
}

# seal -I|-D: what a pod sends to a service that kube-proxy has not heard of yet is refused, and does not go out into the machine's
# network, where it may meet somebody who answers.
seal() { iptables "$1" FORWARD -i pods0 -d $services -j REJECT; }

wait_for() { # wait_for WHAT COMMAND...
  local what=$1 until=$(($(date +%s) + 120))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$until" ] || { echo "kubernetes: $what is not ready; see $home/log" >&2; exit 1; }
    sleep 0.5
  done
}

# Keys of the cluster, and the one administrator.
identity() {
  (
    cd "$home/pki"
    openssl genrsa -out accounts.key 2048
    openssl rsa -in accounts.key -pubout -out accounts.pub
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=meseta-test
    openssl req -newkey rsa:2048 -nodes -keyout api.key -out api.csr -subj /CN=kube-apiserver
    printf 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.0.0.1,IP:%s\n' "$1" >names
    openssl x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out api.crt -days 2 -extfile names
  ) 2>/dev/null
  echo 'test-admin,admin,1,"system:masters"' >"$home/pki/tokens.csv"
  cat >"$config" <<END
apiVersion: v1
kind: Config
current-context: test
clusters: [{ name: test, cluster: { server: 'https://127.0.0.1:$api_port', certificate-authority: $home/pki/ca.crt } }]
users: [{ name: admin, user: { token: test-admin } }]
contexts: [{ name: test, context: { cluster: test, user: admin } }]
END
}

# containerd, and the program that holds a pod's namespaces.
runtime() {
  mkdir -p "$home/pause/root"
  printf 'package main\n\nimport (\n\t"os"\n\t"os/signal"\n\t"syscall"\n)\n\nfunc main() {\n\tend := make(chan os.Signal, 1)\n\tsignal.Notify(end, syscall.SIGTERM, syscall.SIGINT)\n\t<-end\n}\n' >"$home/pause/main.go"
  (cd "$home/pause" && CGO_ENABLED=0 go build -o root/pause main.go)
  tar -C "$home/pause/root" -c . | docker import --change 'ENTRYPOINT ["/pause"]' - localhost/pause:meseta >/dev/null
  # Without CAP_SYS_RESOURCE runc cannot lower an OOM score, and no pod would start: restrict_oom_score_adj.
  containerd config default | sed -e "s#^root = .*#root = \"$home/containerd\"#; s#^state = .*#state = \"$home/containerd-state\"#" \
    -e "s#address = \".*containerd.sock\"#address = \"$socket\"#; s#sandbox_image = .*#sandbox_image = \"localhost/pause:meseta\"#" \
    -e "s#bin_dir = .*#bin_dir = \"$bin\"#; s#^\( *\)conf_dir = .*#\1conf_dir = \"$home/cni\"#" \
    -e 's#restrict_oom_score_adj = false#restrict_oom_score_adj = true#' >"$home/containerd.toml"
  cat >"$home/cni/10-pods.conflist" <<END
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$pods" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
END
  begin containerd containerd -c "$home/containerd.toml"
  wait_for containerd ctr -a "$socket" version
  load localhost/pause:meseta
}

node() {
  cat >"$home/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
failSwapOn: false
containerRuntimeEndpoint: unix://$socket
clusterDomain: cluster.local
clusterDNS: [$1]
evictionHard: { nodefs.available: '1%', imagefs.available: '1%', memory.available: 100Mi }
imageGCHighThresholdPercent: 100
END
  begin kubelet "$bin/kubelet" --config "$home/kubelet.yaml" --kubeconfig="$config" --root-dir="$home/kubelet" --hostname-override=node1
  begin proxy "$bin/kube-proxy" --kubeconfig="$config" --hostname-override=node1 --cluster-cidr=$pods --proxy-mode=iptables
}

load() { docker save "$@" | ctr -a "$socket" -n k8s.io images import - >/dev/null; }

finish() { # finish NAME...: politely, then not
  local name pid
  for name in "$@"; do
    [ -f "$home/pid/$name" ] || continue
    pid=$(cat "$home/pid/$name")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 20); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.25
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

down() {
  finish kubelet proxy dns scheduler controllers api
  local task
  for task in $(ctr -a "$socket" -n k8s.io tasks list -q 2>/dev/null); do
    ctr -a "$socket" -n k8s.io tasks rm -f "$task" >/dev/null 2>&1 || true
  done
  finish etcd containerd
  "$bin/kube-proxy" --cleanup >/dev/null 2>&1 || true
  forward -D 2>/dev/null || true
  seal -D 2>/dev/null || true
  ip link delete pods0 2>/dev/null || true
  grep -o "$home/[^ ]*" /proc/mounts | sort -r | while read -r mount; do umount -l "$mount" || true; done
  rm -rf "$home"
}

case ${1:-} in
  build | up | down) "$1" ;;
  load) shift && load "$@" ;;
  *) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' && exit 2 ;;
esac
