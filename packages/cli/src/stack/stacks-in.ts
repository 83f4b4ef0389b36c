import type { MurmurClient } from "@murmur/api";
import { STACK_LABEL } from "./stack-name.ts";

export interface StackSummary {
  readonly name: string;
  readonly services: number;
}

/** The stacks that have services, by name, as Docker sorts them. */
export async function stacksIn(client: MurmurClient): Promise<readonly StackSummary[]> {
  const counts = new Map<string, number>();
  for (const { Spec } of await client.services({ filters: { label: [STACK_LABEL] } })) {
    const name = Spec.Labels?.[STACK_LABEL] ?? "";
    if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, services]) => ({ name, services }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}
