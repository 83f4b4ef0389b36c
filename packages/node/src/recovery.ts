import type { RecoveryPlan } from "@murmur/api";
import {
  ClusterError,
  codeOf,
  nodeId,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Random,
} from "@murmur/base";
import type { GossipDriver } from "@murmur/agent";
import type { Manager } from "@murmur/manager";
import type { PeerTransport } from "@murmur/transport";
import { nextNumber, signGeneration, statementSigner, type Generation } from "./generation.ts";
import type { GenerationKeeper } from "./generation-keeper.ts";
import type { ManagerHost } from "./manager-host.ts";
import { planRecovery, type Standing } from "./recovery-plan.ts";

const STANDING_METHOD = "recovery.standing";
/** A manager that doesn't answer by then can't be reached. */
const ASK_TIMEOUT_MS: Millis = 2_000;

export interface RecoveryOptions {
  readonly self: NodeId;
  readonly host: ManagerHost;
  readonly generations: GenerationKeeper;
  readonly transport: Pick<PeerTransport, "call" | "handle">;
  readonly gossip: Pick<GossipDriver, "member">;
  /** Where the managers are, as far as this node knows. */
  readonly managers: () => readonly { readonly id: NodeId; readonly address: string }[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Takes a cluster that has lost most of its managers for good up again, on one that is left. */
export class Recovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Answers other managers that make a plan. */
  open(): Disposable {
    const { transport, host, generations } = this.#options;
    return transport.handle(STANDING_METHOD, (from, generation) => {
      if (generation !== generations.number) generations.meet(from);
      const manager = generation === generations.number ? host.serving() : undefined;
      return Promise.resolve(manager === undefined ? null : standingOf(manager));
    });
  }

  /** What a recovery here would do. Errors: `failed_precondition` when this node is no manager. */
  async plan(signal: AbortSignal): Promise<RecoveryPlan> {
    const { self, gossip, clock } = this.#options;
    const manager = this.#manager();
    const { voters, votersOutgoing, learners } = manager.status().membership;
    const others = [...new Set([...voters, ...votersOutgoing, ...learners])].filter((id) => id !== self);
    const answers = new Map<NodeId, Standing>();
    await Promise.all(
      others.map(async (id) => {
        const standing = await this.#ask(id, signal);
        if (standing !== undefined) answers.set(id, standing);
      }),
    );
    return planRecovery({
      self,
      view: manager.view,
      status: manager.status(),
      answers,
      deadSince: (id) => {
        const member = gossip.member(id);
        return member?.state === "dead" ? clock.now() - (clock.monotonic() - member.since) : undefined;
      },
    });
  }

  /**
   * Makes this node the only manager of a new generation of the cluster, with all that it has. Resolves to the plan that
   * was carried out once it leads. Errors: `failed_precondition` when the plan advises against it and `force` isn't set.
   */
  async recover({ force }: { readonly force: boolean }, signal: AbortSignal): Promise<RecoveryPlan> {
    const { host, log } = this.#options;
    const plan = await this.plan(signal);
    if (!plan.advised && !force) throw new ClusterError("failed_precondition", plan.verdict);
    const generation = this.#newGeneration(plan.node.address);
    log.warn("recovering the cluster on this node alone", { index: plan.log.lastIndex, term: plan.log.term });
    // There is no way back from the middle of it, whether the one who asked still waits or not.
    await host.beginAnew(generation, new AbortController().signal);
    await this.#manager().read(signal);
    for (const { id, state } of plan.managers) if (state === "reachable") this.#options.generations.meet(nodeId(id));
    return plan;
  }

  #newGeneration(address: string): Generation {
    const { self, generations, clock, random } = this.#options;
    const cluster = this.#manager().view.cluster();
    if (cluster === undefined) throw new ClusterError("corrupt", "there is no cluster in what this node has");
    const number = nextNumber(clock.now(), generations.number, (bound) => random.below(bound));
    const unsigned = { number, origin: "recover", manager: { id: self, address } } as const;
    return signGeneration(unsigned, { clusterId: cluster.id, by: statementSigner(cluster) });
  }

  /** This node's manager, also one that knows no leader. */
  #manager(): Manager {
    const { host, managers, self } = this.#options;
    const manager = host.serving();
    if (manager !== undefined) return manager;
    const others = managers().flatMap(({ id, address }) => (id === self || address === "" ? [] : [address]));
    const where = others.length === 0 ? "" : `: one of ${others.slice(0, 7).join(", ")}`;
    throw new ClusterError(
      "failed_precondition",
      `this node is no manager and has no copy of the cluster's state; run this on a manager that is left${where}`,
    );
  }

  async #ask(id: NodeId, signal: AbortSignal): Promise<Standing | undefined> {
    const { transport, generations, log } = this.#options;
    try {
      const answer = await transport.call(id, STANDING_METHOD, generations.number, {
        signal,
        timeoutMs: ASK_TIMEOUT_MS,
      });
      return isStanding(answer) ? answer : undefined;
    } catch (error) {
      signal.throwIfAborted();
      log.debug("a manager did not say how far its log reaches", { manager: id, code: codeOf(error) });
      return undefined;
    }
  }
}

function standingOf(manager: Manager): Standing {
  const { lastTerm, lastIndex, recovering } = manager.status();
  return { lastTerm, lastIndex, mayVote: !recovering };
}

const isStanding = (value: unknown): value is Standing =>
  typeof value === "object" &&
  value !== null &&
  "lastTerm" in value &&
  typeof value.lastTerm === "number" &&
  "lastIndex" in value &&
  typeof value.lastIndex === "number" &&
  "mayVote" in value &&
  typeof value.mayVote === "boolean";
