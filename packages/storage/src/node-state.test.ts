import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openNodeState } from "./node-state.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("the node's own state", () => {
  it("gives back what was put, after it was opened again", async () => {
    await using directory = await temporaryDirectory();
    {
      await using state = await openNodeState({ directory: directory.path });
      expect(await state.get("identity")).toBeUndefined();
      await state.put("identity", { nodeId: "n1", keys: ["a", "b"] });
      await state.put("identity", { nodeId: "n2", keys: [] });
      await state.put("agent", [1, null, "ä"]);
      await state.put("gone", 1);
      await state.delete("gone");
      await state.delete("never-there");
    }
    await using state = await openNodeState({ directory: directory.path });
    expect(await state.get("identity")).toEqual({ nodeId: "n2", keys: [] });
    expect(await state.get("agent")).toEqual([1, null, "ä"]);
    expect(await state.get("gone")).toBeUndefined();
  });

  it("keeps any JSON", async () => {
    await using directory = await temporaryDirectory();
    await using state = await openNodeState({ directory: directory.path });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), async (value) => {
        await state.put("any", value);
        expect(JSON.stringify(await state.get("any"))).toBe(JSON.stringify(value));
      }),
      { numRuns: 50 },
    );
  });

  it("is for the owner's eyes only", async () => {
    await using parent = await temporaryDirectory();
    const directory = join(parent.path, "state");
    await mkdir(directory, { mode: 0o755 });
    await using state = await openNodeState({ directory });
    await state.put("identity", "secret");
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "identity.json"))).mode & 0o777).toBe(0o600);
  });

  it("does not mix calls that are not waited for", async () => {
    await using directory = await temporaryDirectory();
    await using state = await openNodeState({ directory: directory.path });
    const puts = Array.from({ length: 20 }, (_, at) => state.put("record", "x".repeat(at * 1000)));
    const read = state.get("record");
    await Promise.all(puts);
    expect(await read).toBe("x".repeat(19_000));
    expect((await readdir(directory.path)).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  it("never returns a damaged record", async () => {
    await using directory = await temporaryDirectory();
    await using state = await openNodeState({ directory: directory.path });
    await state.put("identity", { nodeId: "n1" });
    const path = join(directory.path, "identity.json");
    const intact = await readFile(path);
    for (let bit = 0; bit < intact.length * 8; bit += 5) {
      const bytes = Buffer.from(intact);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await writeFile(path, bytes);
      await expect(state.get("identity")).rejects.toMatchObject({ code: "corrupt" });
    }
    await writeFile(path, intact.subarray(0, 4));
    await expect(state.get("identity")).rejects.toMatchObject({ code: "corrupt" });
    await state.put("identity", 1);
    expect(await state.get("identity")).toBe(1);
  });

  it("belongs to one process at a time, and says to which", async () => {
    await using directory = await temporaryDirectory();
    await using state = await openNodeState({ directory: directory.path });
    const second = openNodeState({ directory: directory.path });
    await expect(second).rejects.toMatchObject({ code: "in_use" });
    await expect(second).rejects.toThrow(`in use by process ${String(process.pid)}; stop it first`);
    await state[Symbol.asyncDispose]();
    await using _again = await openNodeState({ directory: directory.path });
    await expect(state.get("identity")).rejects.toMatchObject({ code: "unavailable" });
  });

  it("refuses names that are no names, and values that are no JSON", async () => {
    await using directory = await temporaryDirectory();
    await using state = await openNodeState({ directory: directory.path });
    for (const name of ["", "../x", "A", "a".repeat(65)])
      await expect(state.put(name, 1)).rejects.toThrow("not a record's name");
    await expect(state.put("x", undefined)).rejects.toThrow("JSON");
  });
});
