import {
  holdsAddress,
  parseIpAddress,
  parseIpBlock,
  type AttachedTask,
  type Endpoint,
  type EndpointTable,
  type IpBlock,
  type NetworkId,
  type ServiceEndpoints,
} from "@murmur/model";
import { canonicalAddress } from "./reverse-name.ts";

/** Whose an address is, and the name to call it by. */
export interface Owner {
  /** Below the zone: `1.web.front` of a task, `web.front` of a virtual address. */
  readonly name: string;
  /** Who is in one of these may know. */
  readonly networks: readonly NetworkId[];
  /** Undefined: a virtual address, which is a service's. */
  readonly task?: Pick<Endpoint, "taskId" | "nodeId">;
}

/** Who has which address, of those that belong to one task or service alone. */
export class AddressOwners {
  readonly #networkNames: ReadonlyMap<NetworkId, string>;
  readonly #owners = new Map<string, Owner[]>();
  /** Every address in them is the cluster's, whether somebody has it or not. */
  readonly #subnets: readonly IpBlock[];

  /** `ownAddresses`: the addresses of `endpoints` are their tasks' alone, where nothing else says which are. */
  constructor(table: EndpointTable, ownAddresses: boolean) {
    this.#networkNames = new Map(table.networks.map(({ id, name }) => [id, name.toLowerCase()]));
    this.#subnets = table.networks.flatMap(({ addressing }) =>
      [addressing?.ipv4, addressing?.ipv6].flatMap((used) => (used && parseIpBlock(used.subnet)) ?? []),
    );
    for (const service of table.services) {
      const { attached } = service;
      for (const { networkId, ipv4, ipv6 } of service.vips ?? []) {
        this.#add([ipv4, ipv6], { name: service.name, networks: [networkId] });
      }
      if (attached !== undefined) this.#addAttached(service, attached);
      else if (ownAddresses) this.#addEndpoints(service);
    }
  }

  /** Undefined for an address that is nobody's; `address` in its one form. */
  of(address: string): readonly Owner[] | undefined {
    return this.#owners.get(address);
  }

  /** Whether an address is the cluster's to know about. */
  covers(text: string): boolean {
    const address = parseIpAddress(text);
    return address !== undefined && this.#subnets.some((subnet) => holdsAddress(subnet, address));
  }

  #addAttached(service: ServiceEndpoints, attached: readonly AttachedTask[]): void {
    const slots = new Map(service.endpoints.map(({ taskId, slot }) => [taskId, slot]));
    for (const { taskId, nodeId, addresses } of attached) {
      const name = `${labelOf(taskId, slots.get(taskId) ?? 0)}.${service.name}`;
      for (const { networkId, ipv4, ipv6 } of addresses) {
        this.#add([ipv4, ipv6], { name, networks: [networkId], task: { taskId, nodeId } });
      }
    }
  }

  #addEndpoints({ name, networks, endpoints }: ServiceEndpoints): void {
    const ids = networks.map(({ networkId }) => networkId).filter((id) => this.#networkNames.has(id));
    for (const { taskId, slot, nodeId, address } of ids.length === 0 ? [] : endpoints) {
      const own = `${labelOf(taskId, slot)}.${name}`;
      this.#add([canonicalAddress(address)], { name: own, networks: ids, task: { taskId, nodeId } });
    }
  }

  #add(addresses: readonly (string | undefined)[], owner: Owner): void {
    const network = owner.networks.map((id) => this.#networkNames.get(id)).find((name) => name !== undefined);
    if (network === undefined) return;
    const named = { ...owner, name: `${owner.name}.${network}` };
    for (const address of addresses) {
      if (address === undefined) continue;
      const present = this.#owners.get(address);
      if (present === undefined) this.#owners.set(address, [named]);
      else present.push(named);
    }
  }
}

/** A task's slot, if it has one, since people know those. */
const labelOf = (id: string, slot: number): string => (slot > 0 ? String(slot) : id);
