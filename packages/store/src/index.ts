export { TABLES, type Change, type ChangeBatch, type Records, type TableName } from "./change.ts";
export { equal } from "./equal.ts";
export { refused, type ApplyResult, type Refusal } from "./result.ts";
export type { Restore } from "./restore.ts";
export { createStore, type Store } from "./store.ts";
export { hostnameOf } from "./state.ts";
export { slotOf, type View } from "./view.ts";
export type { Watch, WatchEvents, WatchOptions } from "./watch.ts";
