import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { afterEach, expect, it } from "vitest";

const program = new URL("main.ts", import.meta.url).pathname;
let child: ChildProcess;
afterEach(() => child.kill("SIGKILL"));

it("the daemon's word starts a worker, which ends with the daemon and not by a terminal's signals", async () => {
  child = fork(program, ["proxy-worker", "self", "127.0.0.1"], { serialization: "advanced", execArgv: [] });
  const table = { version: 1, networks: [], services: [] };
  const suspects = { withdrawn: new Set(), deadNodes: new Set() };
  child.send({ kind: "know", number: 7, knowledge: { table, sources: [], suspects } });
  expect(await once(child, "message")).toEqual([{ kind: "known", number: 7 }, undefined]);
  child.kill("SIGTERM");
  child.kill("SIGINT");
  child.send({ kind: "know", number: 8, knowledge: { table, sources: [], suspects } });
  expect(await once(child, "message")).toEqual([{ kind: "known", number: 8 }, undefined]);
  child.disconnect();
  expect(await once(child, "exit")).toEqual([0, null]);
});

it("without a daemon it is no command", async () => {
  child = spawn(process.execPath, [program, "proxy-worker"], { stdio: ["ignore", "ignore", "pipe"] });
  const [text] = (await once(child.stderr as Readable, "data")) as [Buffer];
  expect(text.toString()).toContain("unknown command 'proxy-worker'");
});
