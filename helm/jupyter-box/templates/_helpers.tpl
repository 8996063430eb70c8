{{- define "jupyter-box.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "jupyter-box.fullname" -}}
{{- $name := include "jupyter-box.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "jupyter-box.broker.fullname" -}}
{{ include "jupyter-box.fullname" . }}-broker
{{- end -}}

{{- define "jupyter-box.broker.url" -}}
{{- $namespace := .Values.hub.namespace | default .Release.Namespace -}}
{{ include "jupyter-box.scheme" . | lower }}://{{ include "jupyter-box.broker.fullname" . }}{{ if ne $namespace .Release.Namespace }}.{{ .Release.Namespace }}{{ end }}:{{ .Values.service.port }}
{{- end -}}

{{- define "jupyter-box.scheme" -}}
{{- if .Values.tls.existingSecret -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{- define "jupyter-box.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "jupyter-box.broker.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "jupyter-box.secretName" -}}
{{- if .Values.externalSecret.enabled -}}
{{- .Values.externalSecret.targetName | default (include "jupyter-box.fullname" .) -}}
{{- else -}}
{{- .Values.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "jupyter-box.secretFile" -}}
{{- if eq .Values.auth "jwt" -}}jwt-config.json{{- else -}}client-secret{{- end -}}
{{- end -}}

{{- define "jupyter-box.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "jupyter-box.selectorLabels" -}}
app.kubernetes.io/name: {{ include "jupyter-box.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: broker
{{- end -}}

{{- define "jupyter-box.labels" -}}
app.kubernetes.io/name: {{ include "jupyter-box.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: jupyter-box
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "jupyter-box.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "jupyter-box.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "jupyter-box.check" -}}
{{- $sources := list -}}
{{- if .Values.existingSecret }}{{ $sources = append $sources "existingSecret" }}{{ end -}}
{{- if .Values.externalSecret.enabled }}{{ $sources = append $sources "externalSecret.enabled" }}{{ end -}}
{{- if .Values.secretsStore.enabled }}{{ $sources = append $sources "secretsStore.enabled" }}{{ end -}}
{{- if not .Values.broker.enabled }}
{{- if ne (join "" $sources) "externalSecret.enabled" }}
{{- fail "broker.enabled is false, so there is nothing to install: direct mode needs this chart only with externalSecret.enabled." }}
{{- end }}
{{- else if not $sources }}
{{- fail "The Box app's credentials are missing: set existingSecret to the name of the Secret that has them (`jupyter box kubernetes secret apply` makes it), or externalSecret.enabled, or secretsStore.enabled." }}
{{- end }}
{{- if .Values.externalSecret.enabled }}
{{- if not (and .Values.externalSecret.secretStoreRef.name .Values.externalSecret.remoteKey) }}
{{- fail "externalSecret.enabled needs externalSecret.secretStoreRef.name, the platform's store, and externalSecret.remoteKey, what the credentials are called there." }}
{{- end }}
{{- end }}
{{- if .Values.secretsStore.enabled }}
{{- if not .Values.secretsStore.objectName }}
{{- fail "secretsStore.enabled needs secretsStore.objectName, the name or ARN of the entry in AWS Secrets Manager." }}
{{- end }}
{{- if and (ne .Values.auth "jwt") (not (and .Values.clientId .Values.enterpriseId)) }}
{{- fail "secretsStore.enabled makes no Secret to read the ids from: set clientId and enterpriseId, which are no secrets." }}
{{- end }}
{{- end }}
{{- if and (eq .Values.auth "jwt") (or .Values.clientId .Values.enterpriseId) }}
{{- fail "clientId and enterpriseId belong to auth: client-credentials; with auth: jwt, jwt-config.json has both." }}
{{- end }}
{{- if and (eq .Values.broker.mapping "folder") (not .Values.broker.folder) .Values.broker.enabled }}
{{- fail "broker.mapping is folder, so broker.folder must be the id of the folder in Box that the users' folders are made in." }}
{{- end }}
{{- if and (ne .Values.broker.mapping "folder") .Values.broker.folder }}
{{- fail (printf "broker.folder is for broker.mapping: folder, but the mapping is %s." .Values.broker.mapping) }}
{{- end }}
{{- if and .Values.broker.login (ne .Values.broker.mapping "managed-user") }}
{{- fail (printf "broker.login is for broker.mapping: managed-user, but the mapping is %s." .Values.broker.mapping) }}
{{- end }}
{{- if and .Values.broker.userPrefix (ne .Values.broker.mapping "app-user") }}
{{- fail (printf "broker.userPrefix is for broker.mapping: app-user, but the mapping is %s." .Values.broker.mapping) }}
{{- end }}
{{- if gt (int .Values.broker.autoscaling.minReplicas) (int .Values.broker.autoscaling.maxReplicas) }}
{{- fail "broker.autoscaling.minReplicas is greater than broker.autoscaling.maxReplicas." }}
{{- end }}
{{- if and .Values.serviceAccount.annotations (not .Values.serviceAccount.create) }}
{{- fail "serviceAccount.annotations are for a ServiceAccount that the chart makes: set serviceAccount.create, or annotate the existing one." }}
{{- end }}
{{- range $name := list "BOX_CLIENT_SECRET" "BOX_JWT_CONFIG" "BOX_DEVELOPER_TOKEN" }}
{{- if hasKey $.Values.broker.extraEnv $name }}
{{- fail (printf "broker.extraEnv.%s is not allowed: the Box app's credentials are mounted as files from existingSecret, externalSecret or secretsStore." $name) }}
{{- end }}
{{- end }}
{{- range $name := list "BOX_BROKER_PORT" "BOX_BROKER_MAPPING" "BOX_BROKER_FOLDER" "BOX_BROKER_LOGIN" "BOX_BROKER_USER_PREFIX" "BOX_BROKER_SCOPES" "BOX_BROKER_GROUPS" "BOX_BROKER_CERTFILE" "BOX_BROKER_KEYFILE" "JUPYTERHUB_API_URL" "BOX_CLIENT_ID" "BOX_ENTERPRISE_ID" "BOX_CLIENT_SECRET_FILE" "BOX_JWT_CONFIG_FILE" }}
{{- if hasKey $.Values.broker.extraEnv $name }}
{{- fail (printf "broker.extraEnv.%s is not allowed: the chart sets it from a value of its own." $name) }}
{{- end }}
{{- end }}
{{- end -}}
