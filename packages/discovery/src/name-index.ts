import {
  DEFAULT_NETWORK_NAME,
  type EndpointTable,
  type Index,
  type NetworkId,
  type ServiceEndpoints,
} from "@murmur/model";

/** The domain that every node answers for. */
export const ZONE = "murmur.internal";

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

/** The names of a table, without regard to case. Made once for each table; a look-up then costs a few map reads. */
export class NameIndex {
  readonly version: Index;
  /** By the network's name, then by service name or alias. Several services may share an alias. */
  readonly #networks = new Map<string, Map<string, ServiceEndpoints[]>>();

  constructor(table: EndpointTable) {
    this.version = table.version;
    const byId = new Map<NetworkId, Map<string, ServiceEndpoints[]>>();
    for (const { id, name } of table.networks) {
      const names = new Map<string, ServiceEndpoints[]>();
      byId.set(id, names);
      this.#networks.set(name.toLowerCase(), names);
    }
    for (const service of table.services) {
      for (const { networkId, aliases } of service.networks) {
        const names = byId.get(networkId);
        if (names === undefined) continue;
        for (const name of new Set([service.name, ...aliases].map((text) => text.toLowerCase()))) {
          const sharing = names.get(name);
          if (sharing === undefined) names.set(name, [service]);
          else sharing.push(service);
        }
      }
    }
  }

  /**
   * What a name below the zone stands for; `relative` is in lower case, without the zone. The last part is a network
   * if there is one of that name with such a service in it; else the name is one of the default network.
   */
  find(relative: string): Found | undefined {
    for (let dot = relative.indexOf("."); dot >= 0; dot = relative.indexOf(".", dot + 1)) {
      const network = relative.slice(dot + 1);
      const names = this.#networks.get(network);
      const found = names && findIn(names, relative.slice(0, dot), network);
      if (found !== undefined) return found;
    }
    const names = this.#networks.get(DEFAULT_NETWORK_NAME);
    const found = names && findIn(names, relative, DEFAULT_NETWORK_NAME);
    if (found !== undefined) return found;
    return relative === "" || this.#networks.has(relative) ? { kind: "branch" } : undefined;
  }
}

function findIn(
  names: ReadonlyMap<string, readonly ServiceEndpoints[]>,
  text: string,
  network: string,
): Found | undefined {
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
