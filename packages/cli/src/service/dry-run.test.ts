import type { ServiceDryRun } from "@murmur/api";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FakeDaemon, type Asked } from "../testing/fake-daemon.ts";
import { aService, aTask } from "../testing/objects.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";
import { formatDuration, parseDuration } from "../units/duration.ts";
import { valueText } from "./dry-run.ts";

const web = aService("web");
const version = web.Version.Index;

const updated: ServiceDryRun = {
  service: { id: web.ID, version },
  name: "web",
  changes: [
    { field: "TaskTemplate.ContainerSpec.Env[]", after: "A=1" },
    { field: "UpdateConfig.Delay", before: 0, after: 90_000_000_000 },
  ],
  tasks: { placed: 2, kept: 0, new: 2, stopped: 2, waiting: 1 },
  nodes: [
    { id: "n1", hostname: "alpha", before: 2, after: 1 },
    { id: "n2", hostname: "beta", before: 0, after: 1 },
  ],
  amiss: [
    {
      task: aTask(web, { slot: 3, state: "pending" }),
      why: "no suitable node (insufficient resources on 2 nodes)",
      placement: {
        fitting: 0,
        message: "no suitable node (insufficient resources on 2 nodes)",
        refusals: [{ filter: "resources", nodes: 2, text: "insufficient resources on 2 nodes" }],
        closest: { nodeId: "n2", hostname: "beta", lacks: ["0.5 CPUs short"] },
      },
    },
  ],
  more: 0,
  settled: true,
};

async function run(
  dryRun: ServiceDryRun,
  ...words: readonly string[]
): Promise<Ran & { readonly posts: readonly Asked[] }> {
  await using daemon = await FakeDaemon.start({
    "GET /services/*": () => ({ json: web }),
    "GET /tasks": () => ({ json: [] }),
    "POST /services/*/update": () => ({ json: { Warnings: null } }),
    "POST /murmur/services/dry-run": () => ({ json: dryRun }),
  });
  const ran = await runMurmur(["-H", daemon.socketPath, "service", ...words]);
  return { ...ran, posts: daemon.asked.filter(({ method }) => method === "POST") };
}

it("shows what an update would change and where it would lead, and sends none", async () => {
  const { status, stdout, posts } = await run(updated, "update", "--dry-run", "--env-add", "A=1", "web");
  expect(status).toBe(0);
  expect(stdout).toBe(`web at version ${String(version)}: 2 differences

FIELD                              NOW       THEN
TaskTemplate.ContainerSpec.Env[]   -         A=1
UpdateConfig.Delay                 0s        1m30s

Tasks: 2 on nodes (0 kept, 2 new), 2 stopped, 1 waiting

NODE      NOW       THEN
alpha     2         1
beta      0         1

web.3: no suitable node (insufficient resources on 2 nodes)

REFUSED BY   NODES     BECAUSE
resources    2         insufficient resources on 2 nodes
Closest: node beta: 0.5 CPUs short

Nothing was changed. To do it only if nobody else changes the service before, say the same with --expect-version ${String(version)} in place of --dry-run.
`);
  expect(posts.map(({ path, query }) => [path, query.toString()])).toEqual([
    ["/murmur/services/dry-run", `service=${web.ID}&version=${String(version)}`],
  ]);
  expect(posts[0]?.body).toMatchObject({ TaskTemplate: { ContainerSpec: { Env: ["A=1"] } } });
});

it("shows what would be made", async () => {
  const { service: _, ...rest } = updated;
  const made: ServiceDryRun = {
    ...rest,
    changes: [{ field: "Name", after: "web" }],
    tasks: { placed: 1, kept: 0, new: 1, stopped: 0, waiting: 0 },
    nodes: [{ id: "n1", hostname: "alpha", before: 0, after: 1 }],
    amiss: [],
  };
  const { stdout, posts } = await run(made, "create", "--dry-run", "--name", "web", "nginx");
  expect(stdout).toBe(`web would be made:

FIELD     VALUE
Name      web

Tasks: 1 on nodes

NODE      TASKS
alpha     1

Nothing was made.
`);
  expect(posts.map(({ path }) => path)).toEqual(["/murmur/services/dry-run"]);
  const json = await run(made, "create", "--dry-run", "--format", "json", "--name", "web", "nginx");
  expect(JSON.parse(json.stdout)).toEqual(made);
});

it("shows what going back would do, and says when it got no further", async () => {
  const { stdout, posts } = await run({ ...updated, settled: false }, "update", "--rollback", "--dry-run", "web");
  expect(stdout).toContain("It had not come to rest");
  expect(posts.map(({ query }) => query.get("rollback"))).toEqual(["previous"]);
  expect((await run(updated, "rollback", "--dry-run", "web")).posts.map(({ path }) => path)).toEqual([
    "/murmur/services/dry-run",
  ]);
});

it("updates a service that is at the version that is expected, and no other", async () => {
  const same = await run(updated, "update", "-d", "--expect-version", String(version), "--env-add", "A=1", "web");
  expect([same.status, same.posts.map(({ query }) => query.get("version"))]).toEqual([0, [String(version)]]);
  for (const change of [["update", "--env-add", "A=1"], ["update", "--rollback"], ["rollback"]]) {
    const [verb = "", ...flags] = change;
    const other = await run(updated, verb, "-d", ...flags, "--expect-version", "999999", "web");
    expect(other).toMatchObject({ status: 5, posts: [] });
    expect(other.stderr).toBe(
      `murmur: service web is at version ${String(version)}, not 999999: it was changed meanwhile; look again with --dry-run\n`,
    );
  }
});

it("refuses what makes no sense", async () => {
  expect(await run(updated, "update", "--format", "json", "web")).toMatchObject({ status: 2, posts: [] });
  const bad = await run(updated, "update", "--expect-version", "last", "web");
  expect(bad).toMatchObject({ status: 2, posts: [] });
  expect(bad.stderr).toBe("murmur: --expect-version: invalid number 'last': give a whole number, 0 or more\n");
});

it("writes values as people do, and never more than a line", () => {
  expect(valueText("TaskTemplate.Resources.Limits.MemoryBytes", 64 * 2 ** 20)).toBe("64MiB");
  expect(valueText("TaskTemplate.Resources.Limits.NanoCPUs", 500_000_000)).toBe("0.5 CPUs");
  expect(valueText("Mode.Replicated.Replicas", 3)).toBe("3");
  expect(valueText("Labels.a", "")).toBe('""');
  const port = { Protocol: "tcp", TargetPort: 8080, PublishedPort: 80, PublishMode: "host" };
  expect(valueText("EndpointSpec.Ports[]", port)).toBe("80 → 8080/tcp (host)");
  expect(valueText("EndpointSpec.Ports", [port, { TargetPort: 53, Protocol: "udp" }])).toBe(
    "80 → 8080/tcp (host), any → 53/udp (ingress)",
  );
  const mount = { Type: "bind", Source: "/srv", Target: "/data", ReadOnly: true };
  expect(valueText("TaskTemplate.ContainerSpec.Mounts[]", mount)).toBe("bind /srv → /data (read only)");
  expect(valueText("TaskTemplate.ContainerSpec.Mounts[]", { ...mount, BindOptions: { NonRecursive: true } })).toBe(
    'bind /srv → /data (read only) {"NonRecursive":true}',
  );
  expect(valueText("TaskTemplate.ContainerSpec.Mounts", [{ ...mount, Target: "a\nb" }])).toMatch(/^\[\{.*\}\]$/);
  expect(valueText("TaskTemplate.ContainerSpec.Mounts[]", { Type: "bind" })).toBe('{"Type":"bind"}');
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (field, value) => {
      expect(valueText(field, value)).not.toMatch(/[\n\r\0]/);
      expect(valueText(field, value)).not.toBe("");
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
      const text = valueText("UpdateConfig.Delay", seconds * 1e9);
      expect([text, parseDuration(text)]).toEqual([formatDuration(seconds * 1e9), seconds * 1e9]);
    }),
  );
});
