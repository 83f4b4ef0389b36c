import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { DataPlaneKind } from "@murmur/model";

/** What the overlay drives the kernel with, and the Debian package of each. */
const TOOLS: readonly (readonly [tool: string, debianPackage: string])[] = [
  ["ip", "iproute2"],
  ["bridge", "iproute2"],
  ["nft", "nftables"],
  ["conntrack", "conntrack"],
];

/** The machine, as far as a data plane depends on it. */
export interface MachineFacts {
  readonly platform: string;
  readonly isRoot: boolean;
  /** Whether there is a program of this name. */
  hasTool(name: string): Promise<boolean>;
}

export const thisMachine: MachineFacts = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  async hasTool(name) {
    for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
      const found = await access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return true;
    }
    return false;
  },
};

/** Why a machine can't do a data plane, in one line that says what to do; undefined: it can. */
export async function planeObstacle(plane: DataPlaneKind, machine: MachineFacts): Promise<string | undefined> {
  if (plane === "ports") return undefined;
  if (machine.platform !== "linux") return `it needs Linux, and this is ${machine.platform}`;
  if (!machine.isRoot) return "it needs root: run the daemon as root";
  const missing: string[] = [];
  const packages = new Set<string>();
  for (const [tool, debianPackage] of TOOLS) {
    if (await machine.hasTool(tool)) continue;
    missing.push(tool);
    packages.add(debianPackage);
  }
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")} can't be found on PATH: install ${[...packages].join(" and ")} (Debian's names)`;
}
