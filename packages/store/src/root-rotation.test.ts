import { nodeId } from "@murmur/base";
import {
  DEFAULT_CLUSTER_SPEC,
  REPLACED_ROOTS_MAX,
  trustedRoots,
  type Cluster,
  type ExternalCa,
  type NextRoot,
} from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Driver, node } from "./fixtures.ts";

/** Roots that are named for a number: `caPem` of the first cluster is "ca". */
const next = (number: number): NextRoot => ({
  root: `AA:${String(number)}`,
  caPem: `root ${String(number)}`,
  crossPem: `root ${String(number)} by another`,
  caKeyPem: `key ${String(number)}`,
  joinSecret: `secret-${String(number)}`,
  roleSecrets: { worker: `worker-${String(number)}`, manager: `manager-${String(number)}` },
});
const nameOf = (pem: string): string => (pem === "ca" ? "AA:0" : `AA:${pem.slice("root ".length)}`);

class Rotating {
  readonly driver = new Driver().cluster();

  constructor(...ids: readonly string[]) {
    for (const id of ids) this.joins(id);
  }

  get cluster(): Cluster {
    return this.driver.store.view.cluster() ?? expect.fail("there is a cluster");
  }

  joins(id: string) {
    const { joinSecret } = this.cluster.secrets;
    const named = { id: nodeId(id), address: `${id}:7373`, keyDigest: id, hostname: id, labels: {} };
    return this.driver.try({ kind: "createNode", ...named, joinSecret, availability: "active" });
  }

  rotates(number: number) {
    const { version } = this.cluster;
    const nextRoot = next(number);
    return this.driver.try({ kind: "updateCluster", version, spec: DEFAULT_CLUSTER_SPEC, nextRoot });
  }

  /** A node has what the record says that it is to have. */
  follows(id: string): void {
    const { caPem, rotation } = this.cluster;
    const known = this.driver.store.view.node(node(id))?.certificate?.issuer;
    const signing = rotation?.phase === "renew" ? rotation.caPem : caPem;
    const issuer = rotation?.phase === "trust" ? (known ?? nameOf(signing)) : nameOf(signing);
    const certificate = { issuer, trusts: trustedRoots(this.cluster).map(nameOf) };
    this.driver.do({ kind: "describeNode", id: node(id), certificate });
  }

  advances() {
    const { root = "AA:0", phase = "trust" } = this.cluster.rotation ?? {};
    return this.driver.try({ kind: "advanceRotation", root, phase });
  }
}

describe("a rotation of the root", () => {
  it("goes on when all nodes are ready, and gives the cluster another root, key and tokens", () => {
    const rotating = new Rotating("n1", "n2");
    expect(rotating.rotates(1).ok).toBe(true);
    expect(rotating.cluster).toMatchObject({ caPem: "ca", rotation: { phase: "trust", caPem: "root 1" } });
    rotating.follows("n1");
    expect(rotating.advances()).toMatchObject({ ok: false, code: "failed_precondition", message: /n2/ });
    rotating.follows("n2");
    expect(rotating.advances().ok).toBe(true);
    expect(rotating.cluster.rotation?.phase).toBe("renew");
    expect(rotating.cluster.secrets).toMatchObject({ caKeyPem: "key", joinSecret: "secret" });
    rotating.follows("n1");
    // One that joins now holds it up, too, until it has said what it has.
    expect(rotating.joins("n3").ok).toBe(true);
    rotating.follows("n2");
    expect(rotating.advances().ok).toBe(false);
    rotating.follows("n3");
    expect(rotating.advances().ok).toBe(true);
    expect(rotating.cluster.rotation).toBeUndefined();
    expect(rotating.cluster.caPem).toBe("root 1");
    const { caKeyPem, joinSecret, roleSecrets } = next(1);
    expect(rotating.cluster.secrets).toEqual({ caKeyPem, joinSecret, roleSecrets, gossipKeys: ["gossip"] });
  });

  it("lets nobody in whose certificate was signed before its end, and asked for after it", () => {
    const rotating = new Rotating();
    const { joinSecret } = rotating.cluster.secrets;
    rotating.rotates(1);
    rotating.advances();
    rotating.advances();
    const named = { id: nodeId("n1"), address: "n1:7373", keyDigest: "n1", hostname: "n1", labels: {} };
    const late = { kind: "createNode", ...named, joinSecret, availability: "active" } as const;
    expect(rotating.driver.try(late)).toMatchObject({ ok: false, code: "unauthenticated" });
  });

  it("takes each step once, and only that of the rotation that was meant", () => {
    const rotating = new Rotating("n1");
    const step = { kind: "advanceRotation", root: "AA:1", phase: "trust" } as const;
    expect(rotating.driver.try(step)).toMatchObject({ ok: false, code: "out_of_date" });
    rotating.rotates(1);
    rotating.follows("n1");
    expect(rotating.driver.try({ ...step, root: "AA:2" })).toMatchObject({ ok: false, code: "out_of_date" });
    expect(rotating.driver.try(step).ok).toBe(true);
    expect(rotating.driver.try(step)).toMatchObject({ ok: false, code: "out_of_date" });
  });

  it("waits for a node whose statement another root has signed", () => {
    const rotating = new Rotating("n1");
    rotating.rotates(1);
    rotating.follows("n1");
    rotating.advances();
    const certificate = { issuer: "AA:1", trusts: ["AA:0", "AA:1"], statement: "AA:0" };
    rotating.driver.do({ kind: "describeNode", id: node("n1"), certificate });
    expect(rotating.advances()).toMatchObject({ ok: false, code: "failed_precondition" });
    rotating.driver.do({ kind: "describeNode", id: node("n1"), certificate: { ...certificate, statement: "AA:1" } });
    expect(rotating.advances().ok).toBe(true);
  });

  it("to a root whose key an external CA keeps needs that one, until it is given up", () => {
    const rotating = new Rotating("n1");
    const { caKeyPem: _key, ...rest } = next(1);
    const statement = { certificatePem: "statement", keyPem: "statement key" };
    const outside = { ...rest, statement };
    const unnamed = { protocol: "cfssl", url: "https://unnamed" } as const;
    const named = { protocol: "cfssl", url: "https://named", caPem: "root  1\n" } as const;
    const update = (externalCas: readonly ExternalCa[], nextRoot?: NextRoot) => {
      const { version } = rotating.cluster;
      const spec = { ...DEFAULT_CLUSTER_SPEC, externalCas };
      const wish = nextRoot === undefined ? {} : { nextRoot };
      return rotating.driver.try({ kind: "updateCluster", version, spec, ...wish });
    };
    const desired = { ok: false, code: "failed_precondition", message: /corresponding to the desired CA/ };
    expect(update([unnamed], outside)).toMatchObject(desired);
    expect(update([unnamed, named], outside).ok).toBe(true);
    expect(update([unnamed])).toMatchObject(desired);
    for (const phase of ["trust", "renew"] as const) {
      expect(rotating.cluster.rotation?.phase).toBe(phase);
      rotating.follows("n1");
      expect(rotating.advances().ok).toBe(true);
    }
    expect(rotating.cluster.secrets).toEqual({
      statement,
      joinSecret: rest.joinSecret,
      roleSecrets: rest.roleSecrets,
      gossipKeys: ["gossip"],
    });
    // What named no root meant the one that was the present one then.
    expect(rotating.cluster.spec.externalCas).toEqual([{ ...unnamed, caPem: "ca" }, named]);
    expect(update([])).toMatchObject({ ok: false, message: /corresponding to the current CA/ });
    expect(update([named]).ok).toBe(true);
    const { crossPem: _cross, ...back } = next(2);
    expect(update([named], back).ok).toBe(true);
    for (const _phase of ["trust", "renew"]) {
      rotating.follows("n1");
      rotating.advances();
    }
    expect(rotating.cluster.secrets).toMatchObject({ caKeyPem: "key 2" });
    expect(rotating.cluster.secrets.statement).toBeUndefined();
    expect(update([]).ok).toBe(true);
  });

  it("is replaced so often and no more", () => {
    const rotating = new Rotating("n1");
    let number = 0;
    for (; number <= REPLACED_ROOTS_MAX; number += 1) {
      expect(rotating.rotates(number + 1).ok).toBe(true);
      rotating.follows("n1");
      rotating.advances();
    }
    expect(rotating.rotates(number + 1)).toMatchObject({
      ok: false,
      code: "failed_precondition",
      message: /let this one end/,
    });
  });

  it("never makes a node show a certificate that another one doesn't take", () => {
    const ids = ["n1", "n2", "n3"];
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("follows" as const), id: fc.constantFrom(...ids) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("advances" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("rotates" as const) }) },
    );
    const run = (
      actions: readonly { readonly kind: "follows" | "advances" | "rotates"; readonly id?: string }[],
    ): void => {
      const rotating = new Rotating(...ids);
      for (const id of ids) rotating.follows(id);
      actions.forEach(({ kind, id = "n1" }, at) => {
        if (kind === "follows") rotating.follows(id);
        else if (kind === "advances") rotating.advances();
        else rotating.rotates(at + 1);
        const has = rotating.driver.store.view
          .nodes()
          .map(({ certificate }) => certificate ?? expect.fail("it has one"));
        for (const { issuer } of has) for (const { trusts } of has) expect(trusts).toContain(issuer);
      });
    };
    fc.assert(fc.property(fc.array(action, { maxLength: 60 }), run), { numRuns: 300 });
  });
});
