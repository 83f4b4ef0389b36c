import { ManualClock, nodeId, randomId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import type { InitRequest } from "@murmur/api";
import type { NodeIdentity } from "@murmur/identity";
import { Manager } from "@murmur/manager";
import { DEFAULT_CLUSTER_SPEC } from "@murmur/model";
import { MemoryDisk } from "@murmur/storage";
import { MemoryNetwork, type PeerTransport } from "@murmur/transport";
import { AuthoritySigner } from "../authority-signer.ts";
import type { CallExternalCa } from "../external-ca.ts";
import { foundCluster } from "../found-cluster.ts";
import { firstSigner } from "./first-signer.ts";
import { during } from "./simulated-time.ts";

/** A real manager, the only one of its cluster, on a memory disk and network. */
export class SoloManager implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(1);
  readonly network = new MemoryNetwork({ clock: this.clock, random: this.random });
  readonly signal = new AbortController().signal;
  #parts: { readonly manager: Manager; readonly identity: NodeIdentity; readonly transport: PeerTransport } | undefined;

  newId = (): string => randomId(this.random);

  static async start(plane: Pick<InitRequest, "dataPlane"> = {}): Promise<SoloManager> {
    const solo = new SoloManager();
    const { clock, random, network, newId } = solo;
    const request = { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC, ...plane } as const;
    const address = "10.0.0.1:7373";
    const { identity, commands } = await foundCluster({
      address,
      request,
      hostname: "first",
      newId,
      ...firstSigner(clock),
    });
    const addressOf = (id: NodeId): string | undefined => (id === identity.nodeId ? address : undefined);
    const transport = network.openPeerTransport({ nodeId: identity.nodeId, address, addressOf, log: silentLog });
    const starting = Manager.start({
      self: identity.nodeId,
      storage: await new MemoryDisk().open(),
      peers: transport,
      liveness: { verdict: () => "alive" },
      clock,
      random,
      log: silentLog,
      unseal: () => undefined,
      hasKeys: () => Promise.resolve(true),
      newId,
      bootstrap: { commands },
      onFatal: () => {},
    });
    solo.#parts = { manager: await solo.during(starting), identity, transport };
    return solo;
  }

  get manager(): Manager {
    return this.#started.manager;
  }
  get identity(): NodeIdentity {
    return this.#started.identity;
  }
  get transport(): PeerTransport {
    return this.#started.transport;
  }
  get self(): NodeId {
    return nodeId(this.identity.nodeId);
  }

  get #started() {
    if (this.#parts === undefined) throw new Error("it is still starting");
    return this.#parts;
  }

  /** Signs as this manager does. */
  signer(call?: CallExternalCa): AuthoritySigner {
    const client = (): NodeIdentity => this.identity;
    return new AuthoritySigner({ ...(call && { call }), client, clock: this.clock, log: silentLog });
  }

  /** Lets simulated and real time pass until the work is done. */
  during<T>(work: Promise<T>): Promise<T> {
    return during(this.clock, work, { stepMs: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.during(this.manager[Symbol.asyncDispose]());
  }
}
