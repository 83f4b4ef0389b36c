import type { Records, TableName, Write, WriteOf } from "./change.ts";
import type { Copy } from "./snapshot.ts";
import { restartKey, State } from "./state.ts";

/** A copy of a state that is being made. */
export interface Fork<T> {
  /** Takes in at most so many records more; what was asked for once all of them are in, undefined before. */
  read(recordsMax: number): T | undefined;
}

/**
 * Makes a second state of the records of a first one, a slice at a time. Records are shared, for they never change; what
 * is written to either state afterwards is not seen in the other.
 */
export class StateFork<T> implements Fork<T> {
  readonly #records: Iterator<Write>;
  readonly #state: State;
  readonly #finish: (state: State) => T;

  constructor(copy: Copy, finish: (state: State) => T) {
    this.#state = new State(copy.version);
    this.#records = writesOf(copy);
    this.#finish = finish;
  }

  read(recordsMax: number): T | undefined {
    for (let left = recordsMax; left > 0; left -= 1) {
      const { value, done } = this.#records.next();
      if (done === true) return this.#finish(this.#state);
      this.#state.write(this.#state.version, [value]);
    }
    return undefined;
  }
}

/** In the order in which a snapshot has them. */
function* writesOf(copy: Copy): Generator<Write, undefined, undefined> {
  for (const record of copy.cluster) yield put("cluster", record.id, record);
  for (const record of copy.nodes) yield put("nodes", record.id, record);
  for (const record of copy.networks) yield put("networks", record.id, record);
  for (const record of copy.secrets) yield put("secrets", record.id, record);
  for (const record of copy.configs) yield put("configs", record.id, record);
  for (const record of copy.services) yield put("services", record.id, record);
  for (const record of copy.tasks) yield put("tasks", record.id, record);
  for (const record of copy.restarts) yield put("restarts", restartKey(record.serviceId, record.slot), record);
  return undefined;
}

const put = <T extends TableName>(table: T, id: string, current: Records[T]): WriteOf<T> => ({
  kind: "put",
  table,
  id,
  current,
});
