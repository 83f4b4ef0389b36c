import type { DoctorReport } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "./testing/fake-daemon.ts";
import { runMurmur } from "./testing/run-murmur.ts";

type Node = DoctorReport["nodes"][number];

async function doctor(nodes: readonly Node[], ...words: readonly string[]) {
  const json: DoctorReport = { nodes: [...nodes] };
  await using daemon = await FakeDaemon.start({
    "GET /_ping": () => ({ json: "OK" }),
    "GET /murmur/doctor": () => ({ json }),
    "POST /murmur/doctor/repair": () => ({ json }),
  });
  const { status, stdout } = await runMurmur(["--socket", daemon.socketPath, "doctor", ...words]);
  return { status, stdout, asked: daemon.asked.map(({ method, query }) => `${method} ${query.toString()}`.trim()) };
}

const well: Node = { id: "n1", hostname: "host1", state: "checked", differences: [] };
const missing = { where: "host", what: "the route is missing" };

it("lists what every node lacks, and fails", async () => {
  const ill: Node = { ...well, hostname: "host2", differences: [missing] };
  const down: Node = { ...well, hostname: "host3", state: "down" };
  expect(await doctor([well, ill, down])).toMatchObject({
    status: 1,
    stdout: `NODE      WHERE     WHAT
host2     host      the route is missing
host3               is down

2 nodes checked, 1 difference.
`,
  });
});

it("succeeds when nothing is wrong, or all was mended", async () => {
  expect(await doctor([well])).toMatchObject({ status: 0, stdout: "1 node checked, nothing differs.\n" });
  const mended = await doctor([{ ...well, differences: [{ ...missing, mended: true }] }], "--repair");
  expect(mended).toMatchObject({ status: 0, stdout: expect.stringContaining("the route is missing (mended)") });
  expect(mended.asked).toContain("POST");
});

it("looks at the nodes that are named", async () => {
  const { asked } = await doctor([well], "--node", "self", "--node", "host 1");
  expect(asked).toContain("GET node=self&node=host+1");
});

it("fails when something was not mended, or a node can't tell", async () => {
  const left = await doctor([{ ...well, differences: [{ ...missing, mended: false }] }], "--repair");
  expect(left).toMatchObject({ status: 1, stdout: expect.stringContaining("(not mended)") });
  const silent = await doctor([{ ...well, state: "unknown", message: "timed out" }], "--format", "json");
  expect(silent.status).toBe(1);
  expect(JSON.parse(silent.stdout)).toMatchObject({ nodes: [{ state: "unknown", message: "timed out" }] });
});
