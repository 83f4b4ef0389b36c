import { ClusterError } from "@murmur/base";
import type { ClusterFacts, EndpointTable, Task, TaskStatus } from "@murmur/model";

/**
 * What an agent remembers over its own restart: its tasks and how far each was. With it a node whose managers are all
 * away goes on as before.
 */
export interface SavedTasks {
  readonly tasks: readonly { readonly task: Task; readonly status: TaskStatus }[];
}

/** What traffic and gossip need before a manager answers. Holds the gossip keys: the store must be private. */
export interface SavedView {
  /** Left out as long as none came. */
  readonly endpoints?: EndpointTable;
  readonly cluster?: ClusterFacts;
}

interface Saved<T> {
  /** Raised when a form above changes; a record of another form counts as none, because a manager sends all anew. */
  readonly format: 1;
  readonly value: T;
}

const FORMAT: Saved<unknown>["format"] = 1;

export function encodeSavedView(value: SavedView): Uint8Array {
  const record: Saved<SavedView> = { format: FORMAT, value };
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Each change of one task writes all of them: of the others the text is the one of the last time. Forgotten with the task. */
const texts = new WeakMap<Task, { readonly status: TaskStatus; readonly text: string }>();

export function encodeSavedTasks({ tasks }: SavedTasks): Uint8Array {
  const value = tasks.map(({ task, status }) => {
    const before = texts.get(task);
    if (before?.status === status) return before.text;
    const text = JSON.stringify({ task, status });
    texts.set(task, { status, text });
    return text;
  });
  return new TextEncoder().encode(`{"format":${String(FORMAT)},"value":{"tasks":[${value.join(",")}]}}`);
}

/**
 * Reads what was encoded here; undefined when there is nothing, or another format. Storage has checked the bytes, so
 * a record of our format is taken as it is. Throws `corrupt` when it isn't even JSON.
 */
export function decodeSaved<T extends SavedTasks | SavedView>(bytes: Uint8Array | undefined): T | undefined {
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ClusterError("corrupt", "the agent's saved state cannot be read", { cause: error });
  }
  return isSaved<T>(value) ? value.value : undefined;
}

function isSaved<T>(value: unknown): value is Saved<T> {
  return typeof value === "object" && value !== null && "format" in value && value.format === 1 && "value" in value;
}
