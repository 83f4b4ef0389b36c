import type { MurmurClient, PortConfig, Service, ServiceSpec } from "@murmur/api";
import { changeWithRetry } from "../change-retry.ts";
import type { ServiceStep } from "./service-step.ts";

/** A port that only one service of the cluster can have, as `8080/tcp`; undefined for others. */
const keyOf = ({ PublishedPort = 0, Protocol = "tcp", PublishMode = "ingress" }: PortConfig): string | undefined =>
  PublishedPort === 0 || PublishMode !== "ingress" ? undefined : `${String(PublishedPort)}/${Protocol}`;

const portsOf = (spec: ServiceSpec): readonly PortConfig[] => spec.EndpointSpec?.Ports ?? [];

const keysOf = (spec: ServiceSpec): ReadonlySet<string> => new Set(portsOf(spec).flatMap((port) => keyOf(port) ?? []));

/** The same without those ports, its fields in the same order whether or not it had any. */
function without(spec: ServiceSpec, keys: ReadonlySet<string>): ServiceSpec {
  const { EndpointSpec, ...rest } = spec;
  const { Ports = [], ...endpoint } = EndpointSpec ?? {};
  return { ...rest, EndpointSpec: { ...endpoint, Ports: Ports.filter((port) => !keys.has(keyOf(port) ?? "")) } };
}

/**
 * A spec as it can be asked about while ports that it takes are still another's: `asked` is without them, `taken` has them.
 * `standing`: the stack's services. `after`: what they shall be; those that are removed are missing.
 */
export function withoutTaken(
  spec: ServiceSpec,
  service: Service,
  around: { readonly standing: Iterable<Service>; readonly after: ReadonlyMap<string, ServiceSpec> },
): { readonly asked: ServiceSpec; readonly taken: readonly PortConfig[] } {
  const given = new Set<string>();
  for (const other of around.standing) {
    if (other.ID === service.ID) continue;
    const kept = around.after.get(other.Spec.Name ?? "");
    const keeps = kept === undefined ? new Set<string>() : keysOf(kept);
    for (const key of keysOf(other.Spec)) if (!keeps.has(key)) given.add(key);
  }
  const taken = portsOf(spec).filter((port) => given.has(keyOf(port) ?? ""));
  return taken.length === 0 ? { asked: spec, taken } : { asked: without(spec, given), taken };
}

/**
 * Ports that go from one service of a stack to another in one deployment. The giver loses them just before the taker is
 * sent, whichever of the two has its turn first: so services may also swap ports, or wait for each other.
 */
export class MovedPorts {
  /** Who gives which ports up, by the giver's id. */
  readonly #givers = new Map<string, { readonly service: Service; readonly keys: ReadonlySet<string> }>();

  constructor(steps: readonly ServiceStep[]) {
    const wanted = new Set(steps.flatMap((step) => (step.kind === "keep" ? [] : [...keysOf(step.spec)])));
    for (const step of steps) {
      if (step.kind !== "update") continue;
      const keeps = keysOf(step.spec);
      const keys = [...keysOf(step.service.Spec)].filter((key) => wanted.has(key) && !keeps.has(key));
      if (keys.length > 0) this.#givers.set(step.service.ID, { service: step.service, keys: new Set(keys) });
    }
  }

  /** Takes from the others what this step wants. Those that were sent already have nothing of it any more. */
  async releaseFor(step: ServiceStep, client: MurmurClient): Promise<void> {
    if (step.kind === "keep") return;
    const wanted = keysOf(step.spec);
    for (const { service, keys } of this.#givers.values()) {
      const moved = new Set([...keys].filter((key) => wanted.has(key)));
      if (moved.size === 0) continue;
      await changeWithRetry(async () => {
        const { ID, Version, Spec } = await client.service(service.ID);
        if (![...keysOf(Spec)].some((key) => moved.has(key))) return;
        await client.updateService(ID, { version: Version.Index, spec: without(Spec, moved) });
      });
    }
  }

  /** Whether a service is as it was planned with, but for ports that it gave to others meanwhile. */
  isAsPlanned(now: ServiceSpec, { ID, Spec }: Service): boolean {
    const keys = this.#givers.get(ID)?.keys;
    const text = (spec: ServiceSpec): string => JSON.stringify(keys === undefined ? spec : without(spec, keys));
    return text(now) === text(Spec);
  }
}
