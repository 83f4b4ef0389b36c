import { expect, it } from "vitest";
import { FakeDaemon } from "./testing/fake-daemon.ts";
import { runMurmur } from "./testing/run-murmur.ts";

const EVENT = {
  Type: "service",
  Action: "update",
  Actor: { ID: "s1", Attributes: { name: "web", "replicas.new": "3" } },
  scope: "swarm",
  time: 1_795_230_000,
  timeNano: 1_795_230_000_882_000_000,
};

async function run(...words: readonly string[]) {
  const bytes = [Buffer.from(`${JSON.stringify(EVENT)}\n`)];
  await using daemon = await FakeDaemon.start({ "GET /events": () => ({ bytes }) });
  const ran = await runMurmur(["--socket", daemon.socketPath, "events", ...words]);
  return { ...ran, query: daemon.asked.at(-1)?.query };
}

it("shows events as Docker's client does, or as they are", async () => {
  const { status, stdout } = await run();
  expect([status, stdout]).toEqual([
    0,
    "2026-11-21T03:00:00.882000000Z service update s1 (name=web, replicas.new=3)\n",
  ]);
  expect(JSON.parse((await run("--format", "json")).stdout)).toEqual(EVENT);
});

it("asks for what it is told", async () => {
  const { query } = await run("--filter", "service=web", "--since", "2026-11-21T03:00:00Z", "--until", "1795230060");
  expect(query?.get("since")).toBe("1795230000.000");
  expect(query?.get("until")).toBe("1795230060");
  expect(JSON.parse(query?.get("filters") ?? "")).toEqual({ service: ["web"] });
  expect((await run("--until", "x")).stderr).toContain("--until: 'x'");
});
