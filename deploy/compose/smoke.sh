#!/usr/bin/env bash
# Brings the Compose cluster up from local images, lets it work while things are killed, and takes it down. Ends with one line of figures.
#
#   deploy/compose/smoke.sh                       with `docker compose` if there is one, else docker-compose (`make compose`)
#   MESETA_COMPOSE=build deploy/compose/smoke.sh  with a Compose v2 that is built from Go modules for it
#   MESETA_COMPOSE=docker-compose deploy/compose/smoke.sh
set -euo pipefail
cd "$(dirname "$0")"

MESETA_STATE=$(mktemp -d /tmp/meseta-compose-XXXXXX)
if [ "${MESETA_COMPOSE:-}" = build ]; then
  # A plugin is found in the client's configuration: one of our own, so that nobody's is changed.
  export DOCKER_CONFIG=$MESETA_STATE/docker
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  ln -s "$(../../test/tools/go-tools.sh compose)" "$DOCKER_CONFIG/cli-plugins/docker-compose"
  MESETA_COMPOSE='docker compose'
fi
if [ -n "${MESETA_COMPOSE:-}" ]; then read -ra compose <<<"$MESETA_COMPOSE"
elif docker compose version >/dev/null 2>&1; then compose=(docker compose)
else compose=(docker-compose); fi
"${compose[@]}" version >/dev/null 2>&1 || { echo "compose: there is no ${compose[*]} here" >&2; exit 1; }
image=${MESETA_IMAGE:-meseta/meseta:latest}
docker image inspect "$image" >/dev/null 2>&1 || { echo "compose: there is no local image $image: make images" >&2; exit 1; }
compose_version=$("${compose[@]}" version --short | sed 's/^v//')
compose+=(--project-name "meseta-smoke-$$" --file compose.yaml)
task_image=${TASK_IMAGE:-debian:bookworm-slim}
export MESETA_STATE MESETA_MASTER_1_HTTP=${MESETA_MASTER_1_HTTP:-0}
[ -z "${DOCKER_HOST:-}" ] || export DOCKER_SOCKET=${DOCKER_HOST#unix://}

# With local images of Jaeger and Prometheus (deploy/observe-images.sh), traces and metrics are looked at as well.
observe=
if docker image inspect meseta/jaeger:latest meseta/prometheus:latest >/dev/null 2>&1; then
  observe=1
  export JAEGER_IMAGE=meseta/jaeger:latest PROMETHEUS_IMAGE=meseta/prometheus:latest OTEL_EXPORTER_OTLP_ENDPOINT=http://jaeger:4318
  export JAEGER_PORT=${JAEGER_PORT:-0} PROMETHEUS_PORT=${PROMETHEUS_PORT:-0}
fi
up() {
  "${compose[@]}" up -d 2>&1 | grep -iE 'error' || true
  [ -z "$observe" ] || "${compose[@]}" --profile observe up -d jaeger prometheus 2>&1 | grep -iE 'error' || true
}
fetch() { "${compose[@]}" exec -T allocator node -e 'fetch(process.argv[1]).then((answer) => answer.text()).then((text) => console.log(text))' "$1"; }

say() { echo "compose: $*"; }
now() { date +%s%3N; }
meseta() { timeout 120 "${compose[@]}" exec -T allocator meseta "$@"; }
down() {
  status=$?
  if [ $status != 0 ]; then "${compose[@]}" logs --tail 20 2>&1 | tail -n 120; fi
  "${compose[@]}" --profile observe down --volumes --timeout 5 >/dev/null 2>&1 || true
  rm -rf "$MESETA_STATE"
  exit $status
}
trap down EXIT

until_agents() { # until_agents N: that many agents are active
  local until=$(($(date +%s) + 90))
  while [ "$(meseta agents -o json 2>/dev/null | grep -o AGENT_STATE_ACTIVE | wc -l)" -lt "$1" ]; do
    [ "$(date +%s)" -lt "$until" ] || { say "not $1 agents within 90 s"; return 1; }
    sleep 0.5
  done
}
run_task() { # run_task WORD: a Docker task that prints it
  local out
  if ! out=$(meseta run --image "$task_image" "echo $1" 2>"$MESETA_STATE/stderr") || [[ $out != *"$1"* ]]; then
    say "the task printed '$out', not '$1':"
    cat "$MESETA_STATE/stderr"
    return 1
  fi
}
leader() { meseta version -o json | sed -nE 's/.*"leader": *"([a-z0-9-]+):[0-9]+".*/\1/p' | head -n 1; }

started=$(now)
say "starting, with Compose $compose_version"
up
until_agents 2
up_ms=$(($(now) - started))

say 'a Docker task'
begun=$(now)
run_task first
task_ms=$(($(now) - begun))

if [ -n "$observe" ]; then
  say 'the trace of the launch, and all targets of Prometheus'
  until=$(($(date +%s) + 60))
  until fetch 'http://jaeger:16686/api/traces?service=agent&operation=agent.launch&limit=1' | grep -q '"operationName":"master.offer"'; do
    [ "$(date +%s)" -lt "$until" ] || { say 'no trace of the launch in Jaeger'; exit 1; }
    sleep 1
  done
  until [ "$(fetch 'http://prometheus:9090/api/v1/targets' | grep -o '"health":"up"' | wc -l)" = 11 ]; do
    [ "$(date +%s)" -lt "$until" ] || { say 'not all targets of Prometheus are up'; fetch 'http://prometheus:9090/api/v1/targets'; exit 1; }
    sleep 1
  done
else
  say 'no local images of Jaeger and Prometheus: traces and metrics are not looked at (deploy/observe-images.sh makes them)'
fi

killed=$(leader)
say "killing the leading master, $killed"
begun=$(now)
"${compose[@]}" kill "$killed" >/dev/null 2>&1
run_task after-the-leader
failover_ms=$(($(now) - begun))
"${compose[@]}" start "$killed" >/dev/null 2>&1

say 'killing every service once'
services=$("${compose[@]}" config --services | grep -vE '^(grafana|jaeger|prometheus)$' | sort)
for service in $services; do
  "${compose[@]}" kill "$service" >/dev/null 2>&1
  "${compose[@]}" start "$service" >/dev/null 2>&1
  until_agents 2
  run_task "after-$service"
  say "  $service: a task ran after it"
done

say 'down and up again: state survives'
"${compose[@]}" --profile observe down --timeout 5 >/dev/null 2>&1
up
until_agents 2
run_task again
agents=$(meseta agents -o json | grep -o AGENT_STATE_ACTIVE | wc -l)
[ "$agents" = 2 ] || { say "$agents agents instead of the two that there were"; exit 1; }
say "up in $up_ms ms, a Docker task through meseta run in $task_ms ms, the same from the kill of the leader in $failover_ms ms, $(echo "$services" | wc -w) services killed and restarted"
