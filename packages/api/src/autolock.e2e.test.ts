import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LoneHost } from "./comparison/lone-host.ts";
import { dockerCommand, type DockerResult } from "./testing/docker-command.ts";

/*
 * Autolock as the real docker command sees it, with a real daemon on a real disk. Needs root, the docker command, the
 * engine's programs and the tests' image; fails where they are missing.
 */
const IMAGE = "murmur/web:latest";
const LOCKED = 'Please use "docker swarm unlock" to unlock it.';

let host: LoneHost;
let daemon: ChildProcess;
const started = new AsyncDisposableStack();
beforeAll(async () => {
  host = started.use(await LoneHost.start("autolock", [IMAGE]));
  daemon = await host.startMurmur();
}, 300_000);
afterAll(() => started.disposeAsync(), 120_000);

async function run(args: readonly string[], input = "", socket = host.murmurSocket): Promise<DockerResult> {
  const { code, stdout, stderr } = await dockerCommand(["-H", `unix://${socket}`, ...args], input);
  return { code, stdout: stdout.trim(), stderr: stderr.trim() };
}

async function docker(line: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await run(line.split(" "), input);
  expect([line, code, stderr]).toEqual([line, 0, expect.anything()]);
  return stdout;
}

const state = (): Promise<string> => docker("info --format {{.Swarm.LocalNodeState}}");
const keyIn = (output: string): string => /SWMKEY-1-[A-Za-z0-9+/]{43}/.exec(output)?.[0] ?? "";

async function restart(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const gone = once(daemon, "exit");
  daemon.kill(signal);
  await gone;
  daemon = await host.startMurmur();
}

/** All that the daemon has on its disk. */
async function disk(): Promise<string> {
  const names = await readdir(join(host.folder, "state"), { recursive: true, withFileTypes: true });
  const files = names.filter((name) => name.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return (await Promise.all(files.map((file) => readFile(file, "latin1").catch(() => "")))).join("");
}

/** What the daemon logs when it answers although its disk hasn't followed for five seconds. */
const LATER = "this manager's disk will follow the cluster's autolock later";
const latersSaid = async (): Promise<number> =>
  (await readFile(join(host.folder, "murmur.log"), "utf8")).split(LATER).length - 1;

/** Runs a command that changes the disk: what it changes is there with its answer, unless the daemon has said otherwise. */
async function changing(line: string, isThere: () => Promise<boolean>): Promise<string> {
  const before = await latersSaid();
  const answer = await docker(line);
  if ((await latersSaid()) > before) await expect.poll(isThere, { timeout: 60_000 }).toBe(true);
  expect([line, await isThere()]).toEqual([line, true]);
  return answer;
}

const isClear = async (): Promise<boolean> => (await disk()).includes("PRIVATE KEY");
const isSealed = async (): Promise<boolean> => !(await isClear());
/** The node's own record, in clear or sealed. */
const identity = (): Promise<string> => readFile(join(host.folder, "state", "node", "identity.json"), "latin1");

it("is turned on, locks the node at its restart, and the key opens it", async () => {
  await docker(`swarm init --advertise-addr ${host.address}`);
  expect(await isClear()).toBe(true);
  const id = await docker(`service create --detach --no-resolve-image --name web ${IMAGE}`);
  await expect
    .poll(() => docker("service ps --filter desired-state=running --format {{.CurrentState}} web"), { timeout: 60_000 })
    .toContain("Running");
  const running = async (): Promise<string> => (await run(["ps", "-q"], "", host.engineSocket)).stdout;
  const container = await running();
  expect(container).not.toBe("");

  const key = keyIn(await changing("swarm update --autolock=true", isSealed));
  expect(key).not.toBe("");
  expect(await docker("swarm unlock-key -q")).toBe(key);
  expect(await docker("info --format {{.Swarm.Cluster.Spec.EncryptionConfig.AutoLockManagers}}")).toBe("true");
  expect(await isSealed()).toBe(true);

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await restart(signal);
    expect(await state()).toBe("locked");
    for (const line of ["node ls", "service ls", "swarm unlock-key", `service inspect ${id}`])
      expect((await run(line.split(" "))).stderr).toContain(LOCKED);
    expect(await running()).toBe(container);
    const wrong = await run(["swarm", "unlock"], `SWMKEY-1-${"A".repeat(43)}\n`);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("invalid key provided")]);
    await docker("swarm unlock", `${key}\n`);
    expect(await state()).toBe("active");
    await expect.poll(() => docker("service ls --format {{.Replicas}}"), { timeout: 60_000 }).toBe("1/1");
    expect(await running()).toBe(container);
  }
  expect((await run(["swarm", "unlock"], `${key}\n`)).stderr).toContain("swarm is not locked");
}, 300_000);

it("has its key replaced", async () => {
  const old = await docker("swarm unlock-key -q");
  const before = await identity();
  const key = await changing("swarm unlock-key --rotate -q", async () => (await identity()) !== before);
  expect(key).toMatch(/^SWMKEY-1-/);
  expect(key).not.toBe(old);
  await restart();
  expect((await run(["swarm", "unlock"], old)).stderr).toContain("invalid key provided");
  await docker("swarm unlock", key);
  expect(await docker("swarm unlock-key -q")).toBe(key);
}, 300_000);

it("is turned off", async () => {
  await changing("swarm update --autolock=false", isClear);
  expect((await run(["swarm", "unlock-key"])).stderr).toContain("no unlock key is set");
  await restart();
  expect(await state()).toBe("active");
  expect(await isClear()).toBe(true);
}, 300_000);

it("is there from the start with init, and a locked node can be made to leave", async () => {
  await docker("swarm leave --force");
  const key = keyIn(await docker(`swarm init --autolock --advertise-addr ${host.address}`));
  expect(key).not.toBe("");
  expect(await isSealed()).toBe(true);
  await restart("SIGKILL");
  expect(await state()).toBe("locked");
  expect((await run(["swarm", "leave"])).stderr).toContain("Swarm is encrypted and locked.");
  await docker("swarm leave --force");
  expect(await state()).toBe("inactive");
  await docker(`swarm init --advertise-addr ${host.address}`);
  expect(await state()).toBe("active");
}, 120_000);
