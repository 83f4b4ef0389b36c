import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";

/** What a command says, and the spec that it sends. */
async function update(...words: readonly string[]) {
  await using daemon = await FakeDaemon.start({
    "GET /_ping": () => ({ json: "OK" }),
    "GET /swarm": () => ({
      json: { Version: { Index: 7 }, Spec: { Name: "default", Orchestration: { TaskHistoryRetentionLimit: 5 } } },
    }),
    "POST /swarm/update": () => ({ json: null }),
  });
  const { status, stderr } = await runMurmur(["--socket", daemon.socketPath, "cluster", "update", ...words]);
  return { status, stderr, sent: daemon.asked.find(({ path }) => path === "/swarm/update")?.body };
}

it("changes how many tasks of a slot are remembered, and nothing else", async () => {
  const Orchestration = { TaskHistoryRetentionLimit: 3 };
  expect(await update("--task-history-limit", "3")).toEqual({
    status: 0,
    stderr: "",
    sent: { Name: "default", Orchestration, Murmur: {} },
  });
});

it.each([
  [[], "murmur: say what to change, such as --strategy binpack or --rebalance on\n"],
  [["--task-history-limit", "-1"], "murmur: invalid number '-1': give a whole number, 0 or more\n"],
])("is refused in one line", async (words, stderr) => {
  expect(await update(...words)).toEqual({ status: 2, stderr, sent: undefined });
});
