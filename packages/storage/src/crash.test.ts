import { spawn } from "node:child_process";
import { once } from "node:events";
import { silentLog } from "@murmur/base";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openLogStorage } from "./file-log-storage.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { entry } from "./test-entries.ts";

interface Said {
  term: number;
  acknowledged: number;
  snapshot: number;
}

/** Runs the writing child until it has acknowledged some writes more, then kills it with SIGKILL. */
async function writeAndKill(directory: string, writes: number, meanwhile: () => Promise<void>): Promise<Said> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./crash-child.ts", import.meta.url)), directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const said: Said = { term: 0, acknowledged: 0, snapshot: 0 };
  let left = writes;
  let text = "";
  let once_ = meanwhile;
  try {
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      const lines = `${text}${String(chunk)}`.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) note(said, line);
      left -= lines.length;
      await once_();
      once_ = async () => {};
      if (left <= 0) child.kill("SIGKILL");
    }
  } finally {
    // Also when the test has failed: it would write for ever.
    child.kill("SIGKILL");
    await closed;
  }
  return said;
}

function note(said: Said, line: string): void {
  const [what = "", value] = line.split(" ");
  if (what === "term" || what === "acknowledged" || what === "snapshot")
    said[what] = Math.max(said[what], Number(value));
}

describe("a process that is killed while it writes", () => {
  it("finds everything that it had acknowledged, and its vote", { timeout: 180_000 }, async () => {
    await using directory = await temporaryDirectory();
    for (const writes of [20, 700, 300, 1500, 100]) {
      const said = await writeAndKill(directory.path, writes, async () => {
        const second = openLogStorage({ directory: directory.path, log: silentLog });
        await expect(second).rejects.toMatchObject({ code: "in_use" });
      });
      await using storage = await openLogStorage({ directory: directory.path, log: silentLog });
      const { recovered } = storage;
      expect(recovered.damage).toBeUndefined();
      expect(recovered.hardState).toMatchObject({ term: said.term, votedFor: `n${String(said.term)}` });
      expect(recovered.snapshot?.index ?? 0).toBeGreaterThanOrEqual(said.snapshot);
      expect(recovered.entries.at(-1)?.index ?? 0).toBeGreaterThanOrEqual(said.acknowledged);
      expect(recovered.entries[0]?.index).toBeLessThanOrEqual((recovered.snapshot?.index ?? 0) + 1);
      for (const stored of recovered.entries) expect(stored).toEqual(entry(stored.index, stored.term));
      await using reader = await storage.openSnapshot();
      if (reader === undefined) continue;
      const state = await reader.read(0, 200_000);
      expect(Buffer.compare(state, Buffer.alloc(200_000, reader.meta.index % 256))).toBe(0);
    }
  });
});
