import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { WEB_IMAGE } from "../hosts/host-cluster.ts";
import { ownName, removeLeftovers } from "../hosts/leftovers.ts";
import { removeCable, startSwitchedNetwork } from "../hosts/switched-network.ts";

const docker = (...args: readonly string[]): string => execFileSync("docker", args, { encoding: "utf8" }).trim();

const registries = new Map<string, ChildProcess>();

/** A network with a container in it, and a folder with the settings of what is called as a registry. */
async function make(name: string): Promise<void> {
  docker("network", "create", name);
  docker("run", "-d", "--name", `${name}-web`, "--network", name, WEB_IMAGE);
  const config = join(await mkdtemp(join(tmpdir(), `${name}-`)), "config.yml");
  await writeFile(config, "");
  const args = ["-e", "setInterval(() => {}, 60_000)", config];
  registries.set(name, spawn(process.execPath, args, { argv0: "/usr/bin/docker-registry", stdio: "ignore" }));
}
/** What there is of it. */
const left = async (name: string): Promise<readonly string[]> => [
  docker("network", "ls", "-q", "--filter", `name=${name}`),
  docker("ps", "-aq", "--filter", `name=${name}`),
  (await readdir(tmpdir())).filter((folder) => folder.startsWith(name)).join(),
  isAlive(registries.get(name)) ? "a registry" : "",
];
const isAlive = (child?: ChildProcess): boolean => child !== undefined && existsSync(`/proc/${String(child.pid)}/exe`);

const own = await ownName();
// The same process number with another start is another process.
const afterwards = (name: string): string => name.replace(/-[0-9]+(-[0-9a-f]{8})$/, "-1$1");
const dead = afterwards(own);
const switched = afterwards(await ownName());
const elsewhere = own.replace(/^murmur-test-[0-9a-f]{8}/, "murmur-test-00000000");
afterAll(async () => {
  execFileSync("sh", ["-c", `docker network rm ${switched}; true`], { stdio: "ignore" });
  await removeCable(switched).catch(() => {});
  for (const name of [own, dead, elsewhere]) {
    registries.get(name)?.kill();
    execFileSync("sh", ["-c", `docker rm -f ${name}-web; docker network rm ${name}; true`], { stdio: "ignore" });
    for (const folder of await readdir(tmpdir()))
      if (folder.startsWith(name)) await rm(join(tmpdir(), folder), { recursive: true });
  }
});

it("what a process that was killed has left is removed, and nothing of one that lives, or of another machine", async () => {
  for (const name of [own, dead, elsewhere]) await make(name);
  await removeLeftovers();
  expect(await left(dead)).toEqual(["", "", "", ""]);
  for (const name of [own, elsewhere]) expect(await left(name)).not.toContain("");
});

it("a switched network goes with the cable that it hangs on", async () => {
  const cables = async (): Promise<readonly string[]> =>
    (await readdir("/sys/class/net")).filter((name) => name.startsWith(`mm${switched.slice(-8)}`));
  await startSwitchedNetwork(switched);
  expect(await cables()).toHaveLength(2);
  await removeLeftovers();
  expect(docker("network", "ls", "-q", "--filter", `name=${switched}`)).toBe("");
  expect(await cables()).toEqual([]);
});
