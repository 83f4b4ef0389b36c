import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import { encodeMembership, membershipOf, Raft, type Entry, type HardState } from "@murmur/raft";
import type { ManagerOptions } from "./manager-options.ts";
import type { LogEntry, LogStorage } from "./ports.ts";
import { membershipOfSnapshot } from "./raft-driver.ts";
import type { Replica } from "./replica.ts";
import { loadSnapshot } from "./snapshot-courier.ts";

interface StartLog {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

/** The core and the replica as the disk has them; what was committed after the snapshot comes out of the core again. */
export async function recoverRaft(options: ManagerOptions, replica: Replica): Promise<Raft> {
  const { storage, log, self, random, bootstrap, raftConfig = {} } = options;
  const { snapshot, damage } = storage.recovered;
  if (snapshot !== undefined) {
    const stored = await storage.openSnapshot();
    if (stored === undefined) throw new ClusterError("corrupt", "the stored snapshot is missing");
    await using reader = stored;
    await loadSnapshot(reader, replica);
  }
  if (damage !== undefined)
    log.warn("this node doesn't vote until it has again from the other managers what its log once had", {
      why: damage.reason,
      until: damage.lastIndex,
    });
  const isNew = bootstrap !== undefined && bootstrap.prepared !== true;
  const start = isNew ? await foundLog(storage, self) : recoveredLog(storage);
  return new Raft({
    id: self,
    membership: membershipOfSnapshot(snapshot),
    random,
    config: raftConfig,
    hardState: start.hardState,
    snapshot: { index: snapshot?.index ?? 0, term: snapshot?.term ?? 0 },
    entries: start.entries,
    appliedIndex: snapshot?.index ?? 0,
    ...(damage === undefined ? {} : { recovering: { untilIndex: damage.lastIndex } }),
  });
}

/** What the disk held, as the core wants it. */
function recoveredLog({ recovered }: LogStorage): StartLog {
  const { hardState, snapshot } = recovered;
  const vote = hardState.votedFor === undefined ? undefined : nodeId(hardState.votedFor);
  return {
    hardState: { term: hardState.term, vote, commit: hardState.commit },
    entries: recovered.entries.filter(({ index }) => index > (snapshot?.index ?? 0)).map(entryOf),
  };
}

/** The log of a new cluster: one committed entry that makes this node its only voter. */
async function foundLog(storage: LogStorage, self: NodeId): Promise<StartLog> {
  const { entries, snapshot } = storage.recovered;
  if (entries.length > 0 || snapshot !== undefined) {
    throw new ClusterError("already_in_cluster", "this node's log belongs to a cluster already");
  }
  const entry: Entry = { index: 1, term: 1, kind: "membership", data: encodeMembership(membershipOf([self])) };
  await storage.write({ hardState: { term: 1, commit: 1 }, entries: [entry] });
  return { hardState: { term: 1, vote: undefined, commit: 1 }, entries: [entry] };
}

function entryOf({ index, term, kind, data }: LogEntry): Entry {
  if (kind !== "normal" && kind !== "membership" && kind !== "noop") {
    throw new ClusterError(
      "corrupt",
      `the log holds an entry of an unknown kind (${kind}); it was written by a newer version`,
    );
  }
  return { index, term, kind, data };
}
