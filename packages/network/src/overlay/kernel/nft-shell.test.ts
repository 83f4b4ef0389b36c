import { existsSync } from "node:fs";
import { mkdtemp, mkdtempDisposable, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Namespace } from "../testing/namespace.ts";
import { NftShell } from "./nft-shell.ts";
import { NftShells } from "./nft-shells.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SET = "inet test numbers";
/** How long a busy machine may take to do what it does at once otherwise. */
const PATIENT_MS = 45_000;
const elements = async (namespace: Namespace): Promise<readonly string[]> =>
  [...(await namespace.run(`nft list set ${SET}`)).matchAll(/10\.0\.\d+\.\d+/g)].map(String);

describe("a shell of nft in a namespace", () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await Namespace.open("nft");
  });
  afterAll(() => namespace[Symbol.asyncDispose]());
  beforeEach(async () => {
    const lines = ["add table inet test", "delete table inet test", "add table inet test"];
    await namespace.feed("nft -f -", [...lines, `add set ${SET} { type ipv4_addr; }`, ""].join("\n"));
  });

  function open(idleMs = 60_000) {
    const ended = Promise.withResolvers<void>();
    const shell = new NftShell({
      netns: namespace.path,
      idleMs,
      firstAnswerMs: PATIENT_MS,
      onEnd: () => ended.resolve(),
    });
    return { shell, ended: ended.promise, [Symbol.dispose]: () => shell.end() };
  }

  it("does its lines as one transaction, again and again", async () => {
    using opened = open();
    for (const part of [1, 2, 3]) {
      const lines = [1, 2].map((last) => `add element ${SET} { 10.0.${String(part)}.${String(last)} }`);
      expect(await opened.shell.run(lines)).toEqual({ status: 0, output: "", errors: "" });
    }
    expect(await elements(namespace)).toHaveLength(6);
    expect(opened.shell.answered).toBe(3);
  });

  it("does nothing of a transaction with an error, says what it was, and goes on", async () => {
    using opened = open();
    const bad = await opened.shell.run([
      `add element ${SET} { 10.0.0.1 }`,
      "add element inet test letters { 10.0.0.2 }",
    ]);
    expect(bad.status).toBe(1);
    expect(bad.errors).toMatch(/^Error: No such file or directory/);
    const nonsense = await opened.shell.run([`add element ${SET} { 10.0.0.1 }`, "gibberish"]);
    expect(nonsense.errors).toMatch(/^Error: syntax error/);
    expect(await elements(namespace)).toEqual([]);
    expect(await opened.shell.run([`add element ${SET} { 10.0.0.3 }`])).toMatchObject({ status: 0 });
    expect(await elements(namespace)).toEqual(["10.0.0.3"]);
  });

  it("answers with what it is to list", async () => {
    using opened = open();
    await opened.shell.run([`add element ${SET} { 10.0.0.7 }`]);
    const { status, output } = await opened.shell.run([`list set ${SET}`]);
    expect(status).toBe(0);
    expect(JSON.stringify(JSON.parse(output))).toContain("10.0.0.7");
  });

  it("takes a transaction as long as any", async () => {
    using opened = open();
    const all = Array.from({ length: 5_000 }, (_none, at) => `10.0.${String(at >> 8)}.${String(at & 255)}`);
    expect(await opened.shell.run([`add element ${SET} { ${all.join(", ")} }`])).toMatchObject({ status: 0 });
    expect(await elements(namespace)).toHaveLength(5_000);
  });

  it("ends when it is told nothing for a while, and says so once it takes no more", async () => {
    const { shell, ended } = open(50);
    await shell.run([`add element ${SET} { 10.0.0.1 }`]);
    await ended;
    expect((await shell.run([`add element ${SET} { 10.0.0.2 }`])).status).not.toBe(0);
    expect(await elements(namespace)).toEqual(["10.0.0.1"]);
  });

  it("leaves nothing in the user's home", async () => {
    const home = await mkdtemp(join(tmpdir(), "murmur-"));
    vi.stubEnv("HOME", home);
    const { shell } = open();
    vi.unstubAllEnvs();
    await shell.run([`add element ${SET} { 10.0.0.1 }`]);
    const pid = shell.pid;
    shell.end();
    await vi.waitFor(() => expect(existsSync(`/proc/${String(pid)}`)).toBe(false), { timeout: PATIENT_MS });
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });

  it("makes room for another when it was told much", async () => {
    const { shell, ended } = open();
    let isOver = false;
    void ended.then(() => (isOver = true));
    const some = Array.from({ length: 2_000 }, (_none, at) => `10.1.${String(at >> 8)}.${String(at & 255)}`).join(", ");
    while (!isOver && shell.answered < 20)
      expect(await shell.run([`add element ${SET} { ${some} }`])).toMatchObject({ status: 0 });
    expect(shell.answered).toBeGreaterThan(10);
    expect(shell.answered).toBeLessThan(16);
  });

  it("says that it has ended when it is killed in the midst", async () => {
    using opened = open();
    await opened.shell.run([`add element ${SET} { 10.0.0.1 }`]);
    opened.shell.kill();
    const asked = opened.shell.run([`list set ${SET}`]);
    expect(await asked).toMatchObject({ status: -1, errors: "nft has ended in the midst of it" });
  });

  it("has one shell a place, and a process can go when it is disposed of", async () => {
    const shells = new NftShells(PATIENT_MS);
    const add = (last: number) => shells.run("a", namespace.path, [`add element ${SET} { 10.0.0.${String(last)} }`]);
    expect(await add(1)).toMatchObject({ status: 0 });
    expect(await add(2)).toMatchObject({ status: 0 });
    expect(await shells.run("b", namespace.path, [`list set ${SET}`])).toMatchObject({ status: 0 });
    expect(shells.size).toBe(2);
    shells[Symbol.dispose]();
    expect(shells.size).toBe(0);
    expect(await add(3)).toBeUndefined();
  });

  it("says of a namespace that isn't there that it is gone, and does not blame nft", async () => {
    using shells = new NftShells(PATIENT_MS);
    expect(await shells.run("gone", "/proc/0/ns/net", ["list tables"])).toMatchObject({ status: 1 });
    expect(await shells.run("there", namespace.path, ["list tables"])).toMatchObject({ status: 0 });
  });

  const line = [`add element ${SET} { 10.0.0.1 }`];
  /** Shells where nft did something else, so many times. */
  async function afterFailures(does: string, times: number, firstAnswerMs = 300): Promise<NftShells> {
    await using folder = await mkdtempDisposable(join(tmpdir(), "murmur-"));
    await writeFile(join(folder.path, "nft"), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder.path}:${process.env["PATH"] ?? ""}`);
    const shells = new NftShells(firstAnswerMs);
    for (let failed = 0; failed < times; failed += 1)
      expect(await shells.run(String(failed), namespace.path, line)).toBeUndefined();
    vi.unstubAllEnvs();
    return shells;
  }

  // The last leaves a process behind that holds its output open, so that its end is heard of only seconds after it was killed.
  it.each(["exit 1", "exec cat", "exec sleep 60", "sleep 5 & exec sleep 60"])(
    "does without where nft has no such mode: %s",
    async (does) => {
      using shells = await afterFailures(does, 3);
      expect(await shells.run("a", namespace.path, line)).toBeUndefined();
      expect(shells.size).toBe(0);
    },
  );

  it("tries again after a failure or two, which a machine that stands still may cause, and for ever once one has answered", async () => {
    using shells = await afterFailures("exit 1", 2, PATIENT_MS);
    expect(await shells.run("a", namespace.path, line)).toMatchObject({ status: 0 });
    shells.leave("a");
    vi.stubEnv("PATH", "/no/such/folder");
    for (const place of ["b", "c", "d"]) expect(await shells.run(place, namespace.path, line)).toBeUndefined();
    vi.unstubAllEnvs();
    expect(await shells.run("e", namespace.path, line)).toMatchObject({ status: 0 });
  });

  it("leaves what is long to a process", async () => {
    using shells = new NftShells(PATIENT_MS);
    const all = Array.from({ length: 5_000 }, (_none, at) => `10.0.${String(at >> 8)}.${String(at & 255)}`).join(", ");
    expect(await shells.run("a", namespace.path, [`add element ${SET} { ${all} }`])).toBeUndefined();
    expect(shells.size).toBe(0);
  });

  it("keeps at most 64, and lets go of those that were used longest ago", async () => {
    using shells = new NftShells(PATIENT_MS);
    for (let place = 0; place < 70; place += 1) {
      expect(await shells.run(String(place), namespace.path, ["list tables"])).toMatchObject({ status: 0 });
    }
    expect(shells.size).toBe(64);
  });
});
