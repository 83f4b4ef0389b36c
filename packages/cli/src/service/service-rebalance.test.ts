import type { Rebalance } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aService, aTask } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const task = aTask(aService("web"), { slot: 2 });
const one: Rebalance = { moves: [{ task, from: "host1", to: "host3" }], more: false };

async function run(line: string, answer: Rebalance = one) {
  await using daemon = await FakeDaemon.start({ "POST /murmur/rebalance": () => ({ json: answer }) });
  const ran = await runMurmur(["-H", daemon.socketPath, "service", "rebalance", ...line.split(" ")]);
  const [asked] = daemon.asked;
  return { ...ran, body: asked?.body, query: asked?.query.toString() };
}

it("shows what it moves, and from where to where", async () => {
  expect(await run("web")).toMatchObject({
    status: 0,
    stdout: "NAME      FROM      TO\nweb.2     host1     host3\n",
    stderr: "murmur: 1 task on the move, each when its replacement runs\n",
    body: { services: ["web"] },
    query: "",
  });
});

it("only shows it in a dry run, also as JSON", async () => {
  const { stdout, stderr, query, body } = await run("--dry-run --all --format json");
  expect(JSON.parse(stdout)).toEqual([{ ID: task.ID, Name: "web.2", From: "host1", To: "host3" }]);
  expect({ stderr, query, body }).toEqual({ stderr: "", query: "dryRun=1", body: {} });
  expect((await run("--dry-run --all", { ...one, more: true })).stderr).toBe(
    "murmur: 1 task would be moved, and more after these; nothing was changed\n",
  );
});

it("says when there is nothing to move", async () => {
  const { stdout } = await run("--all", { moves: [], more: false });
  expect(stdout).toBe("Nothing to move: what may be moved is where it would be placed now.\n");
});

it.each(["--all web", "--dry-run"])("refuses %s", async (line) => {
  const { status, stderr } = await run(line);
  expect([status, stderr]).toEqual([2, expect.stringContaining("name one or more services, or give --all")]);
});
