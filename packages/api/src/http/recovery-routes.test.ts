import { codeOf } from "@murmur/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkBackup, openBackup } from "../backup/backup-file.ts";
import { MurmurClient } from "../client/murmur-client.ts";
import { DEAD_ADDRESS, serveApi, type Served } from "../testing/served.ts";

let served: Served;
let client: MurmurClient;
beforeAll(async () => {
  served = await serveApi(DEAD_ADDRESS);
  client = new MurmurClient({ host: `unix://${served.socketPath}` });
});
afterAll(async () => {
  client[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const { signal } = new AbortController();

async function taken(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of client.backup({ signal })) parts.push(part);
  return Buffer.concat(parts);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe("backup over HTTP", () => {
  it("is whole, and says what is in it", async () => {
    const header = await checkBackup(one(await taken()));
    expect(header).toMatchObject({
      clusterId: "c0aaaaaaaaaaaaaaaaaaaaaaa",
      clusterName: "default",
      term: 3,
      generation: 0,
      murmurVersion: "0.1.0",
      counts: { nodes: 2, services: 0, tasks: 0 },
    });
  });

  it("is bounded in number, and a reader that goes away frees its place", async () => {
    const replica = served.ports.replica;
    if (replica === undefined) throw new Error("there is a cluster");
    replica.chunks = (function* () {
      for (let count = 0; count < 1_000; count += 1) yield new Uint8Array(64 * 1024);
    })();
    const aborts = [new AbortController(), new AbortController()];
    const readers = aborts.map((abort) => client.backup({ signal: abort.signal }));
    for (const reader of readers) await reader.next();
    await expect(taken()).rejects.toMatchObject({ code: "overloaded" });
    for (const reader of readers) await reader.return();
    replica.chunks = undefined;
    // Its place is free once the daemon has heard of it; nothing else may be in the way.
    let outcome = "overloaded";
    const tried = async (): Promise<string> =>
      (outcome = await taken().then((bytes) => (bytes.length > 0 ? "taken" : "empty"), codeOf));
    await expect.poll(tried, { timeout: 30_000 }).not.toBe("overloaded");
    expect(outcome).toBe("taken");
  });

  it("needs a leader: what it would hold otherwise may be old", async () => {
    const replica = served.ports.replica;
    if (replica === undefined) throw new Error("there is a cluster");
    replica.leaderless = true;
    await expect(taken()).rejects.toMatchObject({ code: "no_leader" });
    replica.leaderless = false;
  });
});

describe("restore over HTTP", () => {
  it("is refused in a cluster, and takes the file on a node that is in none", async () => {
    const bytes = await taken();
    await expect(client.restore(one(bytes), {})).rejects.toMatchObject({ code: "already_in_cluster" });
    served.ports.leave();
    const answer = await client.restore(one(bytes), {
      advertiseAddr: "10.9.9.9",
      forgetNodes: true,
      labels: { a: "b" },
    });
    expect(answer).toMatchObject({ clusterName: "default", keeps: { nodes: 2, services: 0, tasks: 0 } });
    expect(answer.joinToken).toContain("MURMUR-1");
    expect(served.ports.calls.at(-1)).toEqual({
      advertiseAddr: "10.9.9.9",
      availability: "active",
      labels: { a: "b" },
      forgetNodes: true,
      force: false,
      clusterId: "c0aaaaaaaaaaaaaaaaaaaaaaa",
    });
  });

  it("says in one line what is wrong with the file or the options", async () => {
    const bytes = await taken();
    served.ports.leave();
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 60] = (damaged[bytes.length - 60] ?? 0) ^ 1;
    await expect(client.restore(one(damaged), {})).rejects.toMatchObject({ code: "corrupt" });
    await expect(client.restore(one(Buffer.from("no backup")), {})).rejects.toMatchObject({
      code: "invalid_argument",
      message: "this is no backup of a Murmur cluster",
    });
    await expect(client.restore(one(bytes), { availability: "never" as "drain" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await client.restore(one(bytes), {});
    await expect(openBackup(one(bytes))).resolves.toBeDefined();
  });
});

describe("recovery over HTTP", () => {
  it("shows the plan, and carries it out with what was said", async () => {
    expect(await client.recoveryPlan()).toMatchObject({ advised: true, node: { hostname: "alpha" } });
    await client.recover({ force: true });
    expect(served.ports.calls.at(-1)).toEqual({ force: true });
  });
});
