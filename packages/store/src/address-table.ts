import {
  isTerminal,
  type Index,
  type Network,
  type NetworkAddress,
  type NetworkId,
  type Service,
  type Task,
} from "@murmur/model";
import { UsedAddresses } from "./used-addresses.ts";

/** Addresses of a network that tasks and services may have. */
export interface AddressUse {
  readonly family: 4 | 6;
  readonly used: number;
  readonly count: number;
}

type Held = NetworkAddress & { readonly networkId: NetworkId };

interface UsedInNetwork {
  readonly ipv4: UsedAddresses;
  readonly ipv6?: UsedAddresses;
}

/**
 * Which addresses of each network are in use: those of tasks that haven't ended, and the virtual ones of services that
 * have a record. Follows from the records alone, so that a replica that began from a snapshot has the same.
 *
 * Invariant: the networks of whatever is in use are there; `removeNetwork` sees to it.
 */
export class AddressTable {
  readonly #networks = new Map<NetworkId, UsedInNetwork>();

  moveNetwork(previous: Network | undefined, current: Network | undefined): void {
    if (previous !== undefined && current === undefined) this.#networks.delete(previous.id);
    const { id, addressing } = current ?? {};
    if (id === undefined || addressing === undefined || this.#networks.has(id)) return;
    const { ipv4, ipv6 } = addressing;
    this.#networks.set(id, { ipv4: new UsedAddresses(ipv4), ...(ipv6 && { ipv6: new UsedAddresses(ipv6) }) });
  }

  moveService(previous: Service | undefined, current: Service | undefined): void {
    if (previous?.vips !== current?.vips) this.#move(previous?.vips ?? NONE, current?.vips ?? NONE);
  }

  moveTask(previous: Task | undefined, current: Task | undefined): void {
    const isSame = previous?.addresses === current?.addresses && holds(previous) === holds(current);
    if (!isSame) this.#move(heldBy(previous), heldBy(current));
  }

  /** Addresses in a network that nobody has. They are in use once a record that has them is put. */
  free(network: NetworkId, index: Index): NetworkAddress | undefined {
    const used = this.#networks.get(network);
    const ipv4 = used?.ipv4.free(index);
    const ipv6 = used?.ipv6?.free(index);
    if (ipv4 === undefined || (used?.ipv6 !== undefined && ipv6 === undefined)) return undefined;
    return { ipv4, ...(ipv6 !== undefined && { ipv6 }) };
  }

  /** How far a network's addresses are used up, of the family that has fewer left; undefined for one that gives none. */
  use(network: NetworkId): AddressUse | undefined {
    const used = this.#networks.get(network);
    if (used === undefined) return undefined;
    const { ipv4, ipv6 } = used;
    const scarcer = ipv6 !== undefined && freeOf(ipv6) < freeOf(ipv4) ? ipv6 : ipv4;
    return { family: scarcer === ipv4 ? 4 : 6, used: scarcer.used, count: scarcer.count };
  }

  #move(previous: readonly Held[], current: readonly Held[]): void {
    for (const { networkId, ipv4, ipv6 } of previous) {
      const used = this.#networks.get(networkId);
      used?.ipv4.delete(ipv4);
      if (ipv6 !== undefined) used?.ipv6?.delete(ipv6);
    }
    for (const { networkId, ipv4, ipv6 } of current) {
      const used = this.#networks.get(networkId);
      used?.ipv4.add(ipv4);
      if (ipv6 !== undefined) used?.ipv6?.add(ipv6);
    }
  }
}

const freeOf = ({ used, count }: UsedAddresses): number => count - used;

/** A task that has ended needs its addresses no more; its record keeps them for people. */
const holds = (task: Task | undefined): boolean => task?.addresses !== undefined && !isTerminal(task.status.state);

function heldBy(task: Task | undefined): readonly Held[] {
  if (task === undefined || !holds(task)) return NONE;
  return task.networks.flatMap(({ networkId }, at) => {
    const address = task.addresses?.[at];
    return address === undefined ? [] : [{ networkId, ...address }];
  });
}

const NONE: readonly Held[] = [];
