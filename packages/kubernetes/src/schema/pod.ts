import {
  any,
  anyOf,
  count,
  flag,
  intOrText,
  listOf,
  mapOf,
  mode,
  object,
  oneOf,
  port,
  quantity,
  text,
} from "./shapes.ts";
import { metadata } from "./metadata.ts";

const keyOf = object({ name: text, key: text, optional: flag }, ["key"]);
const sourceOf = object({ name: text, optional: flag });
const env = listOf(
  object(
    {
      name: text,
      value: text,
      valueFrom: object({
        fieldRef: object({ apiVersion: text, fieldPath: text }, ["fieldPath"]),
        configMapKeyRef: keyOf,
        secretKeyRef: keyOf,
        ...anyOf("resourceFieldRef", "fileKeyRef"),
      }),
    },
    ["name"],
  ),
);

const probe = object({
  exec: object({ command: listOf(text) }),
  httpGet: object(
    {
      path: text,
      port: intOrText,
      host: text,
      scheme: oneOf("HTTP", "HTTPS"),
      httpHeaders: listOf(object({ name: text, value: text }, ["name", "value"])),
      protocol: text,
    },
    ["port"],
  ),
  tcpSocket: object({ port: intOrText, host: text }, ["port"]),
  grpc: any,
  initialDelaySeconds: count,
  timeoutSeconds: count,
  periodSeconds: count,
  successThreshold: count,
  failureThreshold: count,
  terminationGracePeriodSeconds: count,
});

const resources = object({ limits: mapOf(quantity), requests: mapOf(quantity), claims: any });

const container = object(
  {
    name: text,
    image: text,
    command: listOf(text),
    args: listOf(text),
    workingDir: text,
    ports: listOf(
      object({ name: text, hostPort: port, containerPort: port, protocol: oneOf("TCP", "UDP", "SCTP"), hostIP: text }, [
        "containerPort",
      ]),
    ),
    envFrom: listOf(object({ prefix: text, configMapRef: sourceOf, secretRef: sourceOf })),
    env,
    resources,
    volumeMounts: listOf(
      object(
        {
          name: text,
          readOnly: flag,
          mountPath: text,
          subPath: text,
          mountPropagation: oneOf("None", "HostToContainer", "Bidirectional"),
          ...anyOf("recursiveReadOnly", "subPathExpr", "bindMountOptions"),
        },
        ["name", "mountPath"],
      ),
    ),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    imagePullPolicy: oneOf("Always", "Never", "IfNotPresent"),
    securityContext: object({
      capabilities: object({ add: listOf(text), drop: listOf(text) }),
      privileged: flag,
      runAsUser: count,
      runAsGroup: count,
      runAsNonRoot: flag,
      readOnlyRootFilesystem: flag,
      allowPrivilegeEscalation: flag,
      ...anyOf("seLinuxOptions", "windowsOptions", "procMount", "seccompProfile", "appArmorProfile"),
    }),
    stdin: flag,
    tty: flag,
    terminationMessagePath: text,
    terminationMessagePolicy: oneOf("File", "FallbackToLogsOnError"),
    ...anyOf("resizePolicy", "restartPolicy", "restartPolicyRules", "volumeDevices", "lifecycle", "stdinOnce"),
  },
  ["name"],
);

const items = listOf(object({ key: text, path: text, mode, user: any }, ["key", "path"]));
const volume = object(
  {
    name: text,
    configMap: object({ name: text, items, defaultMode: mode, optional: flag, defaultUser: any }),
    secret: object({ secretName: text, items, defaultMode: mode, optional: flag, defaultUser: any }),
    emptyDir: object({ medium: oneOf("", "Memory"), sizeLimit: quantity, mode: any }),
    hostPath: object(
      {
        path: text,
        type: oneOf(
          "",
          "DirectoryOrCreate",
          "Directory",
          "FileOrCreate",
          "File",
          "Socket",
          "CharDevice",
          "BlockDevice",
        ),
      },
      ["path"],
    ),
    ...anyOf(
      "awsElasticBlockStore",
      "azureDisk",
      "azureFile",
      "cephfs",
      "cinder",
      "csi",
      "downwardAPI",
      "ephemeral",
      "fc",
      "flexVolume",
      "flocker",
      "gcePersistentDisk",
      "gitRepo",
      "glusterfs",
      "image",
      "iscsi",
      "nfs",
      "persistentVolumeClaim",
      "photonPersistentDisk",
      "portworxVolume",
      "projected",
      "quobyte",
      "rbd",
      "scaleIO",
      "storageos",
      "vsphereVolume",
    ),
  },
  ["name"],
);

const podSpec = object(
  {
    containers: listOf(container),
    volumes: listOf(volume),
    restartPolicy: oneOf("Always", "OnFailure", "Never"),
    terminationGracePeriodSeconds: count,
    nodeSelector: mapOf(text),
    nodeName: text,
    hostname: text,
    hostAliases: listOf(object({ ip: text, hostnames: listOf(text) }, ["ip"])),
    dnsPolicy: oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    dnsConfig: object({
      nameservers: listOf(text),
      searches: listOf(text),
      options: listOf(object({ name: text, value: text })),
    }),
    securityContext: object({
      runAsUser: count,
      runAsGroup: count,
      runAsNonRoot: flag,
      supplementalGroups: listOf(count),
      sysctls: listOf(object({ name: text, value: text }, ["name", "value"])),
      ...anyOf(
        "seLinuxOptions",
        "windowsOptions",
        "supplementalGroupsPolicy",
        "fsGroup",
        "fsGroupChangePolicy",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxChangePolicy",
      ),
    }),
    serviceAccountName: text,
    serviceAccount: text,
    automountServiceAccountToken: flag,
    enableServiceLinks: flag,
    schedulerName: text,
    hostNetwork: flag,
    hostPID: flag,
    hostIPC: flag,
    shareProcessNamespace: flag,
    setHostnameAsFQDN: flag,
    ...anyOf(
      "activeDeadlineSeconds",
      "affinity",
      "ephemeralContainers",
      "evictionResponders",
      "hostnameOverride",
      "hostUsers",
      "imagePullSecrets",
      "initContainers",
      "os",
      "overhead",
      "preemptionPolicy",
      "priority",
      "priorityClassName",
      "readinessGates",
      "resourceClaims",
      "resources",
      "runtimeClassName",
      "schedulingGates",
      "schedulingGroup",
      "subdomain",
      "tolerations",
      "topologySpreadConstraints",
    ),
  },
  ["containers"],
);

export const podTemplate = object({ metadata, spec: podSpec }, ["spec"]);
