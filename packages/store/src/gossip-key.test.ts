import { DEFAULT_CLUSTER_SPEC, GOSSIP_KEY_REST_MS, GOSSIP_KEY_ROTATION_MS, type Cluster } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Driver, node } from "./fixtures.ts";
import type { ApplyResult } from "./result.ts";

/** A cluster whose keys are named for what they are: `gossip` is the first, `key1` is called `1`. */
class Keyed {
  readonly driver = new Driver().cluster();
  now = 1_000;

  constructor(...ids: readonly string[]) {
    this.driver.nodes(...ids);
    for (const id of ids) this.hears(id);
  }

  get cluster(): Cluster {
    return this.driver.store.view.cluster() ?? expect.fail("there is a cluster");
  }
  get keys(): readonly string[] {
    return this.cluster.secrets.gossipKeys;
  }

  #apply(command: Parameters<Driver["store"]["apply"]>[1]): ApplyResult {
    this.driver.index += 1;
    return this.driver.store.apply(this.driver.index, command);
  }

  /** A node has the keys that the record has now, and says so. */
  hears(id: string): void {
    const gossipKeys = this.keys.map(nameOf);
    const certificate = { issuer: "AA:0", trusts: ["AA:0"], gossipKeys };
    this.#apply({ kind: "describeNode", id: node(id), certificate, now: this.now });
  }

  has(id: string): readonly string[] {
    return this.driver.store.view.node(node(id))?.certificate?.gossipKeys ?? [];
  }

  rotates(number: number, ifDue?: boolean): ApplyResult {
    const next = { name: String(number), key: `key${String(number)}` };
    return this.#apply({ kind: "rotateGossipKey", next, ...(ifDue === true && { ifDue }), now: this.now });
  }

  advances(): ApplyResult {
    const { name, phase } = this.cluster.gossipKey?.rotation ?? { name: "0", phase: "install" };
    return this.#apply({ kind: "advanceGossipKey", name, phase, now: this.now });
  }
}

const nameOf = (key: string): string => (key === "gossip" ? "0" : key.slice("key".length));

describe("a rotation of the gossip key", () => {
  it("goes on when all nodes that are up are ready, and no sooner", () => {
    const keyed = new Keyed("n1", "n2", "n3");
    keyed.driver.nodeIs("n3", "down");
    expect(keyed.rotates(1).ok).toBe(true);
    expect(keyed.keys).toEqual(["gossip", "key1"]);
    expect(keyed.rotates(2)).toMatchObject({ ok: false, code: "failed_precondition", message: /rotated already/ });
    keyed.hears("n1");
    keyed.hears("n2");
    expect(keyed.advances()).toMatchObject({ ok: false, message: /on its way/ });
    keyed.now += GOSSIP_KEY_REST_MS;
    expect(keyed.advances().ok).toBe(true);
    expect(keyed.keys).toEqual(["key1", "gossip"]);
    keyed.now += GOSSIP_KEY_REST_MS;
    keyed.hears("n1");
    expect(keyed.advances()).toMatchObject({ ok: false, message: /n2 hasn't got the gossip key/ });
    // One that comes back is waited for from then on.
    keyed.driver.nodeIs("n3", "ready");
    keyed.hears("n2");
    expect(keyed.advances()).toMatchObject({ ok: false, message: /n3/ });
    keyed.hears("n3");
    expect(keyed.advances().ok).toBe(true);
    expect(keyed.keys).toEqual(["key1"]);
    expect(keyed.cluster.gossipKey).toEqual({ since: keyed.now });
  });

  it("begins by itself when it is due, and not where that is turned off", () => {
    const keyed = new Keyed("n1");
    keyed.now = GOSSIP_KEY_ROTATION_MS;
    expect(keyed.rotates(1, true)).toMatchObject({ ok: false, code: "out_of_date" });
    keyed.now += 1_000;
    const turn = (gossipKeyRotationMs: number): ApplyResult => {
      const spec = { ...DEFAULT_CLUSTER_SPEC, gossipKeyRotationMs };
      return keyed.driver.try({ kind: "updateCluster", version: keyed.cluster.version, spec });
    };
    expect(turn(0).ok).toBe(true);
    expect(keyed.rotates(1, true)).toMatchObject({ ok: false, code: "out_of_date" });
    expect(turn(GOSSIP_KEY_ROTATION_MS).ok).toBe(true);
    expect(keyed.rotates(1, true).ok).toBe(true);
    // Of two leaders that found it due one is late.
    expect(keyed.rotates(2, true)).toMatchObject({ ok: false, code: "out_of_date" });
  });

  it("never lets a node that is up seal with what another one doesn't open", () => {
    const ids = ["n1", "n2", "n3"];
    const kinds = ["hears", "advances", "rotates", "downs", "ups"] as const;
    const action = fc.record({ kind: fc.constantFrom(...kinds), id: fc.constantFrom(...ids) });
    const run = (actions: readonly { readonly kind: (typeof kinds)[number]; readonly id: string }[]): void => {
      const keyed = new Keyed(...ids);
      const down = new Set<string>();
      actions.forEach(({ kind, id }, at) => {
        keyed.now += GOSSIP_KEY_REST_MS;
        if (kind === "advances") keyed.advances();
        else if (kind === "rotates") keyed.rotates(at + 1);
        else if (kind === "downs") {
          down.add(id);
          keyed.driver.nodeIs(id, "down");
        } else if (down.delete(id)) {
          // Its session tells it the keys.
          keyed.driver.nodeIs(id, "ready");
          keyed.hears(id);
        } else if (kind === "hears") keyed.hears(id);
        const up = ids.filter((other) => !down.has(other));
        for (const sender of up) for (const other of up) expect(keyed.has(other)).toContain(keyed.has(sender)[0]);
      });
    };
    fc.assert(fc.property(fc.array(action, { maxLength: 80 }), run), { numRuns: 300 });
  });
});
