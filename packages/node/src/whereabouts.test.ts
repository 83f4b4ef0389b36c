import { codeOf, ManualClock, nodeId, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { StoredMembership, StoredNode } from "./identity-store.ts";
import { moveTo, presentAddresses, requestedAddresses, type MoveOptions, type ToldAddresses } from "./whereabouts.ts";
import { foundCluster } from "./found-cluster.ts";
import { firstSigner } from "./testing/first-signer.ts";
import { DEFAULT_CLUSTER_SPEC } from "@murmur/model";

const told = (parts: Partial<ToldAddresses> = {}): ToldAddresses => ({
  listenAddr: undefined,
  advertiseAddr: undefined,
  ...parts,
});

describe("where a node is after its daemon was started", () => {
  const anywhere = { listen: "0.0.0.0:7373", address: "10.0.0.1:7373" };
  const bound = { listen: "10.0.0.1:7373", address: "10.0.0.1:7373" };
  const behindNat = { listen: "192.168.0.1:7373", address: "203.0.113.9:17373" };

  it.each([
    ["as before", anywhere, {}, anywhere],
    [
      "at the address that it was told",
      anywhere,
      { advertiseAddr: "10.0.0.2" },
      { ...anywhere, address: "10.0.0.2:7373" },
    ],
    [
      "with the port that it was told",
      anywhere,
      { advertiseAddr: "10.0.0.2:80" },
      { ...anywhere, address: "10.0.0.2:80" },
    ],
    [
      "at both",
      bound,
      { listenAddr: "10.0.0.2:99", advertiseAddr: "10.0.0.3" },
      { listen: "10.0.0.2:99", address: "10.0.0.3:99" },
    ],
    [
      "where it listens, if that was so",
      bound,
      { listenAddr: "10.0.0.2:99" },
      { listen: "10.0.0.2:99", address: "10.0.0.2:99" },
    ],
    ["at another port only", anywhere, { listenAddr: "0.0.0.0:99" }, { listen: "0.0.0.0:99", address: "10.0.0.1:99" }],
    ["as before when it listens everywhere now", bound, { listenAddr: "0.0.0.0:7373" }, anywhere],
    [
      "as before when others see it elsewhere than it listens",
      behindNat,
      { listenAddr: "192.168.0.2:7000" },
      { listen: "192.168.0.2:7000", address: "203.0.113.9:17373" },
    ],
  ])("%s", (_what, stored, said: Partial<ToldAddresses>, expected) => {
    expect(presentAddresses(stored, told(said))).toEqual(expected);
  });
});

describe("where a node listens that comes into a cluster", () => {
  it("is what the request says, else the daemon, else everywhere", () => {
    expect(requestedAddresses({}, told())).toEqual({ listen: "0.0.0.0:7373", advertise: undefined });
    const daemon = told({ listenAddr: "10.0.0.1:1", advertiseAddr: "eth0" });
    expect(requestedAddresses({}, daemon)).toEqual({ listen: "10.0.0.1:1", advertise: "eth0" });
    expect(requestedAddresses({ listenAddr: "10.0.0.1:1", advertiseAddr: "eth0" }, daemon)).toEqual({
      listen: "10.0.0.1:1",
      advertise: "eth0",
    });
    expect(requestedAddresses({ listenAddr: "10.0.0.2:2" }, told()).listen).toBe("10.0.0.2:2");
    expect(requestedAddresses({ listenAddr: "10.0.0.2" }, told()).listen).toBe("10.0.0.2:7373");
  });

  it("can't be said twice in different words", () => {
    const request = { advertiseAddr: "10.0.0.2" };
    expect(() => requestedAddresses(request, told({ advertiseAddr: "10.0.0.1" }))).toThrow(
      "the daemon was started with --advertise-addr 10.0.0.1, which counts at each of its starts: leave --advertise-addr out here, or start the daemon with 10.0.0.2",
    );
  });
});

describe("a node that moves", () => {
  const SELF = nodeId("a".repeat(25));
  const OTHER = nodeId("b".repeat(25));

  async function setup(answer: () => Promise<unknown>, plane: Pick<StoredMembership, "dataPlane"> = {}) {
    const clock = new ManualClock();
    const { identity } = await foundCluster({
      address: "10.0.0.1:7373",
      request: { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC },
      hostname: "host1",
      newId: () => SELF,
      ...firstSigner(clock),
    });
    const peers = [{ id: OTHER, address: "10.0.0.9:7373" }];
    const membership: StoredMembership = { listen: "0.0.0.0:7373", address: "10.0.0.1:7373", peers, ...plane };
    const stored: StoredNode = { identity, membership, generation: undefined };
    const written: StoredMembership[] = [];
    const asked: string[] = [];
    const move = (said: Partial<ToldAddresses>, edge: Partial<MoveOptions["edge"]> = {}) =>
      moveTo(stored, {
        told: told(said),
        identities: { writeMembership: async (value) => void written.push(value) },
        edge: {
          checkListenable: async () => {},
          callMember: () => (address) => {
            asked.push(address);
            return answer();
          },
          ...edge,
        },
        clock,
        log: silentLog,
      });
    return { clock, membership, move, written, asked };
  }
  const nobody = (): Promise<never> => Promise.reject(new Error("the connection was refused"));

  it("has its new address on its disk, beside its peers, before anybody hears of it", async () => {
    const { membership, move, written } = await setup(nobody);
    const now = await move({ advertiseAddr: "10.0.0.2" });
    expect(now).toEqual({ ...membership, address: "10.0.0.2:7373" });
    expect(written).toEqual([now]);
  });

  it("writes and asks nothing when it is where it was", async () => {
    const { membership, move, written, asked } = await setup(nobody);
    expect(await move({ advertiseAddr: "10.0.0.1", listenAddr: "0.0.0.0:7373" })).toEqual(membership);
    expect([written, asked]).toEqual([[], []]);
  });

  it("may find itself there, or somebody who doesn't answer", async () => {
    const itself = await setup(async () => SELF);
    expect(await itself.move({ advertiseAddr: "10.0.0.2" })).toMatchObject({ address: "10.0.0.2:7373" });
    const silent = await setup(() => new Promise(() => {}));
    const moving = silent.move({ advertiseAddr: "10.0.0.2" });
    await silent.clock.advance(5_000);
    expect(await moving).toMatchObject({ address: "10.0.0.2:7373" });
  });

  it("is refused the address at which another node answers", async () => {
    const { move, written } = await setup(async () => OTHER);
    const refusal = await move({ advertiseAddr: "10.0.0.2" }).catch((error: unknown) => error);
    expect(codeOf(refusal)).toBe("already_exists");
    expect(String(refusal)).toContain(`10.0.0.2:7373 is the address of node ${OTHER}, which answers there`);
    expect(written).toEqual([]);
  });

  it("keeps the family of its address in an overlay, whose networks go over one", async () => {
    const overlay = await setup(nobody, { dataPlane: "overlay" });
    await expect(overlay.move({ advertiseAddr: "fd00::2" })).rejects.toThrow(
      "[fd00::2]:7373 is an IPv6 address, and the networks of this cluster go over IPv4: give an IPv4 address with --advertise-addr",
    );
    expect(await overlay.move({ advertiseAddr: "10.0.0.2" })).toMatchObject({ address: "10.0.0.2:7373" });
    const ports = await setup(nobody);
    expect(await ports.move({ advertiseAddr: "fd00::2" })).toMatchObject({ address: "[fd00::2]:7373" });
  });

  it("is refused an address that is none, and a port that can't be opened", async () => {
    const { move, written } = await setup(nobody);
    await expect(move({ advertiseAddr: "nowhere0" })).rejects.toThrow(/neither an IP address nor an interface/);
    const checkListenable = (): Promise<void> => Promise.reject(new Error("the port is in use"));
    await expect(move({ listenAddr: "0.0.0.0:99" }, { checkListenable })).rejects.toThrow("in use");
    expect(written).toEqual([]);
  });
});
