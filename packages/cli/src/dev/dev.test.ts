import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runMurmur } from "../testing/run-murmur.ts";
import { daemonArguments, devNode, existingNodes, readRecord, writeRecord } from "./dev-layout.ts";
import { runningProcess, writePid } from "./dev-process.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "murmur-dev-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("gives each node an address, a folder and a name of its own", () => {
  expect(daemonArguments(devNode("/r", 2), "unix:///d").join(" ")).toBe(
    "daemon --data-dir /r/2/data --socket /r/2/docker.sock --docker-host unix:///d --listen-addr 127.0.0.12:7373 --dns-addr 127.0.0.12:7353 --publish-addr 127.0.0.12 --hostname dev2",
  );
});

it("never takes another process for a node's daemon", async () => {
  const node = devNode(root, 1);
  await mkdir(node.dataDir, { recursive: true });
  expect(await runningProcess(node)).toBeUndefined();
  // This test's own process has the number, but isn't a daemon.
  await writePid(node, process.pid);
  expect(await runningProcess(node)).toBeUndefined();
  await writeFile(node.pidFile, "nonsense");
  expect(await runningProcess(node)).toBeUndefined();
});

it("finds its nodes in their order, and what it wrote down", async () => {
  for (const name of ["10", "2", "x", "0"]) await mkdir(join(root, name), { recursive: true });
  expect((await existingNodes(root)).map(({ number }) => number)).toEqual([1, 2, 10]);
  expect(await readRecord(root)).toBeUndefined();
  await writeRecord(root, { clusterId: "c", dockerHost: "unix:///d" });
  expect(await readRecord(root)).toEqual({ clusterId: "c", dockerHost: "unix:///d" });
});

it("shows nodes that don't run, and says when there are none", async () => {
  const { stdout } = await runMurmur(["dev", "status", "--dir", root]);
  expect(stdout.split("\n")[1]).toBe(`dev1      Stopped             127.0.0.11:7373   ${join(root, "1/docker.sock")}`);
  expect((await runMurmur(["dev", "down", "--dir", join(root, "none")])).stdout).toBe(
    "There is no development cluster.\n",
  );
});

it("refuses what can't be before it starts anything", async () => {
  expect((await runMurmur(["dev", "up", "--nodes", "0", "--dir", root])).stderr).toBe(
    "murmur: --nodes 0: give 1 to 50\n",
  );
  const { stderr, status } = await runMurmur(["dev", "up", "--dir", root, "--docker-host", "unix:///no/engine.sock"]);
  expect(stderr).toMatch(
    /^murmur: the container engine at unix:\/\/\/no\/engine\.sock doesn't answer .*: start Docker, or say --docker-host\n$/,
  );
  expect(status).toBe(7);
});
