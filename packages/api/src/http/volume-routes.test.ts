import { assert } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import type { ClusterVolume, ServiceExplanation, VolumeDetail } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";

const T1 = "t1aaaaaaaaaaaaaaaaaaaaaaa";
const DATA = { Name: "data", Driver: "local", Mountpoint: "/v/data", Labels: {}, Options: null, Scope: "local" };
const mounting = (source: string) => ({
  TaskTemplate: {
    ContainerSpec: { Image: "db", Mounts: [{ Type: "volume", Source: source, Target: "/data" }] },
  },
});

/** Both nodes hold `data`, alpha `data-1` as well; every node is this one. */
let asker: Asker;
beforeEach(() => {
  asker = new Asker();
  const { replica } = asker.ports;
  assert(replica !== undefined, "it is a manager");
  replica.apply({ kind: "describeNode", id: NODE_ONE, volumes: ["data", "data-1"] });
  replica.apply({ kind: "describeNode", id: NODE_TWO, volumes: ["data"] });
  asker.ports.heldVolumes = ["data", "data-1"];
  asker.engine.answers.set("/volumes/data", DATA);
  asker.ports.askNode = (node, request) =>
    node === NODE_TWO ? Promise.reject(new Error("it is down")) : asker.api.fetchAsked(request);
});

/** Once the agent of alpha is asked for them, it tells the managers after a while that these are its volumes. */
function tellLater(volumes: readonly string[]): void {
  const { ports } = asker;
  ports.tellVolumes = () => {
    ports.clock.setTimer(100, () => ports.replica?.apply({ kind: "describeNode", id: NODE_ONE, volumes }));
    keepTimeGoing();
  };
}

/** A request waits: its time goes on. */
function keepTimeGoing(): void {
  const step = async (left: number): Promise<void> => {
    if (left === 0) return;
    await asker.ports.clock.advance(25);
    setImmediate(() => void step(left - 1));
  };
  setImmediate(() => void step(1_000));
}

describe("the cluster's volumes", () => {
  it("are told of all nodes, of one, or by name", async () => {
    const all = (await asker.ask<ClusterVolume[]>("/murmur/volumes")).body;
    expect(all.map(({ Name, Node }) => `${Name} ${Node.Hostname}`)).toEqual([
      "data alpha",
      "data beta",
      "data-1 alpha",
    ]);
    expect((await asker.ask<ClusterVolume[]>("/murmur/volumes?node=beta")).body).toMatchObject([{ Name: "data" }]);
    expect((await asker.ask<ClusterVolume[]>("/murmur/volumes?name=data-1")).body).toHaveLength(1);
    expect((await asker.ask("/murmur/volumes?node=gamma")).status).toBe(404);
    expect((await asker.ask("/murmur/volumes?tasks=1")).status).toBe(400);
  });

  it("are shown as their nodes' engines know them, with their tasks; a node that doesn't answer is named", async () => {
    await asker.create("db", mounting("data"));
    asker.runTask(T1, 1, "db");
    const { body } = await asker.ask<VolumeDetail[]>("/murmur/volumes/data");
    expect(body).toMatchObject([
      { Node: { Hostname: "alpha" }, Engine: DATA, Tasks: [{ ID: T1, Name: `db.1.${T1}`, InUse: true }] },
      { Node: { Hostname: "beta" }, Tasks: [], Problem: "node beta doesn't answer: it is down" },
    ]);
    expect(await asker.ask("/murmur/volumes/other")).toMatchObject({
      status: 404,
      body: { message: "no such volume: other" },
    });
  });

  it("aren't removed while a task mounts them, nor without saying which", async () => {
    await asker.create("db", mounting("data-{{.Task.Slot}}"));
    asker.runTask(T1, 1, "db");
    expect(await asker.ask("/murmur/volumes/data-1", "DELETE")).toMatchObject({
      status: 400,
      body: {
        message: `remove data-1: volume is in use on node alpha by db.1.${T1}; remove or stop the service first`,
      },
    });
    expect(await asker.ask("/murmur/volumes/data", "DELETE")).toMatchObject({
      status: 400,
      body: { message: "volume data is on several nodes (alpha, beta): say which one to remove, with --node" },
    });
    expect(await asker.ask("/murmur/volumes/data?node=beta", "DELETE")).toMatchObject({
      status: 503,
      body: { message: "node beta doesn't answer: it is down" },
    });
    expect(asker.engine.sent).toEqual([]);
    tellLater(["data-1"]);
    expect((await asker.ask("/murmur/volumes/data?node=alpha", "DELETE")).status).toBe(204);
    expect((await asker.ask<ClusterVolume[]>("/murmur/volumes?name=data&node=alpha")).body).toEqual([]);
    expect(asker.engine.sent).toMatchObject([{ method: "DELETE", path: "/volumes/data" }]);
    expect(asker.ports.volumeChanges).toBe(1);
    expect((await asker.ask("/murmur/volumes/other?force=1", "DELETE")).status).toBe(204);
  });

  it("are made with the cluster's label, on a node that is named", async () => {
    let own: object = { "murmur.cluster.id": "c1" };
    asker.engine.send = async ({ body }) => {
      const { Name } = JSON.parse(new TextDecoder().decode(body)) as { Name: string };
      return Response.json({ ...DATA, Name, Labels: own }, { status: 201 });
    };
    const body = { Name: "new", Node: "alpha", DriverOpts: { type: "none" }, Labels: { a: "b" } };
    tellLater(["data", "data-1", "new"]);
    expect(await asker.ask("/murmur/volumes/create", "POST", body)).toMatchObject({
      status: 201,
      body: { Name: "new", Warnings: [] },
    });
    expect((await asker.ask<ClusterVolume[]>("/murmur/volumes?name=new")).body).toHaveLength(1);
    own = {};
    expect((await asker.ask("/murmur/volumes/create", "POST", body)).status).toBe(409);
    expect((await asker.ask("/murmur/volumes/create", "POST", { Name: "new" })).status).toBe(400);
    expect((await asker.ask("/murmur/volumes/create", "POST", { Name: "new", Node: "gamma" })).status).toBe(404);
  });

  it("are made also where the managers don't hear of it for long: with a warning", async () => {
    asker.engine.send = async () =>
      Response.json({ ...DATA, Name: "new", Labels: { "murmur.cluster.id": "c1" } }, { status: 201 });
    asker.ports.tellVolumes = keepTimeGoing;
    expect(await asker.ask("/murmur/volumes/create", "POST", { Name: "new", Node: "alpha" })).toMatchObject({
      status: 201,
      body: {
        Warnings: [
          "the managers haven't heard from node alpha yet that it has new: services aren't placed by it before",
        ],
      },
    });
  });

  it("that nothing uses are told apart: by tasks' records, by services without tasks, and by names with templates", async () => {
    const { replica } = asker.ports;
    assert(replica !== undefined, "it is a manager");
    const volumes = ["data", "data-1", "db-data", "left", "web-7", "webs"];
    replica.apply({ kind: "describeNode", id: NODE_ONE, volumes });
    const unused = async () =>
      (await asker.ask<ClusterVolume[]>("/murmur/volumes?unused=1")).body.map(
        ({ Name, Node }) => `${Name}@${Node.Hostname}`,
      );
    expect(await unused()).toHaveLength(7);
    await asker.create("db", { ...mounting("data"), Mode: { Replicated: { Replicas: 0 } } });
    await asker.create("web", mounting("{{.Service.Name}}-{{.Task.Slot}}"));
    // Whatever is between may be anything, as a manager can't know all that tasks have made of it.
    expect(await unused()).toEqual(["left@alpha", "webs@alpha"]);
    asker.runTask(T1, 1, "web");
    await asker.create("other", mounting('{{if eq .Task.Slot "1"}}a{{else}}b{{end}}'));
    expect(await unused()).toEqual([]);
  });

  it("of others are nobody's affair: a node shows and removes only those that it has told of", async () => {
    asker.ports.heldVolumes = [];
    for (const method of ["GET", "DELETE"]) {
      const answer = await asker.api.fetchAsked(new Request("http://x/volumes/data", { method }));
      expect(answer.status).toBe(404);
    }
    expect(asker.engine.sent).toEqual([]);
  });

  it("explain where a service's tasks go, and what a task has left behind", async () => {
    await asker.create("db", mounting("data"));
    const { replica } = asker.ports;
    const service = replica?.store.view.serviceByName("db");
    assert(replica !== undefined && service !== undefined, "it was made");
    const id = replica.addTask(service, T1, 1);
    const leftVolumes = [{ name: "data", nodeId: NODE_TWO, hostname: "beta" }];
    replica.apply({ kind: "assignTask", id, nodeId: NODE_ONE, leftVolumes });
    replica.apply({ kind: "setNodeState", id: NODE_TWO, state: "down", message: "" });
    const { body } = await asker.ask<ServiceExplanation>("/murmur/services/db/explain");
    expect(body.volumes).toEqual(["volume data is on nodes alpha, beta (down): its tasks go there first"]);
    expect(body.tasks[0]?.why).toMatch(/ its volume data stayed on node beta, which is down$/);
    expect(body.tasks[0]?.task.Status.Message).toMatch(/; its volume data stayed on node beta$/);
    expect(body.tasks[0]?.task.Murmur.LeftVolumes).toEqual([{ Name: "data", NodeID: NODE_TWO, Hostname: "beta" }]);
  });
});
