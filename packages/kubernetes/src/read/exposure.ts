import { problem, shown, type ComposePort, type Fields } from "@murmur/compose";

import type { Context } from "../context.ts";
import type { Manifest } from "../manifest.ts";
import { takeIf, type Workload } from "./deployment.ts";
import { protocolOf } from "./ports.ts";

/** What a Service makes of the Deployment that it selects. */
export interface Exposure {
  /** The Deployment's name. */
  readonly of: string;
  /** The Service's own name, as it is written within a namespace and from outside. */
  readonly aliases: readonly string[];
  readonly ports: readonly ComposePort[];
  readonly headless: boolean;
}

/** Undefined where it can't be honoured, which is told. */
export function readService(
  { name, namespace, fields, metadata }: Manifest,
  all: readonly Workload[],
  context: Context,
): Exposure | undefined {
  // They describe the Service, of which nothing but its name and ports is left.
  for (const key of ["labels", "annotations"]) metadata.take(key);
  const spec = fields.fields("spec");
  if (spec === undefined) throw problem(fields.tree.place, `${fields.path}.spec`, "the field is empty");
  const type = spec.text("type") ?? "ClusterIP";
  if (type === "ExternalName") {
    for (const key of spec.tree.entries.keys()) spec.take(key);
    spec.leave("type", spec.tree, "a name for something outside: use its own name, or an entry of hostAliases");
    return undefined;
  }
  takePlain(spec);
  const address = spec.text("clusterIP") ?? "";
  const headless = address === "None";
  if (address !== "" && !headless)
    spec.leave("clusterIP", spec.tree, "the cluster gives out the addresses itself: leave it out");
  const workload = selected(spec, all);
  if (workload === undefined) return undefined;
  const ports = spec.each("ports").flatMap((port) => portsOf(port, { type, headless, workload, context }));
  const zone = namespace ?? "default";
  return {
    of: workload.service.name,
    aliases: [name, `${name}.${zone}`, `${name}.${zone}.svc`, `${name}.${zone}.svc.cluster.local`],
    ports,
    headless,
  };
}

/** Values that say what is so anyway. */
function takePlain(spec: Fields): void {
  takeIf(spec, "sessionAffinity", ["None"]);
  takeIf(spec, "externalTrafficPolicy", ["Cluster"]);
  takeIf(spec, "internalTrafficPolicy", ["Cluster"]);
  takeIf(spec, "publishNotReadyAddresses", [false]);
  takeIf(spec, "ipFamilyPolicy", ["SingleStack", "PreferDualStack"]);
  spec.take("allocateLoadBalancerNodePorts");
}

function selected(spec: Fields, all: readonly Workload[]): Workload | undefined {
  const wanted = spec.labels("selector");
  const place = (spec.tree.entries.get("selector") ?? spec.tree).place;
  const path = `${spec.path}.selector`;
  if (wanted.size === 0) throw problem(place, path, "labels of a Deployment's pods are expected");
  const found = all.filter(({ labels }) => [...wanted].every(([key, value]) => labels.get(key) === value));
  const [first, second] = found;
  const text = [...wanted].map(([key, value]) => `${key}: ${value}`).join(", ");
  if (first === undefined)
    throw problem(
      place,
      path,
      `no Deployment of the files has pods labelled ${shown(text)}; use its spec.template.metadata.labels`,
    );
  if (second === undefined) return first;
  const names = found.map(({ service }) => service.name).join(", ");
  spec.leave("selector", spec.tree, `it selects several Deployments (${names}): add a label that only one has`);
  for (const key of ["ports"]) spec.take(key);
  return undefined;
}

interface PortContext {
  readonly type: string;
  readonly headless: boolean;
  readonly workload: Workload;
  readonly context: Context;
}

function portsOf(fields: Fields, { type, headless, workload, context }: PortContext): readonly ComposePort[] {
  for (const said of ["name", "appProtocol"]) fields.take(said);
  const port = fields.number("port") ?? 0;
  const protocol = protocolOf(fields);
  const target = targetOf(fields, workload, port);
  const nodePort = fields.number("nodePort") ?? 0;
  const published: (number | undefined)[] = [];
  if (type === "NodePort") published.push(nodePort === 0 ? undefined : nodePort);
  if (type === "LoadBalancer") published.push(port, ...(nodePort === 0 || nodePort === port ? [] : [nodePort]));
  if (target !== port && !headless) {
    const why = `services of the stack reach it at port ${target}, the container's, not at ${port}`;
    if (type === "ClusterIP") fields.leave("port", fields.tree, `${why}: say port: ${target}`);
    else context.note(`${fields.path}: ${why}`);
  }
  if (published.length > 0 && headless)
    throw problem(
      fields.tree.place,
      fields.path,
      "what has no cluster address can't be published; leave clusterIP: None out",
    );
  return published.map((at) => ({
    target,
    ...(at !== undefined && { published: at }),
    protocol,
    mode: "ingress" as const,
  }));
}

function targetOf(fields: Fields, { ports, service }: Workload, port: number): number {
  const given = fields.text("targetPort");
  if (given === undefined) return port;
  const named = ports.find(({ name }) => name === given);
  if (named !== undefined) return named.target;
  const number = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (number >= 1 && number <= 65_535) return number;
  const there = ports.flatMap(({ name }) => name ?? []).join(", ") || "none that has a name";
  throw problem(
    fields.tree.place,
    `${fields.path}.targetPort`,
    `${shown(given)} is no port of ${service.name}'s container; there are ${there}`,
  );
}
