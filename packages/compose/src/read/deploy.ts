import { problem } from "../problem.ts";
import type { ComposeDeploy, ComposeDeviceRequest, ComposeResources, ComposeUpdate } from "../project.ts";
import { scalarAt } from "../tree.ts";
import { defined, Fields } from "./fields.ts";

type Limits = NonNullable<ComposeDeploy["limits"]>;

/** `deploy`, and the fields of a service that say the same; two that say different things are refused. */
export function readDeploy(
  service: Fields,
  path: string,
): { readonly deploy: ComposeDeploy; readonly requests: readonly ComposeDeviceRequest[] } {
  const deploy = service.fields("deploy");
  const resources = deploy?.fields("resources");
  const limits = resources?.fields("limits");
  const reservations = resources?.fields("reservations");
  const same = (
    short: string,
    long: string,
    one: number | undefined,
    other: number | undefined,
  ): number | undefined => {
    if (one === undefined || other === undefined || one === other) return one ?? other;
    const place = (service.tree.entries.get(short) ?? scalarAt(null, service.tree.place)).place;
    throw problem(place, path, `${short} and deploy.${long} say different things; leave one of them`);
  };
  const most = {
    nanoCpus: same("cpus", "resources.limits.cpus", service.nanoCpus("cpus"), limits?.nanoCpus("cpus")),
    memoryBytes: same("mem_limit", "resources.limits.memory", service.bytes("mem_limit"), limits?.bytes("memory")),
    pids: same("pids_limit", "resources.limits.pids", service.number("pids_limit"), limits?.number("pids")),
  };
  const least = {
    nanoCpus: reservations?.nanoCpus("cpus"),
    memoryBytes: same(
      "mem_reservation",
      "resources.reservations.memory",
      service.bytes("mem_reservation"),
      reservations?.bytes("memory"),
    ),
    genericResources: generic(reservations),
  };
  const replicas = same("scale", "replicas", service.number("scale"), deploy?.number("replicas"));
  return {
    deploy: defined<ComposeDeploy>({
      mode: deploy?.text("mode") as ComposeDeploy["mode"],
      replicas,
      endpointMode: deploy?.text("endpoint_mode") as ComposeDeploy["endpointMode"],
      labels: deploy?.labels("labels") ?? new Map<string, string>(),
      placement: placement(deploy?.fields("placement")),
      limits: limits === undefined && isEmpty(most) ? undefined : defined<Limits>(most),
      reservations: reservations === undefined && isEmpty(least) ? undefined : defined<ComposeResources>(least),
      restartPolicy: restartPolicy(deploy?.fields("restart_policy")),
      updateConfig: update(deploy?.fields("update_config")),
      rollbackConfig: update(deploy?.fields("rollback_config")),
    }),
    requests: [
      ...service.each("gpus").map((fields) => request(fields, ["gpu"])),
      ...(reservations?.each("devices") ?? []).map((fields) => request(fields, [])),
    ],
  };
}

function isEmpty(fields: Readonly<Record<string, unknown>>): boolean {
  return Object.values(fields).every((value) => value === undefined);
}

function generic(reservations: Fields | undefined): ComposeResources["genericResources"] {
  const specs = reservations?.each("generic_resources") ?? [];
  const found = specs.flatMap((fields) => {
    const spec = fields.fields("discrete_resource_spec");
    return spec === undefined ? [] : [{ kind: spec.text("kind") ?? "", value: spec.number("value") ?? 0 }];
  });
  return found.length === 0 ? undefined : found;
}

/** Without a count and ids all devices are meant; without capabilities those of `fallback`. */
function request(fields: Fields, fallback: readonly string[]): ComposeDeviceRequest {
  const count = fields.text("count")?.toLowerCase();
  const capabilities = fields.texts("capabilities");
  return defined<ComposeDeviceRequest>({
    driver: fields.text("driver"),
    count: count === undefined || count === "all" || count === "-1" ? undefined : Number(count),
    deviceIds: fields.texts("device_ids"),
    capabilities: capabilities.length > 0 ? capabilities : fallback,
  });
}

function placement(fields: Fields | undefined): ComposeDeploy["placement"] {
  if (fields === undefined) return undefined;
  return defined<NonNullable<ComposeDeploy["placement"]>>({
    constraints: fields.texts("constraints"),
    preferences: fields.each("preferences").flatMap((preference) => preference.text("spread") ?? []),
    maxReplicasPerNode: fields.number("max_replicas_per_node"),
  });
}

function restartPolicy(fields: Fields | undefined): ComposeDeploy["restartPolicy"] {
  if (fields === undefined) return undefined;
  type Policy = NonNullable<ComposeDeploy["restartPolicy"]>;
  return defined<Policy>({
    condition: fields.text("condition") as Policy["condition"],
    delayMs: fields.durationMs("delay"),
    maxAttempts: fields.number("max_attempts"),
    windowMs: fields.durationMs("window"),
  });
}

function update(fields: Fields | undefined): ComposeUpdate | undefined {
  if (fields === undefined) return undefined;
  return defined<ComposeUpdate>({
    parallelism: fields.number("parallelism"),
    delayMs: fields.durationMs("delay"),
    failureAction: fields.text("failure_action") as ComposeUpdate["failureAction"],
    monitorMs: fields.durationMs("monitor"),
    maxFailureRatio: fields.number("max_failure_ratio"),
    order: fields.text("order") as ComposeUpdate["order"],
  });
}
