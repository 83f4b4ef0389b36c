import { nodeId } from "@murmur/base";
import { taskId } from "@murmur/model";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TmpfsFiles } from "./tmpfs-files.ts";

const NODE = nodeId("node1".padEnd(25, "0"));
const TASK = taskId("task1".padEnd(25, "0"));
const { signal } = new AbortController();
const file = (text: string, parts: object = {}) => ({
  target: "/run/secrets/x",
  bytes: new TextEncoder().encode(text),
  uid: 0,
  gid: 0,
  mode: 0o444,
  ...parts,
});

describe("files of tasks on a tmpfs", () => {
  let directory: string;
  let files: TmpfsFiles;
  beforeEach(async () => {
    directory = await mkdtemp("/dev/shm/murmur-test-");
    files = new TmpfsFiles({ directory, nodeId: NODE });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("have their owner and mode, in a directory that is nobody else's", async () => {
    const [first = "", second = ""] = await files.write(
      TASK,
      [file("one"), file("two", { uid: 103, gid: 104, mode: 0o400 })],
      { signal },
    );
    expect(await readFile(first, "utf8")).toBe("one");
    expect(await stat(first)).toMatchObject({ uid: 0, gid: 0, mode: 0o100444 });
    expect(await stat(second)).toMatchObject({ uid: 103, gid: 104, mode: 0o100400 });
    expect((await stat(join(directory, NODE))).mode & 0o777).toBe(0o700);
  });

  it("can be written twice, listed and removed", async () => {
    expect(await files.list()).toEqual([]);
    await files.write(TASK, [file("one", { mode: 0 })], { signal });
    const [path = ""] = await files.write(TASK, [file("one", { mode: 0 })], { signal });
    expect(await files.list()).toEqual([TASK]);
    await files.remove(TASK);
    await files.remove(TASK);
    expect(await files.list()).toEqual([]);
    await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  it("are removed by what this host has become since", async () => {
    await files.write(TASK, [file("one")], { signal });
    const later = new TmpfsFiles({ directory, nodeId: nodeId("node2".padEnd(25, "0")) });
    expect(await later.list()).toEqual([]);
    await later.remove(TASK);
    expect(await files.list()).toEqual([]);
  });

  it("are not written where others could look", async () => {
    await chmod(directory, 0o777);
    await expect(files.write(TASK, [file("one")], { signal })).rejects.toThrow("isn't this daemon's alone");
  });

  it("are not written to a disk", async () => {
    const disk = await mkdtemp(join(tmpdir(), "murmur-disk-"));
    const there = new TmpfsFiles({ directory: disk, nodeId: NODE });
    try {
      await expect(there.write(TASK, [file("one")], { signal })).rejects.toMatchObject({
        code: "failed_precondition",
        message: expect.stringContaining("--files-dir") as string,
      });
    } finally {
      await rm(disk, { recursive: true, force: true });
    }
  });
});
