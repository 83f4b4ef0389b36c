import { defined, problem, shown, type ComposeService, type Fields } from "@murmur/compose";

import type { Context } from "../context.ts";
import type { Manifest } from "../manifest.ts";
import { SERVER_FIELDS } from "../schema/metadata.ts";
import { Environment } from "./environment.ts";
import { readPlacement } from "./placement.ts";
import { readContainerPorts, type ContainerPort } from "./ports.ts";
import { readHealthcheck } from "./probe.ts";
import { readResources } from "./resources.ts";
import { readSecurity } from "./security.ts";
import { readStrategy } from "./strategy.ts";
import { readVolumes, type Mounted } from "./volumes.ts";

/** How long a pod has to stop where nothing is said. */
const GRACE_SECONDS = 30;

/** A Deployment as a service, with what Services ask of it. */
export interface Workload {
  readonly service: ComposeService;
  readonly payloads: Mounted["payloads"];
  /** Of its pods: what a Service selects by. */
  readonly labels: ReadonlyMap<string, string>;
  readonly ports: readonly ContainerPort[];
}

export function readDeployment({ name, namespace, fields, metadata }: Manifest, context: Context): Workload {
  const spec = need(fields, "spec");
  const template = need(spec, "template");
  const about = template.fields("metadata");
  for (const said of ["name", "namespace", ...SERVER_FIELDS]) about?.take(said);
  const labels = about?.labels("labels") ?? new Map<string, string>();
  checkSelector(need(spec, "selector"), labels);
  const pod = need(template, "spec");
  const [container, ...more] = pod.each("containers");
  if (container === undefined)
    throw problem(
      pod.tree.place,
      `${pod.path}.containers`,
      "a Deployment has a container; add one, with name and image",
    );
  for (const [index, other] of more.entries()) {
    for (const key of other.tree.entries.keys()) other.take(key);
    pod.leave(`containers[${index + 1}]`, other.tree, "a task is one container: make it a Deployment of its own");
  }
  takeUnsaid(spec, pod);
  const replicas = spec.number("replicas") ?? 1;
  const { ports, onHost } = readContainerPorts(container);
  const environment = new Environment(container, context, { namespace: namespace ?? "default", labels });
  const { mounts, configs, secrets, payloads } = readVolumes(pod, container, context);
  const image = container.text("image") ?? "";
  if (image === "")
    throw problem(container.tree.place, `${container.path}.image`, "a container has an image, as in image: nginx");
  const { limits, reservations, deviceRequests } = readResources(container);
  const words = (key: string): readonly string[] | undefined =>
    container.list(key) && container.texts(key).map((word) => environment.expand(word, container));
  const update = readStrategy(spec, replicas, context);
  takeContainer(container, context);
  const service = defined<ComposeService>({
    ...EMPTY,
    ...readSecurity(pod, container),
    ...dnsOf(pod),
    name,
    image,
    entrypoint: words("command"),
    command: words("args"),
    environment: environment.values,
    labels: new Map([...(about?.labels("annotations") ?? []), ...labels]),
    hostname: pod.text("hostname"),
    workingDir: container.text("workingDir"),
    tty: container.flag("tty"),
    stdinOpen: container.flag("stdin"),
    stopGracePeriodMs: (pod.number("terminationGracePeriodSeconds") ?? GRACE_SECONDS) * 1000,
    extraHosts: hostsOf(pod),
    healthcheck: readHealthcheck(container, { image, ports, context }),
    ports: onHost,
    mounts,
    configs,
    secrets,
    deviceRequests,
    deploy: defined<ComposeService["deploy"]>({
      mode: undefined,
      replicas,
      endpointMode: undefined,
      labels: new Map([...metadata.labels("annotations"), ...metadata.labels("labels")]),
      placement: readPlacement(pod),
      limits,
      reservations,
      restartPolicy: { condition: "any" },
      updateConfig: update,
      rollbackConfig: update,
    }),
  });
  return { service, payloads, labels, ports };
}

type Service = { readonly [K in keyof ComposeService]-?: ComposeService[K] | undefined };

/** What no manifest has words for. */
const EMPTY: Service = {
  name: undefined,
  image: undefined,
  build: undefined,
  command: undefined,
  entrypoint: undefined,
  environment: new Map(),
  labels: new Map(),
  hostname: undefined,
  domainname: undefined,
  workingDir: undefined,
  user: undefined,
  groups: [],
  tty: undefined,
  stdinOpen: undefined,
  readOnly: undefined,
  init: undefined,
  privileged: undefined,
  stopSignal: undefined,
  stopGracePeriodMs: undefined,
  capAdd: [],
  capDrop: [],
  sysctls: new Map(),
  ulimits: new Map(),
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  devices: [],
  healthcheck: undefined,
  logging: undefined,
  ports: [],
  networks: [],
  networkMode: undefined,
  mounts: [],
  configs: [],
  secrets: [],
  dependsOn: [],
  deploy: undefined,
  oomScoreAdj: undefined,
  isolation: undefined,
  shmSizeBytes: undefined,
  deviceRequests: [],
  restart: undefined,
  others: [],
};

function need(fields: Fields, key: string): Fields {
  const found = fields.fields(key);
  if (found === undefined) throw problem(fields.tree.place, `${fields.path}.${key}`, "the field is empty");
  return found;
}

/** As Kubernetes: a Deployment selects its own pods. */
function checkSelector(selector: Fields, labels: ReadonlyMap<string, string>): void {
  selector.take("matchExpressions");
  for (const [key, value] of selector.labels("matchLabels")) {
    if (labels.get(key) === value) continue;
    const what = `the template's labels have no ${shown(`${key}: ${value}`)}`;
    throw problem(
      selector.tree.place,
      `${selector.path}.matchLabels`,
      `${what}; add it to spec.template.metadata.labels`,
    );
  }
}

/** Values that say what is so anyway; of the others it is told that nothing honours them. */
function takeUnsaid(spec: Fields, pod: Fields): void {
  const plain: readonly (readonly [Fields, string, readonly unknown[]])[] = [
    [spec, "paused", [false]],
    [pod, "restartPolicy", ["Always"]],
    [pod, "dnsPolicy", ["ClusterFirst"]],
    [pod, "serviceAccountName", ["", "default"]],
    [pod, "serviceAccount", ["", "default"]],
    [pod, "automountServiceAccountToken", [false]],
    [pod, "enableServiceLinks", [false]],
    [pod, "schedulerName", ["", "default-scheduler"]],
    ...["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "setHostnameAsFQDN"].map(
      (key) => [pod, key, [false]] as const,
    ),
  ];
  for (const [fields, key, values] of plain) takeIf(fields, key, values);
  // How many earlier specs are kept, and when a rollout counts as late: both have their own place in the cluster.
  for (const key of ["revisionHistoryLimit", "progressDeadlineSeconds"]) spec.take(key);
}

export function takeIf(fields: Fields, key: string, values: readonly unknown[]): void {
  const tree = fields.tree.entries.get(key);
  if (tree?.kind === "scalar" && values.includes(tree.value)) fields.take(key);
}

function takeContainer(container: Fields, context: Context): void {
  container.take("name");
  takeIf(container, "terminationMessagePath", ["/dev/termination-log"]);
  takeIf(container, "terminationMessagePolicy", ["File"]);
  // An image is looked up at each deployment, and pulled where a node doesn't have it.
  if (container.text("imagePullPolicy") === "Never")
    context.note(
      `${container.path}.imagePullPolicy: a node that doesn't have the image asks its registry all the same`,
    );
}

function dnsOf(pod: Fields): Pick<ComposeService, "dns" | "dnsSearch" | "dnsOptions"> {
  const config = pod.fields("dnsConfig");
  return {
    dns: config?.texts("nameservers") ?? [],
    dnsSearch: config?.texts("searches") ?? [],
    dnsOptions: (config?.each("options") ?? []).map((option) => {
      const [name, value] = [option.text("name") ?? "", option.text("value")];
      return value === undefined ? name : `${name}:${value}`;
    }),
  };
}

const hostsOf = (pod: Fields): ComposeService["extraHosts"] =>
  pod
    .each("hostAliases")
    .flatMap((alias) =>
      alias.texts("hostnames").map((name): readonly [string, string] => [name, alias.text("ip") ?? ""]),
    );
