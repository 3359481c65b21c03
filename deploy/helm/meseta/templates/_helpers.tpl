{{- define "meseta.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "meseta.cluster" -}}
{{- default (printf "%s.%s" .Release.Namespace (include "meseta.fullname" .) | trunc 63) .Values.cluster -}}
{{- end -}}

{{- define "meseta.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "meseta.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "meseta.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{/* What selects pods. Called with (list . "component"); without a component, with (list .), all pods of the release. */}}
{{- define "meseta.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- if gt (len .) 1 }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- end -}}

{{/* Labels of every object, called like meseta.selector. */}}
{{- define "meseta.labels" -}}
{{- $root := index . 0 -}}
{{ include "meseta.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* host:port of every master, by its own name. */}}
{{- define "meseta.masters" -}}
{{- $name := include "meseta.fullname" . -}}
{{- $masters := list -}}
{{- range $i := until (int .Values.master.replicas) -}}
{{- $masters = append $masters (printf "%s-master-%d.%s-masters.%s.svc:5060" $name $i $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $masters -}}
{{- end -}}

{{- define "meseta.etcdEndpoints" -}}
{{- if .Values.etcd.bundled -}}
{{- $name := include "meseta.fullname" . -}}
{{- $members := list -}}
{{- range $i := until (int .Values.etcd.replicas) -}}
{{- $members = append $members (printf "%s-etcd-%d.%s-etcd.%s.svc:2379" $name $i $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $members -}}
{{- else -}}
{{- join "," .Values.etcd.external.endpoints -}}
{{- end -}}
{{- end -}}

{{/* The environment of every service. */}}
{{- define "meseta.environment" -}}
- name: POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- name: MESETA_HOST
  value: 0.0.0.0
- name: MESETA_INSECURE
  value: 'true'
- name: MESETA_CLUSTER
  value: {{ include "meseta.cluster" . | quote }}
- name: MESETA_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: MESETA_MASTER
  value: {{ include "meseta.masters" . }}
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .samplerArgument | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every pod has. */}}
{{- define "meseta.pod" -}}
serviceAccountName: {{ include "meseta.serviceAccount" . }}
automountServiceAccountToken: false
# Kubernetes would add MESETA_MASTER_PORT and the like for every service, which look like the program's own options.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where pods of a component go: called with (list . "component" values). */}}
{{- define "meseta.placement" -}}
{{- $values := index . 2 -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "meseta.selector" (list (index . 0) (index . 1)) | nindent 8 }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Services that need no rights have none. */}}
{{- define "meseta.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "meseta.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* Probes on the HTTP port. Only liveness restarts a pod; a service that waits for another is alive and not ready. */}}
{{- define "meseta.probes" -}}
livenessProbe:
  httpGet: { path: /health/live, port: http }
  initialDelaySeconds: 5
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Flags from a map, as items of a container's `args`. */}}
{{- define "meseta.options" -}}
{{- range $name, $value := . }}
            - {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end -}}

{{/* What the schema cannot say: values that contradict each other. */}}
{{- define "meseta.validate" -}}
{{- if and .Values.etcd.bundled .Values.etcd.external.endpoints -}}
{{- fail "etcd.external.endpoints is set, so etcd.bundled must be false: the record is kept in one etcd" -}}
{{- end -}}
{{- if and (not .Values.etcd.bundled) (not .Values.etcd.external.endpoints) -}}
{{- fail "etcd.bundled is false, so etcd.external.endpoints must name an etcd" -}}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.scrapers) -}}
{{- fail "monitoring.serviceMonitor.enabled needs networkPolicy.scrapers: the network policies would keep Prometheus out" -}}
{{- end -}}
{{- $cluster := include "meseta.cluster" . -}}
{{- $master := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-master" (include "meseta.fullname" .)) -}}
{{- if $master -}}
{{- range (first $master.spec.template.spec.containers).env -}}
{{- if and (eq .name "MESETA_CLUSTER") (ne .value $cluster) -}}
{{- fail (printf "cluster must stay %s: under another name the record is empty, and the agents are refused" .value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $runtimes := splitList "," (default "" .Values.agent.options.runtimes) -}}
{{- if and (has "docker" $runtimes) (not .Values.agent.docker.enabled) -}}
{{- fail "agent.options.runtimes has docker, so agent.docker.enabled must be true" -}}
{{- end -}}
{{- if and .Values.agent.docker.enabled .Values.agent.options.runtimes (not (has "docker" $runtimes)) -}}
{{- fail "agent.docker.enabled is true, so agent.options.runtimes must have docker" -}}
{{- end -}}
{{- if .Values.etcd.bundled -}}
{{- $etcd := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-etcd" (include "meseta.fullname" .)) -}}
{{- if and $etcd (ne (int $etcd.spec.replicas) (int .Values.etcd.replicas)) -}}
{{- fail (printf "etcd.replicas must stay %d: members are not added to or removed from a running etcd by this chart" (int $etcd.spec.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
