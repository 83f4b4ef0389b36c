import type { SimulatedGuest } from "@murmur/agent";
import { nodeId, type NodeId } from "@murmur/base";
import { holdsAddress, networkId, nodeShare, parseIpAddress, parseIpBlock, type NetworkId } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Observer } from "../world/observer.ts";
import { textsOf } from "./task-places.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface GuestHost extends Named {
  readonly member: { readonly identity: { readonly nodeId: NodeId } } | undefined;
  readonly engine: {
    bridges(): readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
    guestsByHand(): readonly SimulatedGuest[];
    containers(): readonly {
      readonly name: string;
      readonly live: boolean;
      readonly request: { readonly networks?: { readonly attached: readonly Attached[] } };
    }[];
  };
}

type Attached = Pick<SimulatedGuest, "ipv4" | "ipv6"> & { readonly name: string };

/** A network of the cluster as a host's engine has it. */
interface Bridge {
  readonly name: string;
  readonly networkId: NetworkId;
  /** The node that had the engine make it. */
  readonly owner: NodeId;
}

export interface GuestWorld {
  readonly hosts: readonly GuestHost[];
  readonly leader: { readonly manager: { readonly view: View } | undefined } | undefined;
}

/** Containers that somebody runs by hand have addresses of their node's share, and nobody else has them anywhere. */
export class GuestChecks implements Observer {
  readonly #judge: Judge;
  readonly #world: GuestWorld;

  constructor(judge: Judge, world: GuestWorld) {
    this.#judge = judge;
    this.#world = world;
  }

  guestRuns(host: GuestHost, guest: SimulatedGuest): void {
    const bridge = bridgeOf(host, guest.network);
    if (bridge === undefined || !this.#isInForce(host, bridge)) return;
    this.#checkShare(host, guest, bridge);
    for (const other of this.#world.hosts) this.#checkUnlike(other, { host, guest, bridge });
  }

  /**
   * What is left of a node that the host isn't any more is on its way out. So is what a node has that was removed: its share
   * is the next one's at once, and it can take its guests out no sooner than it has heard of it, or its daemon is back.
   */
  #isInForce({ member }: GuestHost, { owner }: Bridge): boolean {
    const view = this.#world.leader?.manager?.view;
    return member?.identity.nodeId === owner && (view === undefined || view.node(owner) !== undefined);
  }

  #checkShare(host: GuestHost, guest: SimulatedGuest, { networkId: id, owner }: Bridge): void {
    const view = this.#world.leader?.manager?.view;
    const [addressing, number] = [view?.network(id)?.addressing, view?.node(owner)?.number];
    if (addressing === undefined || number === undefined) return;
    const share = nodeShare(addressing, number);
    const ranges = [share?.ipv4, share?.ipv6].filter((range) => range !== undefined);
    const outside = textsOf(guest).find((address) => !ranges.some((range) => isIn(range, address)));
    if (outside === undefined) return;
    const fact = `${guest.name} has ${outside} in network ${id}`;
    const has = `the share of node number ${String(number)} is ${ranges.join(", ") || "nothing"}`;
    this.#judge.refuse("a container that is run by hand has an address of its node's share", host, fact, has);
  }

  #checkUnlike(
    other: GuestHost,
    { host, guest, bridge }: { readonly host: GuestHost; readonly guest: SimulatedGuest; readonly bridge: Bridge },
  ): void {
    const there = bridgeOf(other, bridge.name);
    if (there === undefined || !this.#isInForce(other, there)) return;
    const guests = other.engine
      .guestsByHand()
      .filter((one) => one.network === bridge.name && !(other === host && one.name === guest.name));
    const tasks = other.engine
      .containers()
      .filter(({ live }) => live)
      .flatMap(({ name, request: { networks } }) =>
        (networks?.attached ?? []).filter((at) => at.name === bridge.name).map((at) => ({ ...at, name })),
      );
    const own = textsOf(guest);
    for (const one of [...guests, ...tasks]) {
      const same = textsOf(one).find((address) => own.includes(address));
      if (same === undefined) continue;
      const fact = `${guest.name} has ${same} in network ${bridge.networkId}`;
      const has = `${one.name} on ${other.name} has it, too`;
      this.#judge.refuse("an address is one container's, whoever runs it", host, fact, has);
    }
  }
}

function bridgeOf({ engine }: GuestHost, name: string): Bridge | undefined {
  const labels = engine.bridges().find((bridge) => bridge.name === name)?.labels;
  const [id, owner] = [labels?.["io.murmur.network"], labels?.["murmur.node.id"]];
  return id === undefined || owner === undefined ? undefined : { name, networkId: networkId(id), owner: nodeId(owner) };
}

function isIn(range: string, text: string): boolean {
  const [block, address] = [parseIpBlock(range), parseIpAddress(text)];
  return block !== undefined && address !== undefined && holdsAddress(block, address);
}
