import { codeOf, ManualClock, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { EngineNetwork } from "./ports.ts";
import { SimulatedRuntime } from "./simulated-runtime.ts";

const NEVER = { signal: new AbortController().signal };
const FRONT: EngineNetwork = {
  name: "front",
  labels: { cluster: "c1" },
  bridge: "mmfront",
  ipv4: { subnet: "10.1.0.0/24", gateway: "10.1.0.8", range: "10.1.0.8/30", auxiliary: { router: "10.1.0.9" } },
  ipv6: { subnet: "fd00::/120", gateway: "fd00::1", range: "fd00::80/126" },
  mtu: 1_450,
  internal: false,
};

async function engine(): Promise<SimulatedRuntime> {
  const runtime = new SimulatedRuntime({ clock: new ManualClock(), random: new SeededRandom(1) });
  await runtime.ensureNetwork(FRONT, NEVER);
  return runtime;
}

describe("containers that somebody runs by hand", () => {
  it("get the lowest free addresses of the range, and give them back", async () => {
    const runtime = await engine();
    expect(runtime.runGuest("a", "front")).toMatchObject({ ipv4: "10.1.0.10", ipv6: "fd00::80" });
    expect(runtime.runGuest("b", "front")).toMatchObject({ ipv4: "10.1.0.11", ipv6: "fd00::81" });
    const codeOfRun = (): string | undefined => {
      try {
        return void runtime.runGuest("c", "front");
      } catch (error) {
        return codeOf(error);
      }
    };
    expect(codeOfRun()).toBe("overloaded");
    runtime.removeGuest("a");
    expect(runtime.runGuest("c", "front").ipv4).toBe("10.1.0.10");
    expect(runtime.runGuest("b", "front").ipv4).toBe("10.1.0.11");
  });

  it("are told by their networks' labels, until they are gone", async () => {
    const runtime = await engine();
    runtime.runGuest("a", "front", ["cache"]);
    const guest = { network: "front", names: ["a", "cache"], ipv4: "10.1.0.10", ipv6: "fd00::80" };
    expect(await runtime.guests({ cluster: "c1" }, NEVER)).toEqual([guest]);
    expect(await runtime.guests({ cluster: "c2" }, NEVER)).toEqual([]);
    const events = (await runtime.guestEvents(NEVER))[Symbol.asyncIterator]();
    await runtime.evict("front", NEVER);
    expect(await events.next()).toMatchObject({ done: false });
    expect(await runtime.guests({ cluster: "c1" }, NEVER)).toEqual([]);
    runtime.runGuest("a", "front");
    runtime.shutDown();
    expect(await events.next()).toMatchObject({ done: false });
    expect(await events.next()).toMatchObject({ done: true });
    runtime.boot();
    expect(runtime.guestsByHand()).toEqual([]);
  });

  it("keep their network from being removed or changed", async () => {
    const runtime = await engine();
    runtime.runGuest("a", "front");
    await expect(runtime.removeNetwork("front", NEVER).catch(codeOf)).resolves.toBe("failed_precondition");
    await expect(runtime.ensureNetwork({ ...FRONT, mtu: 1_400 }, NEVER).catch(codeOf)).resolves.toBe("in_use");
    runtime.removeGuest("a");
    await expect(runtime.removeNetwork("front", NEVER)).resolves.toBeUndefined();
  });
});
