import type { MurmurClient, NetworkResource, Service } from "@murmur/api";
import { CONFIG, SECRET, type Payload, type PayloadKind } from "../payload/payload-kind.ts";
import { ofStack, STACK_LABEL } from "./stack-name.ts";

/** What there is of a stack, and the networks that it may be in. */
export interface Standing {
  /** By name. */
  readonly services: ReadonlyMap<string, Service>;
  /** All that a service may be in, by name. */
  readonly networks: ReadonlyMap<string, NetworkResource>;
  /** The stack's own, by name. */
  readonly configs: ReadonlyMap<string, Payload>;
  readonly secrets: ReadonlyMap<string, Payload>;
}

export async function standingOf(client: MurmurClient, stack: string): Promise<Standing> {
  const filters = ofStack(stack);
  const [services, networks, configs, secrets] = await Promise.all([
    client.services({ filters }),
    client.serviceNetworks(),
    client.configs({ filters }),
    client.secrets({ filters }),
  ]);
  return {
    services: new Map(services.map((service) => [service.Spec.Name ?? service.ID, service])),
    networks: new Map(networks.map((network) => [network.Name, network])),
    configs: byName(configs),
    secrets: byName(secrets),
  };
}

export const isOwnNetwork = (stack: string, network: NetworkResource): boolean =>
  network.Labels?.[STACK_LABEL] === stack;

export const PAYLOADS = { configs: CONFIG, secrets: SECRET } as const satisfies Record<string, PayloadKind>;
export const PAYLOAD_FIELDS = ["configs", "secrets"] as const;

const byName = (payloads: readonly Payload[]): ReadonlyMap<string, Payload> =>
  new Map(payloads.map((payload) => [payload.Spec.Name, payload]));
