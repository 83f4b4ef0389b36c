import { beforeEach, describe, expect, it } from "vitest";
import type { Node } from "../docker/node-types.ts";
import { Asker, filters } from "../testing/asker.ts";
import { NODE_TWO } from "../testing/memory-cluster.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

describe("nodes", () => {
  it.each([
    [{ name: ["al"] }, ["alpha"]],
    [{ id: ["n2"] }, ["beta"]],
    [{ role: ["manager"] }, ["alpha"]],
    [{ role: ["worker"] }, ["beta"]],
    [{ membership: ["accepted"] }, ["alpha", "beta"]],
    [{ membership: ["pending"] }, []],
    [{ label: ["storage=ssd"] }, ["alpha", "beta"]],
    [{ "node.label": ["zone"] }, []],
  ])("filters by %j", async (given, names) => {
    const { body } = await asker.ask<Node[]>(`/nodes?${filters(given)}`);
    expect(body.map(({ Description }) => Description.Hostname)).toEqual(names);
  });

  it("are updated with the version that was read", async () => {
    const { body: node } = await asker.ask<Node>("/nodes/beta");
    const path = `/nodes/beta/update?version=${String(node.Version.Index)}`;
    const drained = { ...node.Spec, Availability: "drain", Labels: { zone: "b" } };
    expect((await asker.ask(path, "POST", drained)).status).toBe(200);
    expect((await asker.ask<Node>(`/nodes/${NODE_TWO}`)).body.Spec).toMatchObject({
      Availability: "drain",
      Labels: { zone: "b" },
    });
    expect((await asker.ask(path, "POST", drained)).body.message).toContain("update out of sequence");
    expect((await asker.ask<Node[]>(`/nodes?${filters({ "node.label": ["zone=b"] })}`)).body).toHaveLength(1);
  });

  it("are not demoted where no other that is up may manage", async () => {
    const cluster = asker.ports.replica;
    if (cluster === undefined) throw new Error("there is a cluster");
    const { body: node } = await asker.ask<Node>("/nodes/alpha");
    const demote = async () => {
      const { Version } = (await asker.ask<Node>("/nodes/alpha")).body;
      const path = `/nodes/alpha/update?version=${String(Version.Index)}`;
      return asker.ask(path, "POST", { ...node.Spec, Role: "worker" });
    };
    cluster.apply({ kind: "setNodeState", id: NODE_TWO, state: "down", message: "" });
    expect(await demote()).toMatchObject({
      status: 400,
      body: {
        message:
          "attempting to demote the last manager of the swarm that is up; wait until beta is back, or promote another node first",
      },
    });
    cluster.apply({ kind: "setNodeState", id: NODE_TWO, state: "ready", message: "" });
    expect((await demote()).status).toBe(200);
  });

  it("are not demoted where no other may manage, which is said in Docker's words", async () => {
    const demote = async (name: string) => {
      const { Version, Spec } = (await asker.ask<Node>(`/nodes/${name}`)).body;
      const spec = { ...Spec, Role: "worker", Murmur: { PinnedRole: "worker" } };
      return asker.ask(`/nodes/${name}/update?version=${String(Version.Index)}`, "POST", spec);
    };
    expect((await demote("beta")).status).toBe(200);
    expect(await demote("alpha")).toMatchObject({
      status: 400,
      body: { message: "attempting to demote the last manager of the swarm; promote another node first" },
    });
    expect((await demote("beta")).status).toBe(200);
  });

  it("are removed only when down, or by force", async () => {
    expect((await asker.ask("/nodes/beta", "DELETE")).status).toBe(400);
    expect((await asker.ask("/nodes/beta?force=1", "DELETE")).status).toBe(200);
    expect((await asker.ask("/nodes/beta")).body.message).toBe("node beta not found");
  });

  it.each(["role", "membership"])("refuses a wrong %s", async (name) => {
    expect((await asker.ask(`/nodes?${filters({ [name]: ["x"] })}`)).body.message).toBe(`Invalid ${name} filter: 'x'`);
  });
});
