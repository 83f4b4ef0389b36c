import type { OpenedBackup } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { PositionedState } from "@murmur/manager";
import type { Cluster } from "@murmur/model";
import { createStore } from "@murmur/store";

/** A backup in memory. */
export interface ReadBackup {
  readonly state: PositionedState;
  readonly cluster: Cluster;
  /** The generation that it was taken in. */
  readonly generation: number;
}

/** Takes a whole backup into memory. Errors: `corrupt` and what `openBackup` throws. */
export async function readBackup({ header, chunks }: OpenedBackup): Promise<ReadBackup> {
  const store = createStore();
  const restore = store.restore();
  const checked = (answer: { readonly ok: true } | { readonly ok: false; readonly message: string }): void => {
    if (!answer.ok) throw new ClusterError("corrupt", `the backup can't be read: ${answer.message}`);
  };
  for await (const chunk of chunks) checked(restore.push(chunk));
  checked(restore.finish());
  const cluster = store.view.cluster();
  if (cluster === undefined) throw new ClusterError("corrupt", "the backup holds no cluster");
  return { state: { index: header.index, term: header.term, store }, cluster, generation: header.generation };
}
