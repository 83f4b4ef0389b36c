import { ManualClock, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { MemoryNetwork } from "./memory-network.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { IDS, NAMES, watch, type Name, type OpenChanges, type TestWorld } from "./test-world.ts";

/** The contract's world on the simulated network, in simulated time. */
export class MemoryTestWorld implements TestWorld {
  readonly clock = new ManualClock();
  readonly network: MemoryNetwork;
  readonly #addresses = new Map<NodeId, string>(NAMES.map((name) => [IDS[name], addressOf(name)]));
  readonly #open: PeerTransport[] = [];

  constructor(seed = 1) {
    this.network = new MemoryNetwork({ clock: this.clock, random: new SeededRandom(seed) });
  }

  async open(name: Name, changes: OpenChanges = {}): Promise<PeerTransport> {
    const transport = this.network.openPeerTransport({
      nodeId: IDS[name],
      address: addressOf(name),
      addressOf: (id) => this.#addresses.get(id),
      log: silentLog,
      ...changes,
    });
    this.#open.push(transport);
    return transport;
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    const watched = watch(promise);
    await this.until(() => watched.settled);
    return promise;
  }

  async until(condition: () => boolean): Promise<void> {
    for (let passed = 0; passed < 60_000; passed += 1) {
      if (condition()) return;
      await this.clock.advance(1);
    }
    throw new Error("a minute has passed, and it has not happened");
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  move(name: Name, toAddressOf: Name): void {
    this.#addresses.set(IDS[name], addressOf(toAddressOf));
  }

  reset(name: Name): void {
    this.network.reset(addressOf(name));
  }

  kill(name: Name, what: "process" | "host"): void {
    this.network.kill(addressOf(name), what);
  }

  cut(a: Name, b: Name): void {
    this.network.cut(addressOf(a), addressOf(b));
  }

  heal(a: Name, b: Name): void {
    this.network.heal(addressOf(a), addressOf(b));
  }

  join(to: Name, method: string, body: unknown): Promise<unknown> {
    return this.network.joinCall("newcomer:7373", addressOf(to), { method, body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settle(Promise.all(this.#open.map((transport) => transport[Symbol.asyncDispose]())));
  }
}

const addressOf = (name: Name): string => `${name}:7373`;
