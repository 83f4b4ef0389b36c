import { ClusterError, codeOf, type Log, type Millis, type NodeId } from "@murmur/base";
import type {
  CalmFacts,
  Cluster,
  Committed,
  Consistency,
  PlacementFacts,
  TaskMove,
  RaftStanding,
  StateSnapshot,
} from "@murmur/api";
import type { Forecast, Manager, ServiceChange } from "@murmur/manager";
import {
  portsOverlap,
  type Cluster as ClusterRecord,
  type PortConfig,
  type SealKeyName,
  type Secret,
  type Task,
  type UserCommand,
} from "@murmur/model";
import { calmOf } from "@murmur/orchestrator";
import { explain, NodeSet, rebalance } from "@murmur/scheduler";
import type { View, Watch, WatchOptions } from "@murmur/store";
import type { PeerTransport } from "@murmur/transport";
import { unlockKeyIn, type LockKeeper } from "./lock-keeper.ts";
import type { SealDesk } from "./seal-desk.ts";

export const PORTS_METHOD = "ports.check";
/** A node that was just cut off must not hold a write up for longer than the managers take to elect. */
const PORTS_TIMEOUT_MS = 500;

export interface ClusterAdapterOptions {
  readonly self: NodeId;
  readonly manager: Manager;
  /** Which life of the cluster the manager belongs to. */
  readonly generation: number;
  readonly transport: PeerTransport;
  readonly seals: Pick<SealDesk, "seal" | "open" | "addKey">;
  readonly locks: Pick<LockKeeper, "settled">;
  /** Whether this node could listen on these ports; the ones that it can't, with the reason. */
  readonly checkPorts: (ports: readonly PortConfig[]) => Promise<readonly string[]>;
  readonly log: Log;
}

/** The replicated state as the API wants it, from this node's manager. */
export class ClusterAdapter implements Cluster {
  readonly #options: ClusterAdapterOptions;

  constructor(options: ClusterAdapterOptions) {
    this.#options = options;
  }

  read(consistency: Consistency, signal: AbortSignal): Promise<View> {
    const { manager } = this.#options;
    return consistency === "local" ? Promise.resolve(manager.view) : manager.read(signal);
  }

  async submit(command: UserCommand, { signal }: { readonly signal: AbortSignal }): Promise<Committed> {
    if (command.kind === "createService" || command.kind === "updateService") {
      await this.#refusePortsInUse(command, signal);
    }
    const { manager, locks } = this.#options;
    const { unlockKey } = manager.view.cluster() ?? {};
    const committed = await manager.submit(command, signal);
    // Whoever is told so may restart this daemon at once.
    if (command.kind === "updateCluster" && manager.view.cluster()?.unlockKey !== unlockKey)
      await locks.settled(signal);
    return committed;
  }

  unlockKey(cluster: ClusterRecord): string | undefined {
    const key = unlockKeyIn(cluster, (sealed) => this.#options.seals.open(sealed));
    if (key !== undefined || cluster.unlockKey === undefined) return key;
    throw new ClusterError("unavailable", "this manager hasn't got the key that opens it yet: try again in a moment");
  }

  seal(plain: Uint8Array, id: string): Promise<string> {
    return this.#options.seals.seal(plain, id);
  }

  newSealKey(): Promise<SealKeyName> {
    return this.#options.seals.addKey();
  }

  isSealed(secret: Secret, plain: Uint8Array): boolean {
    return this.#options.seals.open(secret) === Buffer.from(plain).toString("base64");
  }

  watch(options: WatchOptions): Watch {
    return this.#options.manager.watch(options);
  }

  placements(view: View, tasks: readonly Task[]): readonly PlacementFacts[] {
    const nodes = NodeSet.of(view);
    return tasks.map((task) => explain(nodes, task));
  }

  async forecast(change: ServiceChange, signal: AbortSignal): Promise<Forecast> {
    if (change.kind !== "rollbackService") await this.#refusePortsInUse(change, signal);
    return this.#options.manager.forecast(change, signal);
  }

  moves(
    view: View,
    services: readonly (readonly Task[])[],
    options: { readonly now: Millis; readonly movesMax: number },
  ): readonly TaskMove[] {
    const strategy = view.cluster()?.spec.strategy;
    return rebalance(NodeSet.of(view), services, { ...options, networks: view, ...(strategy && { strategy }) });
  }

  calm(view: View, now: Millis): CalmFacts {
    return calmOf(view, now);
  }

  async snapshot(signal: AbortSignal): Promise<StateSnapshot> {
    const { manager, generation } = this.#options;
    return { ...(await manager.snapshot(signal)), generation };
  }

  standing(): RaftStanding {
    const { manager, generation } = this.#options;
    const { leader, term, membership } = manager.status();
    return { leader, term, generation, voters: membership.voters, learners: membership.learners };
  }

  /**
   * Asks every node that is up whether it could listen on the ports that the service newly publishes. A node that does
   * not answer in time has no say: it would report a port in use when it comes to it.
   */
  async #refusePortsInUse(
    command: Extract<UserCommand, { spec: { endpoint: unknown } }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { manager, transport, self, checkPorts, log } = this.#options;
    const before = command.kind === "updateService" ? (manager.view.service(command.id)?.ports ?? []) : [];
    const ports = command.spec.endpoint.ports.filter(
      (port) => port.mode === "ingress" && port.publishedPort !== 0 && !before.some((held) => portsOverlap(held, port)),
    );
    if (ports.length === 0) return;
    // A port that another service holds is refused by the store, which knows its name.
    const held = manager.view.services().flatMap((service) => (service.removing === true ? [] : service.ports));
    const asked = ports.filter((port) => !held.some((other) => portsOverlap(other, port)));
    if (asked.length === 0) return;
    const answers = await Promise.all(
      manager.view.nodes().map(async (node): Promise<string[]> => {
        if (node.status.state !== "ready") return [];
        try {
          const problems: unknown =
            node.id === self
              ? await checkPorts(asked)
              : await transport.call(node.id, PORTS_METHOD, asked, { signal, timeoutMs: PORTS_TIMEOUT_MS });
          const name = node.description?.hostname ?? node.id;
          return Array.isArray(problems) ? problems.map((problem) => `${String(problem)} on node ${name}`) : [];
        } catch (error) {
          log.debug("a node did not say whether ports are free", { node: node.id, code: codeOf(error) });
          return [];
        }
      }),
    );
    const [first, ...more] = answers.flat();
    if (first === undefined) return;
    const others = more.length > 0 ? ` (and ${String(more.length)} more)` : "";
    throw new ClusterError("port_conflict", `${first}${others}: choose another published port, or stop what uses it`);
  }
}
