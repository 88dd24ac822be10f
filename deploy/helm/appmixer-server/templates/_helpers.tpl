{{- define "appmixer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "appmixer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "appmixer.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "appmixer.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "appmixer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "appmixer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "appmixer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "appmixer.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "appmixer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "appmixer.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "appmixer.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What nodes and the migration share. */}}
{{- define "appmixer.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "appmixer.container" -}}
image: {{ include "appmixer.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
env:
  - name: APPMIXER_LISTEN
    value: {{ printf "%s:2200" .Values.listenAddress | quote }}
  - name: APPMIXER_MANAGEMENT__LISTEN
    value: {{ printf "%s:2201" .Values.listenAddress | quote }}
  - name: APPMIXER_DATA
    value: /data
  - name: APPMIXER_STORE__URL_FILE
    value: /run/secrets/appmixer/store.url
  - name: APPMIXER_TOKEN__SECRET_FILE
    value: /run/secrets/appmixer/token.secret
  {{- if .Values.token.previousSecretsKey }}
  - name: APPMIXER_TOKEN__PREVIOUS_SECRETS_FILE
    value: /run/secrets/appmixer/token.previous_secrets
  {{- end }}
  {{- if .Values.store.caSecret }}
  - name: APPMIXER_STORE__CA_FILE
    value: /run/secrets/appmixer/ca.crt
  {{- end }}
  {{- range $key, $value := .Values.settings }}
  - name: {{ printf "APPMIXER_%s" ($key | replace "." "__" | upper) }}
    value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
  {{- end }}
volumeMounts:
  - name: secrets
    mountPath: /run/secrets/appmixer
    readOnly: true
  - name: data
    mountPath: /data
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{- define "appmixer.volumes" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.store.existingSecret }}
          items:
            - key: {{ .Values.store.urlKey }}
              path: store.url
      - secret:
          name: {{ .Values.token.existingSecret }}
          items:
            - key: {{ .Values.token.secretKey }}
              path: token.secret
            {{- with .Values.token.previousSecretsKey }}
            - key: {{ . }}
              path: token.previous_secrets
            {{- end }}
      {{- with .Values.store.caSecret }}
      - secret:
          name: {{ . }}
          items:
            - key: {{ $.Values.store.caKey }}
              path: ca.crt
      {{- end }}
# Nothing is kept in a node.
- name: data
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- end -}}
