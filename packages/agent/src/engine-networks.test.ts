import { codeOf, ManualClock } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { EngineNetworks } from "./engine-networks.ts";
import type { EngineNetwork } from "./ports.ts";

const NETWORK: EngineNetwork = {
  name: "murmur.a",
  labels: {},
  bridge: "mma",
  ipv4: { subnet: "10.64.1.0/24", gateway: "10.64.1.1", range: "10.64.1.1/32" },
  mtu: 1450,
  internal: false,
};
const NEVER = new AbortController().signal;

/** An engine that does one thing after the other, when the test lets it. */
class SlowEngine {
  readonly calls: string[] = [];
  readonly #waiting: (() => void)[] = [];

  ensureNetwork({ name, mtu }: EngineNetwork): Promise<void> {
    return this.#do(`ensure ${name} ${String(mtu)}`);
  }
  removeNetwork(name: string): Promise<void> {
    return this.#do(`remove ${name}`);
  }
  networks(): Promise<readonly string[]> {
    return Promise.resolve(["murmur.a"]);
  }
  /** The first call that is under way ends. */
  async answer(): Promise<void> {
    this.#waiting.shift()?.();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
  #do(what: string): Promise<void> {
    this.calls.push(what);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const begin = (changes = 16) => {
  const engine = new SlowEngine();
  const clock = new ManualClock();
  return { engine, clock, networks: new EngineNetworks(engine, clock, { changes, longMs: 60_000 }) };
};
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe("the engine's networks", () => {
  it("are asked for once by all who want the same at the same time", async () => {
    const { engine, networks } = begin();
    const all = Promise.all([1, 2, 3].map(() => networks.ensureNetwork({ ...NETWORK }, { signal: NEVER })));
    await turns();
    await engine.answer();
    await all;
    expect(engine.calls).toEqual(["ensure murmur.a 1450"]);
    const later = networks.ensureNetwork(NETWORK, { signal: NEVER });
    await turns();
    await engine.answer();
    await later;
    expect(engine.calls).toHaveLength(2);
  });

  it("are changed one after the other, and made again after a removal that was asked for before", async () => {
    const { engine, networks } = begin();
    const options = { signal: NEVER };
    const all = [
      networks.ensureNetwork(NETWORK, options),
      networks.removeNetwork(NETWORK.name, options),
      networks.ensureNetwork(NETWORK, options),
      networks.ensureNetwork({ ...NETWORK, mtu: 1400 }, options),
    ];
    for (let count = 1; count <= all.length; count += 1) {
      await turns();
      expect(engine.calls).toHaveLength(count);
      await engine.answer();
    }
    await Promise.all(all);
    expect(engine.calls).toEqual([
      "ensure murmur.a 1450",
      "remove murmur.a",
      "ensure murmur.a 1450",
      "ensure murmur.a 1400",
    ]);
  });

  it("take no more calls at once than the limit, whatever their number", async () => {
    const { engine, networks } = begin(2);
    const names = ["a", "b", "c", "d"];
    const all = Promise.all(names.map((name) => networks.ensureNetwork({ ...NETWORK, name }, { signal: NEVER })));
    await turns();
    expect(engine.calls).toHaveLength(2);
    for (let count = 0; count < names.length; count += 1) await engine.answer();
    await all;
    expect(engine.calls).toHaveLength(4);
  });

  it("aren't waited for by one who has left, nor without end", async () => {
    const { clock, networks } = begin();
    const abort = new AbortController();
    const left = networks.ensureNetwork(NETWORK, { signal: abort.signal });
    const stays = networks.ensureNetwork(NETWORK, { signal: NEVER }).catch(codeOf);
    abort.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await clock.advance(60_000);
    await expect(stays).resolves.toBe("unavailable");
    expect(clock.pending).toBe(0);
  });

  it("are given up when nobody waits for them, and the next one begins anew", async () => {
    const { engine, clock, networks } = begin();
    const abort = new AbortController();
    const left = networks.ensureNetwork(NETWORK, { signal: abort.signal }).catch(() => "left");
    await turns();
    abort.abort(new Error("left"));
    await left;
    expect(clock.pending).toBe(0);
    void networks.ensureNetwork(NETWORK, { signal: NEVER }).catch(() => undefined);
    await turns();
    expect(engine.calls).toHaveLength(2);
  });
});
