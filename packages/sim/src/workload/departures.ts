import { codeOf, type Millis, type Random } from "@murmur/base";
import { leftInKernel } from "../checks/unmet-kernels.ts";
import { chance, logBetween, oneOf } from "../faults/fault.ts";
import type { Operation } from "../history/history.ts";
import type { NodeInput, NodeOutput } from "../history/node-model.ts";
import type { Host } from "../world/host.ts";
import { randomFor, type World } from "../world/world.ts";

/** Before a host that nobody lets in asks again. */
const JOIN_RETRY_MS: Millis = 2_000;

/** Nodes leave by their own wish, as on `murmur cluster leave`, and their hosts join anew. In half of the seeds. */
export class Departures {
  readonly #world: World;
  readonly #random: Random;
  readonly #left = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "departures");
  }

  /** Sends hosts away until it is over. Who is away by then joins all the same. */
  async keepGoing(isOver: () => boolean): Promise<void> {
    if (chance(this.#random, 0.5)) return;
    for (;;) {
      await this.#pause(logBetween(this.#random, 3_000, 60_000));
      if (isOver()) return;
      const host = oneOf(this.#world.running, this.#random);
      // Its process may die over it, and then nothing comes of it.
      if (host?.life?.process.paused === false) this.#world.background(this.#goAndComeBack(host));
    }
  }

  /** A history without the nodes that have left, or tried to: that changes their records, and no client has asked for it. */
  without(history: readonly Operation<NodeInput, NodeOutput>[]): readonly Operation<NodeInput, NodeOutput>[] {
    const stays = ({ id }: { readonly id: string }): boolean => !this.#left.has(id);
    return history
      .filter(({ input }) => input.kind === "list" || stays(input))
      .map((operation) => {
        const { ending } = operation;
        if (ending.kind !== "returned" || ending.output.kind !== "nodes") return operation;
        return {
          ...operation,
          ending: { ...ending, output: { kind: "nodes", nodes: ending.output.nodes.filter(stays) } },
        };
      });
  }

  async #goAndComeBack(host: Host): Promise<void> {
    const { life, member } = host;
    if (life === undefined || member === undefined) return;
    const { nodeId } = member.identity;
    this.#left.add(nodeId);
    this.#say(`${host.name} leaves the cluster`);
    const isOutside = (): boolean => life.node.control.status().state === "outside";
    let left: readonly string[] = [];
    const begunAt = this.#world.queue.now;
    try {
      await life.node.control.leave({ force: false }, new AbortController().signal);
      this.#say(`${host.name} has left`);
      // What the kernel refuses to remove stays, and is logged.
      const isWell = host.life === life && host.kernel.isWellSince(begunAt);
      left = isWell ? leftInKernel(host, nodeId) : [];
    } catch (error) {
      this.#say(`${host.name} could not leave: ${codeOf(error)}`);
      // Where only the answer was lost, the cluster has let it go, and it hears of that later.
      while (host.life === life && !isOutside()) await this.#pause(JOIN_RETRY_MS);
    }
    if (left.length > 0) throw new Error(`${host.name} has left its cluster, and ${left.join("; ")}`);
    await this.#pause(logBetween(this.#random, 10, 20_000));
    // Whoever was restarted meanwhile joins without this.
    while (host.life === life && isOutside()) {
      if (!life.process.paused && this.#world.joinToken() !== undefined)
        await this.#world
          .join(host)
          .catch((error: unknown) => this.#say(`${host.name} was not let in: ${codeOf(error)}`));
      await this.#pause(JOIN_RETRY_MS);
    }
  }

  #say(what: string): void {
    this.#world.tell((observer) => observer.happened?.(what));
  }

  #pause(forMs: Millis): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.setTimer(forMs, resolve));
  }
}
