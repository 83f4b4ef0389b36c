import type { DataPlaneKind } from "@murmur/model";
import type { CallMember } from "./admission.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import type { CallExternalCa } from "./external-ca.ts";
import type { IdentityStore } from "./identity-store.ts";
import type { MemberStart } from "./member.ts";
import type { MemberWires } from "./member-wires.ts";

/** What stays the same over a machine's memberships. */
export type LocalNodeStart = Omit<MemberStart, "identity" | "membership" | "bootstrap" | "seeds" | "wires">;

/** What a membership needs of the machine. `systemEdge` is the real one. */
export interface LocalNodeEdge {
  wires(start: Omit<MemberStart, "wires">): MemberWires;
  /** Rejects in one line when the peers' port can't be bound. */
  checkListenable(address: string): Promise<void>;
  /** Why this machine can't do a data plane, in one line; undefined: it can. */
  canDo(plane: DataPlaneKind): Promise<string | undefined>;
  /** What the machine has addresses in, or routes to: no network of an overlay may overlap it. Only asked where it can do one. */
  hostSubnets(): Promise<readonly string[]>;
  /** Calls a member of a cluster that this node isn't in yet. */
  callMember(signal: AbortSignal): CallMember;
  /** How external CAs are reached. A world without them needs none. */
  readonly callExternalCa?: CallExternalCa;
  /** Removes the log and the snapshots of a membership that is over. */
  wipeLog(): Promise<void>;
  /** Removes what a membership's overlay has left in the kernel and in the engine; logs what it can't remove. */
  wipeOverlay?(): Promise<void>;
}

export interface LocalNodeOptions {
  readonly daemon: Pick<DaemonOptions, "listenAddr" | "advertiseAddr" | "dataPlane" | "peers" | "hostname">;
  readonly identities: IdentityStore;
  readonly start: LocalNodeStart;
  readonly edge: LocalNodeEdge;
}
