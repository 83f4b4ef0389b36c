import type { StatsAnswer, TaskSample } from "@murmur/api";
import { describe, expect, it } from "vitest";
import { humanDecimal } from "../format/human-decimal.ts";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aNode, aService, aTask } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const task = aTask(aService("web"), { slot: 2, id: "k2x9k2x9k2x9k2x9" });

const sample = (cpuNanos: number, systemNanos: number): TaskSample => ({
  task: task.ID,
  at: "2026-11-21T22:40:16Z",
  cpuNanos,
  systemNanos,
  cpus: 2,
  memoryBytes: 50 * 2 ** 20,
  memoryLimitBytes: 200 * 2 ** 20,
  receivedBytes: 1_234_567,
  sentBytes: 999,
  readBytes: 0,
  writtenBytes: 2_000,
  processes: 4,
});

async function run(words: readonly string[], problem?: string) {
  let looks = 0;
  const answer = (): StatsAnswer => {
    looks += 1;
    const here = { id: "n1".padEnd(25, "x"), hostname: "host1", samples: [sample(looks * 500, looks * 2_000)] };
    const away = { id: "n2", hostname: "host2", samples: [] };
    return { nodes: problem === undefined ? [here] : [here, { ...away, problem }] };
  };
  await using daemon = await FakeDaemon.start({
    "GET /murmur/stats": () => ({ json: answer() }),
    "GET /tasks": () => ({ json: [task] }),
    "GET /nodes": () => ({
      json: [
        aNode("host1", {
          Description: { ...aNode("host1").Description, Resources: { NanoCPUs: 2e9, MemoryBytes: 400 * 2 ** 20 } },
        }),
      ],
    }),
  });
  const ran = await runMurmur(["--socket", daemon.socketPath, ...words]);
  return { ...ran, query: daemon.asked.find(({ path }) => path === "/murmur/stats")?.query.toString() };
}

describe("top", () => {
  it("of services shows their tasks, as Docker shows containers", async () => {
    const { status, stdout, query } = await run(["service", "top", "--no-stream", "web"]);
    expect([status, query]).toEqual([0, "service=web"]);
    expect(stdout).toBe(
      [
        "NAME                 NODE      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O         BLOCK I/O   PIDS",
        "web.2.k2x9k2x9k2x9   host1     50.00%    50MiB / 200MiB      25.00%    1.23MB / 999B   0B / 2kB    4",
        "",
      ].join("\n"),
    );
  });

  it("of nodes shows what their tasks use together", async () => {
    const { stdout } = await run(["node", "top", "--no-stream", "--format", "json"]);
    expect(JSON.parse(stdout)).toEqual([
      {
        ID: "n1".padEnd(25, "x"),
        Node: "host1",
        Tasks: "1",
        CPUPerc: "50.00%",
        MemUsage: "50MiB / 400MiB",
        MemPerc: "12.50%",
        NetIO: "1.23MB / 999B",
        BlockIO: "0B / 2kB",
        PIDs: "4",
      },
    ]);
  });

  it("names a node that doesn't answer, and shows the rest", async () => {
    const { status, stdout, stderr } = await run(["service", "top", "--no-stream"], "it is down");
    expect([status, stderr]).toEqual([7, "murmur: node host2 (n2) is not available: it is down\n"]);
    expect(stdout).toContain("web.2.k2x9");
  });
});

it.each([
  [0, "0B"],
  [999, "999B"],
  [1_000, "1kB"],
  [1_054, "1.05kB"],
  [123_456_789, "123MB"],
])("%d bytes that were moved are %s", (bytes, text) => expect(humanDecimal(bytes)).toBe(text));
