import type { Cluster } from "@murmur/api";
import type { Process } from "../world/process.ts";

/** What clients ask of a manager. */
export type Desk = Pick<Cluster, "read" | "submit" | "seal">;

/** A manager as clients reach it: a process that is held up takes a request in when it runs on, one that died never does. */
export function deskOf(cluster: Desk, process: Process): Desk {
  const enter = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => process.enter(() => void work().then(resolve, reject)));
  return {
    read: (consistency, signal) => enter(() => cluster.read(consistency, signal)),
    seal: (plain, id) => enter(() => cluster.seal(plain, id)),
    submit: (command, options) => enter(() => cluster.submit(command, options)),
  };
}
