import { readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { TmpfsFiles } from "@murmur/agent";
import { openDataPlane } from "@murmur/network";
import { openLogStorage } from "@murmur/storage";
import { openDatagrams, openPeerTransport, parseAddress } from "@murmur/transport";
import type { DaemonOptions } from "./daemon-options.ts";
import { filesDirectory } from "./files-directory.ts";
import type { MemberStart } from "./member.ts";
import type { MemberWires } from "./member-wires.ts";
import { FIRST_GENERATION } from "./generation.ts";
import { openOverlay, type OverlayRuntime } from "./overlay-wires.ts";
import { MURMUR_VERSION } from "./version.ts";

/** The real sockets, disk and kernel. */
export function systemWires(
  options: DaemonOptions,
  start: Pick<MemberStart, "identity" | "membership" | "clock" | "random" | "log">,
  runtime: OverlayRuntime,
): MemberWires {
  const { membership, clock, random, log } = start;
  const listen = parseAddress(membership.listen);
  const isWildcard = listen.host === "0.0.0.0" || listen.host === "::";
  const self = start.identity.nodeId;
  const publishAddress = options.publishAddr ?? (isWildcard ? "0.0.0.0" : listen.host);
  const plane = {
    self,
    publishAddress,
    dnsAddress: options.dnsAddr,
    upstreams: options.dnsUpstreams,
    workers: {
      // This program again; `main` says the same word.
      program: { path: process.argv[1] ?? "", args: ["proxy-worker", self, publishAddress] },
      most: availableParallelism() - 1,
    },
    clock,
    random,
    log,
  };
  return {
    generic: options.genericResources,
    ...permitsOf(options),
    openTransport: (wiring) => openPeerTransport({ ...wiring, listen, software: MURMUR_VERSION, clock, random, log }),
    openDatagrams: (handlers) => openDatagrams({ ...handlers, listen, log }),
    openLog: (generation) => openLogStorage({ directory: logDirectory(options, generation), log }),
    keepOnlyLog: (generation) => removeLogs(options, logDirectory(options, generation)),
    openFiles: () => new TmpfsFiles({ directory: options.filesDir ?? filesDirectory(), nodeId: start.identity.nodeId }),
    openDataPlane: () => openDataPlane(plane),
    openOverlay: () => openOverlay({ ...plane, dataDir: options.dataDir, runtime, start }),
  };
}

function permitsOf({ allowPrivileged, allowDevices }: DaemonOptions): Pick<MemberWires, "permits"> {
  if (!allowPrivileged && allowDevices.length === 0) return {};
  return { permits: { ...(allowPrivileged && { privileged: true }), devices: allowDevices } };
}

type DataDir = Pick<DaemonOptions, "dataDir">;

/** Where log and snapshots of a generation are kept: `raft`, and after a recovery or a restore `raft-NUMBER`. */
const logDirectory = ({ dataDir }: DataDir, generation: number): string =>
  join(dataDir, generation === FIRST_GENERATION ? "raft" : `raft-${String(generation)}`);

/** Removes the logs and snapshots of all generations but, perhaps, one. */
export async function removeLogs({ dataDir }: DataDir, except?: string): Promise<void> {
  const names = await readdir(dataDir).catch((): string[] => []);
  for (const name of names) {
    const path = join(dataDir, name);
    if (/^raft(-\d+)?$/.test(name) && path !== except) await rm(path, { recursive: true, force: true });
  }
}
