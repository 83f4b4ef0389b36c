import type { Endpoint, PortProtocol, ServiceEndpoints } from "@murmur/model";
import type { Owner } from "./address-owners.ts";
import { ZONE, type Found, type NameIndex, type NetworkOfName, type Scope } from "./name-index.ts";
import { portsOf, targetsOf } from "./offered-ports.ts";
import type { DnsRecord, Question, Resolution } from "./record.ts";
import { addressOfReverse, addressType } from "./reverse-name.ts";
import { isUsable, type Suspects } from "./suspects.ts";

/** Seconds that a resolver may keep an answer, positive or negative: a task that dies is out of use as soon. */
const TTL_S = 1;
/** Records of one answer; a service with more endpoints shows others each time. */
const RECORDS_MAX = 64;

export interface ResolveContext {
  readonly suspects: Suspects;
  /** Where the round begins: a number that the caller raises with each question. */
  readonly turn: number;
  /** Who asks. */
  readonly scope?: Scope;
  /** Who asks can't use virtual addresses: a service's name is answered as `tasks.SERVICE` is. */
  readonly isDirect?: boolean;
}

/**
 * Answers a question from the table, as RFC 1034, 2308 (negative answers), 2782 (SRV) and 8482 (ANY) have it:
 *
 * - `SERVICE.NETWORK.murmur.internal`: its virtual address, if it has one; else as `tasks.SERVICE…`: where its tasks
 *   are. Without NETWORK, the asker's networks.
 * - `SLOT.SERVICE…` and `TASK.SERVICE…`: where this one is.
 * - `NAME.NETWORK…`, `NAME`: where the containers are that are no tasks and have this name or alias there.
 * - `_PORT._tcp.SERVICE…` (SRV): host and port of each; PORT is the port's name or the container's port number.
 * - the same without the zone, where there is such a name: not every resolver has a search list.
 * - `4.3.2.1.in-addr.arpa` (PTR): whose address that is; NXDOMAIN for one that is the cluster's, and nobody's.
 */
export function resolveName(index: NameIndex, question: Question, context: ResolveContext): Resolution {
  const name = question.name.toLowerCase();
  const isInZone = name === ZONE || name.endsWith(`.${ZONE}`);
  if (isInZone) {
    const answer = new Answer(index, question, { ...context, apex: ZONE });
    const found = index.find(name.slice(0, -ZONE.length - 1), context.scope);
    if (name === ZONE && question.type === "SOA") return answer.soa();
    return found === undefined ? answer.nothing("NXDOMAIN") : answer.found(found);
  }
  // Each such name is a zone of its own: what is above it, or beside, is others'.
  const answer = new Answer(index, question, { ...context, apex: question.name });
  const address = addressOfReverse(name);
  const owners = address === undefined ? undefined : index.ownersOf(address, context.scope);
  if (owners !== undefined) return answer.owners(owners);
  if (address !== undefined && index.isOwn(address)) return answer.nothing("NXDOMAIN");
  const found = index.find(name, context.scope);
  if (found === undefined || found.kind === "branch") return OUTSIDE;
  const resolution = answer.found(found);
  return resolution.kind === "answer" && resolution.rcode === "NXDOMAIN" ? OUTSIDE : resolution;
}

const OUTSIDE: Resolution = { kind: "outside" };

/** A task that may be sent something, and its addresses in the network of the name. */
interface Place {
  readonly service: ServiceEndpoints;
  readonly endpoint: Endpoint;
  readonly addresses: readonly string[];
}
type FoundOf<K extends Found["kind"]> = Extract<Found, { kind: K }>;

/** One answer in the making. */
class Answer {
  readonly #index: NameIndex;
  readonly #question: Question;
  /** `apex`: the zone that the name is in. */
  readonly #context: ResolveContext & { readonly apex: string };

  constructor(index: NameIndex, question: Question, context: ResolveContext & { readonly apex: string }) {
    this.#index = index;
    this.#question = question;
    this.#context = context;
  }

  found(found: Found): Resolution {
    if (this.#question.type === "ANY") return this.#any(found);
    switch (found.kind) {
      case "branch":
        return this.nothing("NOERROR");
      case "service":
        return this.#service(found);
      case "task":
        return this.#task(found);
      case "port":
        return this.#port(found);
      case "guests":
        return this.#guests(found);
    }
  }

  /** The name of each whose address it is. */
  owners(owners: readonly Owner[]): Resolution {
    const { type } = this.#question;
    const usable = owners.filter(({ task }) => task === undefined || isUsable(task, this.#context.suspects));
    if (usable.length === 0 || (type !== "PTR" && type !== "ANY")) return this.nothing("NOERROR");
    return this.#found(
      usable.map(({ name }): DnsRecord => ({ ...this.#owner(), type: "PTR", data: `${name}.${ZONE}` })),
    );
  }

  #service({ services, tasks, network }: FoundOf<"service">): Resolution {
    if (this.#question.type === "SRV") return this.#srv(this.#places(services, network), network, () => true);
    return this.#addresses(
      services.flatMap((service) => {
        const virtual =
          tasks || this.#context.isDirect === true ? undefined : this.#index.virtualAddressesOf(service, network);
        return virtual ?? this.#places([service], network).flatMap(({ addresses }) => addresses);
      }),
    );
  }

  #task({ services, label, network }: FoundOf<"task">): Resolution {
    const isIt = ({ taskId, slot }: Endpoint): boolean =>
      taskId.toLowerCase() === label || (slot > 0 && String(slot) === label);
    // A task that is only suspected still has its name: the answer is then that there is no address now.
    if (!services.some(({ endpoints }) => endpoints.some(isIt))) return this.nothing("NXDOMAIN");
    const places = this.#places(services, network).filter(({ endpoint }) => isIt(endpoint));
    return this.#addresses(places.flatMap(({ addresses }) => addresses));
  }

  #port(found: FoundOf<"port">): Resolution {
    const offering = found.services.filter((service) => targetsOf(service, found).length > 0);
    if (offering.length === 0) return this.nothing("NXDOMAIN");
    if (this.#question.type !== "SRV") return this.nothing("NOERROR");
    return this.#srv(this.#places(offering, found.network), found.network, (port, service) => {
      return port.protocol === found.protocol && targetsOf(service, found).includes(port.targetPort);
    });
  }

  /** Where a node is only suspected its guests still have their names, as tasks do. */
  #guests({ guests }: FoundOf<"guests">): Resolution {
    const { deadNodes } = this.#context.suspects;
    const there = guests.filter(({ nodeId }) => !deadNodes.has(nodeId));
    return this.#addresses(there.flatMap(({ ipv4, ipv6 }) => (ipv6 === undefined ? [ipv4] : [ipv4, ipv6])));
  }

  /** RFC 8482: instead of everything, one record that says that there is something. */
  #any(found: Found): Resolution {
    if (found.kind === "task" || found.kind === "port") {
      const exists = found.kind === "task" ? this.#task(found) : this.#port(found);
      if (exists.kind === "answer" && exists.rcode === "NXDOMAIN") return exists;
    }
    return this.#found([{ ...this.#owner(), type: "HINFO", data: { cpu: "RFC8482", os: "" } }]);
  }

  soa(): Resolution {
    return this.#found([this.#soa(this.#question.name)]);
  }

  nothing(rcode: "NOERROR" | "NXDOMAIN"): Resolution {
    return {
      kind: "answer",
      rcode,
      answers: [],
      authorities: [this.#soa(this.#context.apex)],
      additionals: [],
      turns: 1,
    };
  }

  #addresses(all: readonly string[]): Resolution {
    const { type } = this.#question;
    const addresses = [...new Set(all)].filter((address) => addressType(address) === type);
    if (addresses.length === 0 || (type !== "A" && type !== "AAAA")) return this.nothing("NOERROR");
    const records = this.#round(addresses).map((data): DnsRecord => ({ ...this.#owner(), type, data }));
    return this.#found(records, addresses.length);
  }

  #srv(
    places: readonly Place[],
    network: NetworkOfName,
    offers: (port: { readonly protocol: PortProtocol; readonly targetPort: number }, of: ServiceEndpoints) => boolean,
  ): Resolution {
    const all = places.flatMap((place) =>
      portsOf(place, network)
        .filter((port) => offers(port, place.service))
        .map((port) => ({ ...place, port })),
    );
    if (all.length === 0) return this.nothing("NOERROR");
    const answers: DnsRecord[] = [];
    const hosts = new Map<string, readonly DnsRecord[]>();
    for (const { service, endpoint, addresses, port } of this.#round(all)) {
      const target = `${endpoint.taskId}.${service.name}.${network.name}.${ZONE}`;
      answers.push({ ...this.#owner(), type: "SRV", data: { priority: 0, weight: 1, port: port.hostPort, target } });
      if (!hosts.has(target)) hosts.set(target, hostRecords(target, addresses));
    }
    const additionals = [...hosts.values()].flat();
    return { kind: "answer", rcode: "NOERROR", answers, authorities: [], additionals, turns: all.length };
  }

  #places(services: readonly ServiceEndpoints[], network: NetworkOfName): Place[] {
    const { suspects } = this.#context;
    return services.flatMap((service) =>
      service.endpoints
        .filter((endpoint) => isUsable(endpoint, suspects))
        .map((endpoint) => ({ service, endpoint, addresses: this.#index.addressesOf(service, endpoint, network) }))
        .filter(({ addresses }) => addresses.length > 0),
    );
  }

  /** At most `RECORDS_MAX`, beginning at another one each turn. */
  #round<T>(items: readonly T[]): readonly T[] {
    const start = items.length === 0 ? 0 : this.#context.turn % items.length;
    return [...items.slice(start), ...items.slice(0, start)].slice(0, RECORDS_MAX);
  }

  #found(answers: readonly DnsRecord[], turns = 1): Resolution {
    return { kind: "answer", rcode: "NOERROR", answers, authorities: [], additionals: [], turns };
  }

  #owner(): { readonly name: string; readonly ttl: number } {
    return { name: this.#question.name, ttl: TTL_S };
  }

  #soa(name: string): DnsRecord {
    const serial = this.#index.version % 2 ** 32;
    const data = {
      mname: `ns.${ZONE}`,
      rname: `hostmaster.${ZONE}`,
      serial,
      refresh: 60,
      retry: 10,
      expire: 60,
      minimum: TTL_S,
    };
    return { name, ttl: TTL_S, type: "SOA", data };
  }
}

function hostRecords(name: string, addresses: readonly string[]): readonly DnsRecord[] {
  return addresses.flatMap((data): readonly DnsRecord[] => {
    const type = addressType(data);
    return type === undefined ? [] : [{ name, ttl: TTL_S, type, data }];
  });
}
