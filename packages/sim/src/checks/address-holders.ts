import type { NodeId } from "@murmur/base";
import {
  holdsAddress,
  isTerminal,
  nodeGateway,
  parseIpAddress,
  parseIpBlock,
  type ClusterNode,
  type Network,
  type NetworkAddress,
  type NetworkId,
  type Service,
  type Task,
} from "@murmur/model";
import type { Judge, Named } from "./violation.ts";

type Held = NetworkAddress & { readonly networkId: NetworkId };

/**
 * Who has which address in the networks of one replica, and which number; kept up from its changes, independently of the
 * store's own books. A cluster of the `ports` plane has none of them.
 */
export class AddressHolders {
  readonly #networks = new Map<NetworkId, Network>();
  readonly #nodes = new Map<NodeId, ClusterNode>();
  readonly #numbers = new Map<number, NodeId>();
  /** By network and address. */
  readonly #holders = new Map<string, string>();
  readonly #judge: Judge;
  readonly #host: Named;

  constructor(judge: Judge, host: Named) {
    this.#judge = judge;
    this.#host = host;
  }

  network(previous: Network | undefined, current: Network | undefined): void {
    if (previous !== undefined) this.#networks.delete(previous.id);
    if (current !== undefined) this.#networks.set(current.id, current);
    this.#change(`network ${(current ?? previous)?.id ?? ""}`, sharedGateway(previous), sharedGateway(current));
    for (const node of this.#nodes.values()) {
      this.#change(`node ${node.id}`, gatewayOf(node, previous), gatewayOf(node, current));
    }
  }

  node(previous: ClusterNode | undefined, current: ClusterNode | undefined): void {
    if (previous !== undefined) this.#nodes.delete(previous.id);
    if (current !== undefined) this.#nodes.set(current.id, current);
    const [before, now] = [previous?.number, current?.number];
    if (previous !== undefined && current !== undefined && before !== now) {
      const was = `it was ${String(before)}`;
      this.#judge.refuse("a node's number stays", this.#host, `node ${current.id} is number ${String(now)}`, was);
    }
    if (previous !== undefined && before !== undefined) this.#numbers.delete(before);
    if (current !== undefined && now !== undefined) {
      const other = this.#numbers.get(now);
      if (other !== undefined) {
        const fact = `node ${current.id} is number ${String(now)}`;
        this.#judge.refuse("a node's number is its own", this.#host, fact, `so is node ${other}`);
      }
      this.#numbers.set(now, current.id);
    }
    for (const network of this.#networks.values()) {
      const whose = `node ${(current ?? previous)?.id ?? ""}`;
      this.#change(whose, gatewayOf(previous, network), gatewayOf(current, network));
    }
  }

  service(previous: Service | undefined, current: Service | undefined): void {
    if (previous?.vips === current?.vips) return;
    this.#change(`service ${(current ?? previous)?.id ?? ""}`, previous?.vips ?? [], current?.vips ?? []);
  }

  task(previous: Task | undefined, current: Task | undefined): void {
    this.#change(`task ${(current ?? previous)?.id ?? ""}`, heldBy(previous), heldBy(current));
  }

  #change(whose: string, previous: readonly Held[], current: readonly Held[]): void {
    for (const [key] of previous.flatMap(addressesOf)) this.#holders.delete(key);
    for (const held of current) {
      for (const [key, address] of addressesOf(held)) {
        const other = this.#holders.get(key);
        if (other !== undefined)
          this.#judge.refuse("an address is given once", this.#host, `${whose} has ${key}`, `${other} has it, too`);
        this.#holders.set(key, whose);
        this.#checkInside(whose, held.networkId, address);
      }
    }
  }

  #checkInside(whose: string, id: NetworkId, text: string): void {
    const { addressing } = this.#networks.get(id) ?? {};
    const address = parseIpAddress(text);
    const subnets = [addressing?.ipv4.subnet, addressing?.ipv6?.subnet].filter((subnet) => subnet !== undefined);
    const isInside = subnets.some((subnet) => {
      const block = parseIpBlock(subnet);
      return block !== undefined && address !== undefined && holdsAddress(block, address);
    });
    if (isInside) return;
    const fact = `${whose} has ${text} in network ${id}`;
    const has = subnets.length === 0 ? "it has no subnet" : `its subnets are ${subnets.join(", ")}`;
    this.#judge.refuse("an address lies in a subnet of its network", this.#host, fact, has);
  }
}

const addressesOf = ({ networkId, ipv4, ipv6 }: Held): (readonly [key: string, address: string])[] =>
  [ipv4, ipv6].flatMap((address) => (address === undefined ? [] : [[`${networkId} ${address}`, address] as const]));

/** The gateway that all nodes share. */
function sharedGateway(network: Network | undefined): readonly Held[] {
  if (network?.addressing === undefined) return [];
  const { ipv4, ipv6 } = network.addressing;
  return [{ networkId: network.id, ipv4: ipv4.gateway, ...(ipv6 && { ipv6: ipv6.gateway }) }];
}

function gatewayOf(node: ClusterNode | undefined, network: Network | undefined): readonly Held[] {
  if (node?.number === undefined || network?.addressing === undefined) return [];
  const gateway = nodeGateway(network.addressing, node.number);
  return gateway === undefined ? [] : [{ networkId: network.id, ...gateway }];
}

/** A task that has ended has given its addresses back. */
function heldBy(task: Task | undefined): readonly Held[] {
  if (task?.addresses === undefined || isTerminal(task.status.state)) return [];
  const { addresses } = task;
  return task.networks.flatMap(({ networkId }, at) => {
    const address = addresses[at];
    return address === undefined ? [] : [{ networkId, ...address }];
  });
}
