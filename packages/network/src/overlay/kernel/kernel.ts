import { ClusterError } from "@murmur/base";
import type { Batch } from "../render/batch.ts";
import { PACKAGES } from "./commands.ts";
import { learnSkeletons, readContainers, readKernel, type Held, type Scope, type Skeletons } from "./read-kernel.ts";
import { NftShells } from "./nft-shells.ts";
import { outputOf, Runner, type Problem, type RunnerOptions } from "./runner.ts";

/**
 * The kernel of one host, as the overlay reads and changes it: a port, so that a simulated host has one, too. Disposing ends
 * the programs that are kept for it.
 */
export interface Kernel extends Disposable {
  /** Everything of ours on the host, and in containers. @throws ClusterError when it can't be read */
  read(scope: Scope): Promise<Held>;
  /** What of ours is in containers. @throws ClusterError as `read` */
  readContainers(containers: Scope["containers"]): Promise<Pick<Held, "state" | "ended">>;
  /** Does a batch. What fails does not keep the rest from being done. @throws ClusterError when nothing can be done */
  apply(batch: Batch): Promise<readonly Problem[]>;
}

/** The kernel of this machine, by the system's programs. @throws ClusterError `unsupported` when one is missing, or the process may not change the network */
export async function openKernel(options: RunnerOptions): Promise<Kernel> {
  for (const program of PROGRAMS) {
    outputOf(program, await options.commands.run({ argv: [program, "-V"], input: "" }));
  }
  const shells = new NftShells();
  const runner = new Runner({ ...options, shells });
  const skeletons = await learn(runner);
  return {
    read: (scope) => readKernel(runner, skeletons, scope),
    readContainers: (containers) => readContainers(runner, skeletons, { containers }),
    apply: (batch) => runner.apply(batch),
    [Symbol.dispose]: () => shells[Symbol.dispose](),
  };
}

/** All print their version for `-V`. `iptables` isn't one: a host without it has no chain of Docker's. */
const PROGRAMS = Object.keys(PACKAGES).filter((program) => program !== "iptables");

async function learn(runner: Runner): Promise<Skeletons> {
  try {
    return await learnSkeletons(runner);
  } catch (error) {
    const why = "the overlay can't use nftables in a namespace of its own; it needs root and a kernel with nftables";
    throw new ClusterError("unsupported", why, { cause: error });
  }
}
