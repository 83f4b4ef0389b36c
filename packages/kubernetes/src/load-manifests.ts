import { problem, shown, type ComposePayload, type ComposeService, type Project } from "@murmur/compose";

import { adviceFor } from "./advice.ts";
import type { Context } from "./context.ts";
import { readManifests, type Manifest, type ManifestFile, type Unsupported } from "./manifest.ts";
import { readDeployment, type Workload } from "./read/deployment.ts";
import { readService, type Exposure } from "./read/exposure.ts";
import { readPayload } from "./read/payload.ts";
import type { Kind } from "./schema/kinds.ts";

/** What manifests come to. */
export interface Application {
  /** The same as of a Compose file that says the same. */
  readonly project: Project;
  /** What isn't honoured, in the order of the files. Leaving it out is the user's choice. */
  readonly unsupported: readonly Unsupported[];
  /** One line each for people: what is understood in another way than it is written. */
  readonly notes: readonly string[];
}

/**
 * Reads Kubernetes' manifests: Deployments become services, Services their names and published ports, ConfigMaps and
 * Secrets variables, configs and secrets. Throws a `ClusterError` that names the file, the line and the field for what is
 * no manifest; what is one and can't be honoured is in `unsupported`.
 */
export function loadManifests(files: readonly ManifestFile[]): Application {
  const { manifests, unsupported } = readManifests(files);
  const of = (kind: Kind): readonly Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
  const payloads = (kind: Kind): Context["secrets"] => new Map(of(kind).map((one) => [one.name, readPayload(one)]));
  const notes: string[] = [];
  const context = {
    configMaps: payloads("ConfigMap"),
    secrets: payloads("Secret"),
    note: (line: string) => notes.push(line),
  };
  const workloads = of("Deployment").map((manifest) => readDeployment(manifest, context));
  const exposures = of("Service").flatMap((manifest) => {
    const exposure = readService(manifest, workloads, context);
    checkAlias(manifest, exposure, workloads);
    return exposure ?? [];
  });
  for (const { kind, fields, metadata } of manifests) {
    // Labels of what has become no object of its own have nobody to say something to.
    for (const key of ["name", "namespace", "labels", "annotations"]) metadata.take(key);
    if (kind === "Namespace") fields.take("spec");
  }
  const left = manifests.flatMap(({ fields }) => fields.others());
  return {
    project: {
      services: new Map(workloads.map((workload) => [workload.service.name, exposed(workload, exposures)])),
      networks: new Map(),
      volumes: new Map(),
      configs: payloadsOf(workloads, "configs"),
      secrets: payloadsOf(workloads, "secrets"),
    },
    unsupported: inOrder([
      ...unsupported,
      ...left.map((other) => ({ ...other, says: other.says ?? adviceFor(other.path) })),
    ]),
    notes,
  };
}

/** By file and line. */
function inOrder(found: readonly Unsupported[]): readonly Unsupported[] {
  const lineOf = ({ at }: Unsupported): number => Number(at.slice(at.lastIndexOf(":") + 1));
  const fileOf = ({ at }: Unsupported): string => at.slice(0, at.lastIndexOf(":"));
  const files = [...new Set(found.map(fileOf))];
  return found.toSorted((a, b) => files.indexOf(fileOf(a)) - files.indexOf(fileOf(b)) || lineOf(a) - lineOf(b));
}

/** A service answers to its own name here, so a Service can't give that of one to another. */
function checkAlias({ name, fields }: Manifest, exposure: Exposure | undefined, workloads: readonly Workload[]): void {
  if (exposure === undefined || exposure.of === name) return;
  if (workloads.every(({ service }) => service.name !== name)) return;
  const why = `the Deployment ${shown(name)} has the same name, and isn't the one that this selects (${exposure.of})`;
  throw problem(fields.tree.place, fields.path, `${why}; rename one`);
}

/** A Deployment with the names and ports that its Services give it. */
function exposed({ service }: Workload, all: readonly Exposure[]): ComposeService {
  const own = all.filter((exposure) => exposure.of === service.name);
  if (own.length === 0) return service;
  const aliases = [...new Set(own.flatMap((exposure) => exposure.aliases))].filter((alias) => alias !== service.name);
  return {
    ...service,
    ports: [...service.ports, ...own.flatMap((exposure) => exposure.ports)],
    networks: [{ network: "default", aliases }],
    // One without an address of its own is found by its tasks' addresses.
    ...(own.every(({ headless }) => headless) && { deploy: { ...service.deploy, endpointMode: "dnsrr" as const } }),
  };
}

function payloadsOf(workloads: readonly Workload[], kind: "configs" | "secrets"): ReadonlyMap<string, ComposePayload> {
  return new Map(workloads.flatMap(({ payloads }) => [...payloads[kind]]));
}
