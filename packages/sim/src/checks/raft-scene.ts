import type { NodeId } from "@murmur/base";
import type { Manager, ManagerStatus } from "@murmur/manager";
import type { LogMirror } from "./log-mirror.ts";
import type { RaftHistory } from "./raft-history.ts";
import type { Judge, Named } from "./violation.ts";

/** What the checks of Raft look at on a host. */
export interface RaftHost extends Named {
  readonly member:
    | {
        readonly identity: { readonly nodeId: NodeId };
        readonly host: { manager(): Pick<Manager, "status"> | undefined };
      }
    | undefined;
}

/** Where a check stands: one host, its log, and what is known of all. */
export interface RaftScene {
  readonly judge: Judge;
  readonly host: RaftHost;
  readonly log: LogMirror;
  readonly history: RaftHistory;
}

export const statusOf = (host: RaftHost): ManagerStatus | undefined => host.member?.host.manager()?.status();

/** An entry's place in words. */
export const place = (index: number, term: number | undefined): string =>
  `entry ${String(index)}${term === undefined ? "" : ` of term ${String(term)}`}`;
