import type { KeyValue } from "@murmur/agent";
import type { NodeState } from "@murmur/storage";

/** The node's small durable records, in the form that the agent keeps its own in: bytes as base64 text. */
export function agentRecords(state: NodeState): KeyValue {
  return {
    get: async (key) => {
      const value = await state.get(nameOf(key));
      return typeof value === "string" ? Buffer.from(value, "base64") : undefined;
    },
    put: (key, value) => state.put(nameOf(key), base64(value)),
  };
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

/** Forgets the agent's records: this machine is in no cluster any more. */
export async function forgetAgentRecords(state: NodeState): Promise<void> {
  for (const key of ["agent.tasks", "agent.view"]) await state.delete(nameOf(key));
}

/** The agent's `agent.tasks` is the record `agent-tasks`. */
const nameOf = (key: string): string => key.replaceAll(".", "-");
