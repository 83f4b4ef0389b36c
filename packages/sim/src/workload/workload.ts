import type { Cluster } from "@murmur/api";
import type { Millis, Random } from "@murmur/base";
import { logBetween, oneOf } from "../faults/fault.ts";
import { checkNodes, checkServices } from "../history/check-api.ts";
import { HistoryRecorder } from "../history/history.ts";
import type { NodeInput, NodeOutput } from "../history/node-model.ts";
import { ReadOrder } from "../history/read-order.ts";
import type { ServiceInput, ServiceOutput } from "../history/service-model.ts";
import { randomFor, type World } from "../world/world.ts";
import { Client } from "./client.ts";
import { Departures } from "./departures.ts";
import { Guests } from "./guests.ts";
import { NameClients } from "./name-clients.ts";
import { Networks } from "./networks.ts";
import { Payloads } from "./payloads.ts";
import { Rebalancing } from "./rebalancing.ts";
import { Watchers } from "./watchers.ts";

const OPERATIONS_MAX = 20_000;
/** Between two tries to get an answer at the end. */
const RETRY_MS: Millis = 500;

/** Clients who keep a cluster busy, and what they were told. */
export class Workload {
  readonly #world: World;
  readonly #random: Random;
  readonly #clients: readonly Client[];
  readonly #services: HistoryRecorder<ServiceInput, ServiceOutput>;
  readonly #nodes: HistoryRecorder<NodeInput, NodeOutput>;
  readonly #reads: ReadOrder;
  readonly #watchers = new Watchers();
  readonly #departures: Departures;
  readonly #networks: Networks;
  readonly #nameClients: NameClients;
  readonly #guests: Guests;
  readonly #payloads: Payloads;
  readonly #rebalancing: Rebalancing;
  #running: readonly Promise<void>[] = [];
  #over = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "workload");
    const limits = { limit: OPERATIONS_MAX, now: (): Millis => world.queue.now };
    const services = new HistoryRecorder<ServiceInput, ServiceOutput>(limits);
    const nodes = new HistoryRecorder<NodeInput, NodeOutput>(limits);
    this.#services = services;
    this.#nodes = nodes;
    const reads = new ReadOrder(() => world.queue.now);
    this.#reads = reads;
    const networks = new Networks(world);
    this.#networks = networks;
    const payloads = new Payloads(world);
    this.#payloads = payloads;
    this.#nameClients = new NameClients(world);
    this.#guests = new Guests(world);
    this.#rebalancing = new Rebalancing(world);
    this.#clients = Array.from({ length: 2 + this.#random.below(5) }, (_, at) => {
      const name = `client${String(at + 1)}`;
      return new Client({
        name,
        world,
        random: randomFor(world.seed, name),
        services,
        nodes,
        reads,
        networks,
        payloads,
      });
    });
    world.observers.push(this.#watchers);
    this.#departures = new Departures(world);
  }

  start(): void {
    const meanMs = logBetween(this.#random, 400, 10_000);
    this.#running = this.#clients.map((client) => this.#keepBusy(client, meanMs));
    const isOver = (): boolean => this.#over;
    const others = [
      this.#handOver(),
      this.#rebalancing.keepGoing(isOver),
      this.#departures.keepGoing(isOver),
      this.#networks.keepGoing(isOver),
      this.#nameClients.keepGoing(isOver),
      this.#guests.keepGoing(isOver),
      this.#payloads.keepGoing(isOver),
    ];
    for (const work of [...this.#running, ...others]) this.#world.background(work);
  }

  /** Nothing new is begun. */
  stop(): void {
    this.#over = true;
  }

  /** Once the cluster answers again: lets all that was begun end, and makes all nodes active. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    await this.#insist((client, cluster) => client.activateAll(cluster));
  }

  /** The last thing that is asked: whatever was acknowledged must be there. */
  async readOnceMore(): Promise<void> {
    await this.#insist(async (client, cluster) => (await client.list(cluster)) !== undefined);
  }

  /** What was done that should have been refused, now that all is well. */
  unrefused(): Promise<readonly string[]> {
    return this.#networks.problems();
  }

  async #insist(act: (client: Client, cluster: Cluster) => Promise<boolean>): Promise<void> {
    const [client] = this.#clients;
    for (let done = false; !done;) {
      const cluster = this.#world.leader?.member?.cluster();
      done = client !== undefined && cluster !== undefined && (await act(client, cluster));
      if (!done) await this.#pause(RETRY_MS);
    }
  }

  /** What the histories break of what the API promises. */
  problems(): readonly string[] {
    const verdicts = [
      checkServices(this.#services.history()),
      checkNodes(this.#departures.without(this.#nodes.history())),
    ];
    return [
      ...verdicts.flatMap((verdict) => (verdict.kind === "ok" ? [] : [`${verdict.kind}: ${verdict.explanation}`])),
      ...this.#reads.problems(),
      ...this.#watchers.problems(),
    ];
  }

  get operations(): number {
    return this.#services.size + this.#nodes.size;
  }

  async #keepBusy(client: Client, meanMs: Millis): Promise<void> {
    while (!this.#over) {
      await client.act();
      await this.#pause(-Math.log(1 - this.#random.next()) * meanMs);
    }
  }

  /** Now and then somebody makes a leader hand over. */
  async #handOver(): Promise<void> {
    while (!this.#over) {
      await this.#pause(logBetween(this.#random, 5_000, 60_000));
      const leader = this.#over ? undefined : oneOf([this.#world.leader], this.#random);
      // Its process may die over it, and then this never ends.
      leader?.manager?.handOver(new AbortController().signal).catch(() => {});
    }
  }

  #pause(forMs: Millis): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.setTimer(forMs, resolve));
  }
}
