import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { systemCommands, type Commands } from "./commands.ts";
import { openKernel, type Kernel } from "./kernel.ts";
import type { Held } from "./read-kernel.ts";

vi.setConfig({ testTimeout: 300_000 });

let kernel: Kernel;
afterEach(() => kernel[Symbol.dispose]());

/** Reads this machine's kernel with a program in the place of `iptables`. */
async function readWith(does: string): Promise<Held> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "murmur-read-"));
  await writeFile(join(folder.path, "iptables"), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
  const commands: Commands = {
    run: ({ argv, ...rest }) =>
      systemCommands.run({ ...rest, argv: ["sh", "-c", `PATH=${folder.path}:$PATH exec "$@"`, "sh", ...argv] }),
  };
  kernel = await openKernel({ commands });
  return await kernel.read({ bridges: new Set(), ports: new Set(), containers: new Map() });
}

it("doesn't take rules that it couldn't read for rules that aren't there", async () => {
  await expect(readWith("exit 4")).rejects.toMatchObject({
    code: "unavailable",
    message: "reading the host's network failed: iptables: another program holds its lock",
  });
});

it.each(["echo 'No chain/target/match by that name.' >&2; exit 1", "exit 127"])(
  "finds no rules of Docker's where there is no chain, or no program: %s",
  async (does) => {
    expect((await readWith(does)).facts.dockerFilters).not.toContain(4);
  },
);

it("finds the chain of Docker's", async () => {
  expect((await readWith("echo '-N DOCKER-USER'")).facts.dockerFilters).toContain(4);
});
