import type { ObjectShape, Shape } from "@murmur/compose";

import { metadata } from "./metadata.ts";
import { podTemplate } from "./pod.ts";
import { any, anyOf, count, flag, intOrText, listOf, mapOf, object, oneOf, port, text } from "./shapes.ts";

/** Whole or in percent: `1`, `25%`. */
const share: Shape = {
  kind: "text",
  loose: true,
  check: (given) =>
    /^\d{1,9}%?$/.test(given)
      ? undefined
      : `a number or a percentage is expected, as in 1 or "25%", not "${given.slice(0, 40)}"`,
};

const deploymentSpec = object(
  {
    replicas: count,
    selector: object({ matchLabels: mapOf(text), matchExpressions: any }),
    template: podTemplate,
    strategy: object({
      type: oneOf("Recreate", "RollingUpdate"),
      rollingUpdate: object({ maxUnavailable: share, maxSurge: share }),
    }),
    minReadySeconds: count,
    revisionHistoryLimit: count,
    paused: flag,
    progressDeadlineSeconds: count,
  },
  ["selector", "template"],
);

const serviceSpec = object({
  ports: listOf(
    object(
      {
        name: text,
        protocol: oneOf("TCP", "UDP", "SCTP"),
        appProtocol: text,
        port,
        targetPort: intOrText,
        nodePort: { kind: "number", whole: true, min: 0, max: 65_535 },
      },
      ["port"],
    ),
  ),
  selector: mapOf(text),
  clusterIP: text,
  type: oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
  sessionAffinity: oneOf("None", "ClientIP"),
  externalTrafficPolicy: oneOf("Cluster", "Local"),
  internalTrafficPolicy: oneOf("Cluster", "Local"),
  publishNotReadyAddresses: flag,
  ipFamilyPolicy: oneOf("SingleStack", "PreferDualStack", "RequireDualStack"),
  allocateLoadBalancerNodePorts: flag,
  ...anyOf(
    "clusterIPs",
    "externalIPs",
    "externalName",
    "healthCheckNodePort",
    "ipFamilies",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "sessionAffinityConfig",
    "trafficDistribution",
  ),
});

export const KINDS = ["Deployment", "Service", "ConfigMap", "Secret", "Namespace"] as const;
export type Kind = (typeof KINDS)[number];

const typed = (fields: Readonly<Record<string, Shape>>, required: readonly string[] = []): ObjectShape =>
  object({ apiVersion: text, kind: text, metadata, ...fields }, ["metadata", ...required]);

/** Of each kind the version of its API, and its fields. */
export const KIND_SHAPES: Readonly<Record<Kind, { readonly apiVersion: string; readonly shape: ObjectShape }>> = {
  Deployment: { apiVersion: "apps/v1", shape: typed({ spec: deploymentSpec, status: any }, ["spec"]) },
  Service: { apiVersion: "v1", shape: typed({ spec: serviceSpec, status: any }, ["spec"]) },
  ConfigMap: { apiVersion: "v1", shape: typed({ immutable: flag, data: mapOf(text), binaryData: mapOf(text) }) },
  Secret: {
    apiVersion: "v1",
    shape: typed({ immutable: flag, data: mapOf(text), stringData: mapOf(text), type: text }),
  },
  Namespace: { apiVersion: "v1", shape: typed({ spec: any, status: any }) },
};

const AS_SERVICE = "a stack has no such kind; murmur service create has it:";

/** Kinds that exist and are not mapped, and what does the same here. */
export const OTHER_KINDS: Readonly<Record<string, string>> = {
  CronJob: `${AS_SERVICE} run a --mode replicated-job service from a timer`,
  DaemonSet: `${AS_SERVICE} --mode global`,
  HorizontalPodAutoscaler: "nothing scales by itself here: murmur service scale",
  Ingress: "run a proxy as a Deployment with a NodePort Service, and route by its configuration",
  Job: `${AS_SERVICE} --mode replicated-job`,
  NetworkPolicy: "a stack's services are in a network of their own already",
  PersistentVolume: "volumes are made on each node: mount a hostPath, or deploy from a Compose file with volumes",
  PersistentVolumeClaim: "volumes are made on each node: mount a hostPath, or deploy from a Compose file with volumes",
  Pod: "make it a Deployment of one replica",
  ReplicaSet: "make it a Deployment",
  ReplicationController: "make it a Deployment",
  ServiceAccount: "there are no accounts of tasks here",
  StatefulSet: "make it a Deployment; its tasks have no names and volumes of their own",
};
