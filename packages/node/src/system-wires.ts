import { join } from "node:path";
import { openDataPlane } from "@murmur/network";
import { openLogStorage } from "@murmur/storage";
import { openDatagrams, openPeerTransport, parseAddress } from "@murmur/transport";
import type { DaemonOptions } from "./daemon-options.ts";
import type { MemberStart } from "./member.ts";
import type { MemberWires } from "./member-wires.ts";
import { MURMUR_VERSION } from "./version.ts";

/** The real sockets, disk and kernel. */
export function systemWires(
  options: DaemonOptions,
  { membership, clock, random, log }: Pick<MemberStart, "membership" | "clock" | "random" | "log">,
): MemberWires {
  const listen = parseAddress(membership.listen);
  const isWildcard = listen.host === "0.0.0.0" || listen.host === "::";
  return {
    openTransport: (wiring) => openPeerTransport({ ...wiring, listen, software: MURMUR_VERSION, clock, random, log }),
    openDatagrams: (handlers) => openDatagrams({ ...handlers, listen, log }),
    openLog: () => openLogStorage({ directory: raftDirectory(options), log }),
    openDataPlane: () =>
      openDataPlane({
        publishAddress: options.publishAddr ?? (isWildcard ? "0.0.0.0" : listen.host),
        dnsAddress: options.dnsAddr,
        upstreams: options.dnsUpstreams,
        clock,
        random,
        log,
      }),
  };
}

/** Where log and snapshots are kept. */
export const raftDirectory = ({ dataDir }: Pick<DaemonOptions, "dataDir">): string => join(dataDir, "raft");
