import {
  DEFAULT_NETWORK_NAME,
  DNS_ZONE,
  type AttachedTask,
  type Endpoint,
  type EndpointTable,
  type Guest,
  type Index,
  type NetworkAddress,
  type NetworkId,
  type ServiceEndpoints,
  type TaskId,
} from "@murmur/model";
import { AddressOwners, type Owner } from "./address-owners.ts";

/** The domain that every node answers for. */
export const ZONE = DNS_ZONE;

/** Who asks. Undefined: every network is open to it, and it means the default one, as a host does. */
export type Scope =
  | {
      /** The networks that it is in, the one first whose names it means when it names none. */
      readonly networks: readonly NetworkId[];
      /** The stack that it is of, whose names go before others'. */
      readonly stack?: string;
    }
  | undefined;

/** The network that a name was found in. */
export interface NetworkOfName {
  readonly id: NetworkId;
  readonly name: string;
  /** Whether tasks have addresses of their own in it (`overlay`), and not their nodes' (`ports`). */
  readonly hasAddresses: boolean;
}

/** What a name stands for. */
export type Found =
  /** The zone itself, a network, or what lies between a service's name and the names below it: no records of its own. */
  | { readonly kind: "branch" }
  /** `SERVICE`, an alias, or, with `tasks`, `tasks.SERVICE`. */
  | {
      readonly kind: "service";
      readonly services: readonly ServiceEndpoints[];
      readonly tasks: boolean;
      readonly network: NetworkOfName;
    }
  /** `SLOT.SERVICE` or `TASK.SERVICE`. */
  | {
      readonly kind: "task";
      readonly services: readonly ServiceEndpoints[];
      readonly label: string;
      readonly network: NetworkOfName;
    }
  /** A name or alias of containers that are guests in the network. */
  | { readonly kind: "guests"; readonly guests: readonly Guest[]; readonly network: NetworkOfName }
  /** `_PORT._PROTOCOL.SERVICE`. */
  | {
      readonly kind: "port";
      readonly services: readonly ServiceEndpoints[];
      readonly port: string;
      readonly protocol: string;
      readonly network: NetworkOfName;
    };

/** Services by their names in lower case. Several may share one. */
type Names = Map<string, ServiceEndpoints[]>;

interface NetworkNames extends NetworkOfName {
  /** By service name, alias, or `SHORT.STACK`. */
  readonly services: Names;
  /** What the services of one stack call each other, by stack in lower case: service name, alias, or `SHORT`. */
  readonly stacks: Map<string, Names>;
  readonly guests: Map<string, Guest[]>;
}

export interface NameIndexOptions {
  /** Whether an endpoint's address is its task's alone, and not its node's: then it has a name, too. */
  readonly ownAddresses: boolean;
  /** Of all nodes; they are in no table. */
  readonly guests?: readonly Guest[];
}

/** The names of a table, without regard to case. Made once for each table; a look-up then costs a few map reads. */
export class NameIndex {
  readonly version: Index;
  readonly #byName = new Map<string, NetworkNames>();
  readonly #byId = new Map<NetworkId, NetworkNames>();
  readonly #makeOwners: () => AddressOwners;
  /** Made with the first question that needs it: most tables are replaced before there is one. */
  #owners: AddressOwners | undefined;
  /** The tasks that have addresses, by service; made with the first question about a service. */
  readonly #attached = new Map<ServiceEndpoints, ReadonlyMap<TaskId, AttachedTask>>();

  constructor(table: EndpointTable, { ownAddresses, guests = [] }: NameIndexOptions = { ownAddresses: false }) {
    this.version = table.version;
    this.#makeOwners = () => new AddressOwners(table, ownAddresses);
    for (const { id, name, addressing, removing } of table.networks) {
      const known = { services: new Map(), stacks: new Map(), guests: new Map() };
      const network = { id, name: name.toLowerCase(), hasAddresses: addressing !== undefined, ...known };
      this.#byId.set(id, network);
      // Another one may have the name of one that is being removed.
      if (removing !== true) this.#byName.set(network.name, network);
    }
    for (const service of table.services) {
      for (const { networkId, aliases } of service.networks) {
        const network = this.#byId.get(networkId);
        if (network !== undefined) addNames(network, service, aliases);
      }
    }
    for (const guest of guests) {
      const known = this.#byId.get(guest.networkId)?.guests;
      const names = new Set(guest.names.map((text) => text.toLowerCase()));
      if (known !== undefined) for (const name of names) append(known, name, guest);
    }
  }

  /**
   * What a name stands for; `text` is in lower case, without the zone. The last part is a network if there is one of
   * that name with such a service in it; else the name is one of the asker's networks. The names of the asker's own stack
   * go before others', and a service's own name or alias before a guest's, and that before one of a task or port below a
   * service.
   */
  find(text: string, scope: Scope): Found | undefined {
    const stack = scope?.stack?.toLowerCase();
    const readings = [...this.#readings(text, scope)];
    const inStack = (network: NetworkNames): Names | undefined =>
      stack === undefined ? undefined : network.stacks.get(stack);
    let below: Found | undefined;
    for (const namesOf of [inStack, (network: NetworkNames) => network.services]) {
      for (const [part, network] of readings) {
        const found = findIn(network, namesOf(network), part);
        if (found?.kind === "service") return found;
        below ??= found;
      }
    }
    for (const [part, network] of readings) {
      const guests = network.guests.get(part);
      if (guests !== undefined) return { kind: "guests", guests, network };
    }
    if (below !== undefined) return below;
    const network = this.#byName.get(text);
    return text === "" || (network !== undefined && isOpen(network.id, scope)) ? { kind: "branch" } : undefined;
  }

  /** Where a task is in a network; nowhere when it isn't in this one. */
  addressesOf(service: ServiceEndpoints, endpoint: Endpoint, network: NetworkOfName): readonly string[] {
    if (!network.hasAddresses) return [endpoint.address];
    let attached = this.#attached.get(service);
    if (attached === undefined) {
      attached = new Map((service.attached ?? []).map((task) => [task.taskId, task]));
      this.#attached.set(service, attached);
    }
    const own = attached.get(endpoint.taskId)?.addresses.find(({ networkId }) => networkId === network.id);
    return own === undefined ? [] : textsOf(own);
  }

  /** The virtual addresses of a service in a network; undefined when it has none, and its tasks' are to be given. */
  virtualAddressesOf(service: ServiceEndpoints, network: NetworkOfName): readonly string[] | undefined {
    const vip = service.vips?.find(({ networkId }) => networkId === network.id);
    return vip && textsOf(vip);
  }

  /** Whose an address is, as far as the asker may know; undefined when nothing is known of it. */
  ownersOf(address: string, scope: Scope): readonly Owner[] | undefined {
    const owners = (this.#owners ??= this.#makeOwners()).of(address);
    return owners?.filter(({ networks }) => networks.some((id) => isOpen(id, scope)));
  }

  /** Whether an address is in a subnet of the cluster: nobody outside knows anything of it. */
  isOwn(address: string): boolean {
    return (this.#owners ??= this.#makeOwners()).covers(address);
  }

  *#readings(text: string, scope: Scope): Iterable<readonly [string, NetworkNames]> {
    for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
      const network = this.#byName.get(text.slice(dot + 1));
      if (network !== undefined && isOpen(network.id, scope)) yield [text.slice(0, dot), network];
    }
    const own = scope?.networks.map((id) => this.#byId.get(id)) ?? [this.#byName.get(DEFAULT_NETWORK_NAME)];
    for (const network of own) if (network !== undefined) yield [text, network];
  }
}

const isOpen = (id: NetworkId, scope: Scope): boolean => scope === undefined || scope.networks.includes(id);

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const present = map.get(key);
  if (present === undefined) map.set(key, [value]);
  else present.push(value);
}

/** A service of a stack is `STACK_SHORT`, and has the names `SHORT.STACK` for all and SHORT for those of its stack. */
function addNames(network: NetworkNames, service: ServiceEndpoints, aliases: readonly string[]): void {
  const names = [...new Set([service.name, ...aliases].map((text) => text.toLowerCase()))];
  for (const name of names) append(network.services, name, service);
  const stack = service.stack?.toLowerCase();
  if (stack === undefined) return;
  const name = service.name.toLowerCase();
  const short = name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
  let own = network.stacks.get(stack);
  if (own === undefined) network.stacks.set(stack, (own = new Map()));
  for (const text of new Set([...names, short])) append(own, text, service);
  const long = `${short}.${stack}`;
  if (!names.includes(long)) append(network.services, long, service);
}

const textsOf = ({ ipv4, ipv6 }: NetworkAddress): readonly string[] => (ipv6 === undefined ? [ipv4] : [ipv4, ipv6]);

function findIn(network: NetworkNames, names: Names | undefined, text: string): Found | undefined {
  if (names === undefined) return undefined;
  const whole = names.get(text);
  if (whole !== undefined) return { kind: "service", services: whole, tasks: false, network };
  const [first = "", rest = ""] = cut(text);
  const services = names.get(rest);
  if (services !== undefined) {
    if (first === "tasks") return { kind: "service", services, tasks: true, network };
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
