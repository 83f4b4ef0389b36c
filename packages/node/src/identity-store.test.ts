import { nodeId } from "@murmur/base";
import type { NodeIdentity } from "@murmur/identity";
import { openNodeState } from "@murmur/storage";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { foundCluster } from "./found-cluster.ts";
import { IdentityStore } from "./identity-store.ts";
import { systemClock } from "./system-clock.ts";
import { newId } from "./system-random.ts";
import { firstSigner } from "./testing/first-signer.ts";
import { DEFAULT_CLUSTER_SPEC } from "@murmur/model";

const MEMBERSHIP = {
  listen: "0.0.0.0:7373",
  address: "10.0.0.1:7373",
  peers: [{ id: nodeId("p1"), address: "10.0.0.2:7373" }],
};

describe("an identity store", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "identity-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const identity = async (): Promise<NodeIdentity> => {
    const request = { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC } as const;
    const signing = firstSigner(systemClock);
    const founded = await foundCluster({ address: "10.0.0.1:7373", request, hostname: "h", newId, ...signing });
    return founded.identity;
  };

  it("gives back after a restart what was written", async () => {
    const written = await identity();
    {
      await using state = await openNodeState({ directory });
      const store = new IdentityStore(state);
      expect(await store.read()).toBeUndefined();
      await store.writeMembership(MEMBERSHIP);
      expect(await store.read()).toBeUndefined();
      await store.writeIdentity(written);
    }
    await using state = await openNodeState({ directory });
    const read = await new IdentityStore(state).read();
    expect(read?.membership).toEqual(MEMBERSHIP);
    expect(read?.identity).toMatchObject({ nodeId: written.nodeId, keyPem: written.keyPem, caPem: written.caPem });
    expect(read?.identity.gossipKeys.map(String)).toEqual(written.gossipKeys.map(String));
  });

  it("forgets, and refuses what does not fit together", async () => {
    await using state = await openNodeState({ directory });
    const store = new IdentityStore(state);
    await store.writeIdentity(await identity());
    await expect(store.read()).rejects.toThrow("leave --force");
    await store.writeMembership(MEMBERSHIP);
    await store.forget();
    expect(await store.read()).toBeUndefined();
  });
});
