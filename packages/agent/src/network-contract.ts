import { describe, expect, it } from "vitest";
import { NEVER, refusal, using } from "./contract-fixture.ts";
import type { ContainerNetwork, ContainerRequest, EngineNetwork, NetworkRuntime, Runtime } from "./ports.ts";

/** One engine under test, with means to make requests for it. */
export interface NetworkFixture {
  readonly runtime: Runtime & NetworkRuntime;
  /** Carried by every network of this fixture. */
  readonly labels: Readonly<Record<string, string>>;
  /** A network of its own for each number, with room for many addresses; `.1` is its gateway. */
  readonly network: (number: number) => EngineNetwork;
  /** A place in it: `HOST` is the last part of its address. */
  readonly place: (network: EngineNetwork, host: number) => ContainerNetwork;
  /** A request for a new task whose process runs until it is killed. */
  readonly request: (attached: readonly ContainerNetwork[]) => ContainerRequest;
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every engine with networks does, real or simulated. */
export function networkContract(name: string, open: () => Promise<NetworkFixture>): void {
  describe(`${name} has networks`, () => {
    it("makes one once, finds it by its labels, and removes it", () =>
      using(open, async ({ runtime, labels, network }) => {
        expect(await runtime.networks(labels, NEVER)).toEqual([]);
        await runtime.ensureNetwork(network(1), NEVER);
        await runtime.ensureNetwork(network(2), NEVER);
        await runtime.ensureNetwork(network(1), NEVER);
        expect((await runtime.networks(labels, NEVER)).toSorted()).toEqual([network(1).name, network(2).name]);
        await runtime.removeNetwork(network(1).name, NEVER);
        await runtime.removeNetwork(network(1).name, NEVER);
        expect(await runtime.networks(labels, NEVER)).toEqual([network(2).name]);
        expect(await runtime.networks({ ...labels, other: "1" }, NEVER)).toEqual([]);
      }));

    it("makes one anew that is to be otherwise", () =>
      using(open, async ({ runtime, labels, network }) => {
        await runtime.ensureNetwork(network(1), NEVER);
        const other = { ...network(1), labels: { ...labels, generation: "2" } };
        await runtime.ensureNetwork(other, NEVER);
        expect(await runtime.networks({ ...labels, generation: "2" }, NEVER)).toEqual([other.name]);
        expect(await runtime.networks(labels, NEVER)).toEqual([other.name]);
      }));

    it("leaves one alone while a process is in it", () =>
      using(open, async ({ runtime, network, place, request }) => {
        const one = network(1);
        await runtime.ensureNetwork(one, NEVER);
        const id = await runtime.create(request([place(one, 7)]), NEVER);
        await runtime.start(id, NEVER);
        await expect(refusal(runtime.removeNetwork(one.name, NEVER))).resolves.toBe("failed_precondition");
        const other = { ...one, mtu: one.mtu - 10 };
        await expect(refusal(runtime.ensureNetwork(other, NEVER))).resolves.toBe("in_use");
        await runtime.ensureNetwork(one, NEVER);
        await runtime.remove(id, NEVER);
        await runtime.ensureNetwork(other, NEVER);
      }));

    it("refuses two bridges for one subnet", () =>
      using(open, async ({ runtime, network }) => {
        await runtime.ensureNetwork(network(1), NEVER);
        const other = { ...network(2), ipv4: network(1).ipv4 };
        await expect(refusal(runtime.ensureNetwork(other, NEVER))).resolves.toBe("failed_precondition");
      }));

    it("gives a process a network namespace, and another one the next time", () =>
      using(open, async (fixture) => {
        const { runtime, network, place, request } = fixture;
        const networks = [network(1), network(2)];
        for (const one of networks) await runtime.ensureNetwork(one, NEVER);
        const id = await runtime.create(request(networks.map((one) => place(one, 7))), NEVER);
        expect(await runtime.inspect(id, NEVER)).not.toHaveProperty("netns");
        expect(await runtime.inspect(id, NEVER)).not.toHaveProperty("incomplete");
        await runtime.start(id, NEVER);
        const { netns, pid, run } = await runtime.inspect(id, NEVER);
        expect(netns).toMatch(/^\/.+/);
        await runtime.kill(id, "SIGKILL", NEVER);
        await until(fixture, async () => (await runtime.inspect(id, NEVER)).state === "exited");
        expect(await runtime.inspect(id, NEVER)).not.toHaveProperty("netns");
        await runtime.start(id, NEVER);
        const again = await runtime.inspect(id, NEVER);
        expect(again.netns).not.toBe(netns);
        expect(again.pid).not.toBe(pid);
        expect(again.run).not.toBe(run);
      }));

    it("lets no process have the address of another one", () =>
      using(open, async ({ runtime, network, place, request }) => {
        const networks = [network(1), network(2)];
        for (const one of networks) await runtime.ensureNetwork(one, NEVER);
        const places = networks.map((one) => place(one, 7));
        const first = await runtime.create(request(places), NEVER);
        const second = await runtime.create(request(places.slice(1)), NEVER);
        await runtime.start(first, NEVER);
        await expect(refusal(runtime.start(second, NEVER))).resolves.toBe("in_use");
        expect(await runtime.inspect(second, NEVER)).toMatchObject({ state: "created", pid: 0 });
        await runtime.remove(first, NEVER);
        await runtime.start(second, NEVER);
        expect(await runtime.inspect(second, NEVER)).toMatchObject({ state: "running" });
      }));
  });
}

async function until(fixture: NetworkFixture, holds: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 1_500; turns += 1) {
    if (await holds()) return;
    await fixture.pass(20);
  }
  throw new Error(`waited in vain for half a minute until ${String(holds)}`);
}
