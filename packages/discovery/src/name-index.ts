import {
  DEFAULT_NETWORK_NAME,
  type Endpoint,
  type EndpointTable,
  type Index,
  type NetworkId,
  type ServiceEndpoints,
} from "@murmur/model";
import { reverseName } from "./reverse-name.ts";

/** The domain that every node answers for. */
export const ZONE = "murmur.internal";

/**
 * The networks that somebody is in, the one first whose names it means when it names none. Undefined: every network is
 * open to it, and it means the default one, as a host does.
 */
export type Scope = readonly NetworkId[] | undefined;

/** What a name stands for. */
export type Found =
  /** The zone itself, a network, or what lies between a service's name and the names below it: no records of its own. */
  | { readonly kind: "branch" }
  | { readonly kind: "service"; readonly services: readonly ServiceEndpoints[]; readonly network: string }
  /** `SLOT.SERVICE` or `TASK.SERVICE`. */
  | {
      readonly kind: "task";
      readonly services: readonly ServiceEndpoints[];
      readonly label: string;
      readonly network: string;
    }
  /** `_PORT._PROTOCOL.SERVICE`. */
  | {
      readonly kind: "port";
      readonly services: readonly ServiceEndpoints[];
      readonly port: string;
      readonly protocol: string;
      readonly network: string;
    };

/** A task's own address, and the name to call it by. */
export interface Owner {
  readonly endpoint: Endpoint;
  readonly service: ServiceEndpoints;
  readonly network: string;
}

interface NetworkNames {
  readonly id: NetworkId;
  readonly name: string;
  /** By service name or alias, in lower case. Several services may share an alias. */
  readonly services: Map<string, ServiceEndpoints[]>;
}

export interface NameIndexOptions {
  /** Whether an endpoint's address is its task's alone (overlay), and not its node's: then it has a name, too. */
  readonly ownAddresses: boolean;
}

/** The names of a table, without regard to case. Made once for each table; a look-up then costs a few map reads. */
export class NameIndex {
  readonly version: Index;
  readonly #byName = new Map<string, NetworkNames>();
  readonly #byId = new Map<NetworkId, NetworkNames>();
  /** By reverse name. Empty when addresses are the nodes'. */
  readonly #owners = new Map<string, Owner[]>();

  constructor(table: EndpointTable, { ownAddresses }: NameIndexOptions = { ownAddresses: false }) {
    this.version = table.version;
    for (const { id, name } of table.networks) {
      const network = { id, name: name.toLowerCase(), services: new Map<string, ServiceEndpoints[]>() };
      this.#byId.set(id, network);
      this.#byName.set(network.name, network);
    }
    for (const service of table.services) {
      for (const { networkId, aliases } of service.networks) {
        const services = this.#byId.get(networkId)?.services;
        if (services === undefined) continue;
        const names = new Set([service.name, ...aliases].map((text) => text.toLowerCase()));
        for (const name of names) append(services, name, service);
      }
      if (ownAddresses) this.#addOwners(service);
    }
  }

  #addOwners(service: ServiceEndpoints): void {
    const network = service.networks.map(({ networkId }) => this.#byId.get(networkId)?.name).find(Boolean);
    if (network === undefined) return;
    for (const endpoint of service.endpoints) {
      const name = reverseName(endpoint.address);
      if (name !== undefined) append(this.#owners, name, { endpoint, service, network });
    }
  }

  /**
   * What a name stands for; `text` is in lower case, without the zone. The last part is a network if there is one of
   * that name with such a service in it; else the name is one of the asker's networks. A service's own name or alias
   * goes before one of a task or port below a service.
   */
  find(text: string, scope: Scope): Found | undefined {
    let below: Found | undefined;
    for (const [part, network] of this.#readings(text, scope)) {
      const found = findIn(network, part);
      if (found?.kind === "service") return found;
      below ??= found;
    }
    if (below !== undefined) return below;
    const network = this.#byName.get(text);
    return text === "" || (network !== undefined && isOpen(network.id, scope)) ? { kind: "branch" } : undefined;
  }

  /** Whose address a reverse name (`4.3.2.1.in-addr.arpa`) is about, as far as the asker may know. */
  ownersOf(name: string, scope: Scope): readonly Owner[] | undefined {
    const owners = this.#owners.get(name);
    return owners?.filter(({ service }) => service.networks.some(({ networkId }) => isOpen(networkId, scope)));
  }

  *#readings(text: string, scope: Scope): Iterable<readonly [string, NetworkNames]> {
    for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
      const network = this.#byName.get(text.slice(dot + 1));
      if (network !== undefined && isOpen(network.id, scope)) yield [text.slice(0, dot), network];
    }
    const own = scope?.map((id) => this.#byId.get(id)) ?? [this.#byName.get(DEFAULT_NETWORK_NAME)];
    for (const network of own) if (network !== undefined) yield [text, network];
  }
}

const isOpen = (id: NetworkId, scope: Scope): boolean => scope === undefined || scope.includes(id);

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const present = map.get(key);
  if (present === undefined) map.set(key, [value]);
  else present.push(value);
}

function findIn({ services: names, name: network }: NetworkNames, text: string): Found | undefined {
  const whole = names.get(text);
  if (whole !== undefined) return { kind: "service", services: whole, network };
  const [first = "", rest = ""] = cut(text);
  const services = names.get(rest);
  if (services !== undefined) {
    if (first === "tasks") return { kind: "service", services, network };
    if (first === "_tcp" || first === "_udp" || first === "_sctp") return { kind: "branch" };
    return { kind: "task", services, label: first, network };
  }
  const [second = "", last = ""] = cut(rest);
  const offering = names.get(last);
  if (offering === undefined || !first.startsWith("_") || !second.startsWith("_")) return undefined;
  return { kind: "port", services: offering, port: first.slice(1), protocol: second.slice(1), network };
}

/** The first label and the rest. */
function cut(text: string): readonly string[] {
  const dot = text.indexOf(".");
  return dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}
