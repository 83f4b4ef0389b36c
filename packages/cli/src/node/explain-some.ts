import type { MurmurClient, Task, TaskExplanation } from "@murmur/api";
import { codeOf } from "@murmur/base";

/** Tasks that are asked about at once, and reasons that are shown. */
export const EXPLAINED_MAX = 20;

/** Where the first of some tasks stand; without those that are gone by then. */
export async function explainSome(
  client: MurmurClient,
  tasks: readonly Task[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly TaskExplanation[]> {
  const explained = await Promise.all(
    tasks.slice(0, EXPLAINED_MAX).map((task) =>
      client.explainTask(task.ID, options).catch((error: unknown) => {
        if (codeOf(error) === "not_found") return undefined;
        throw error;
      }),
    ),
  );
  return explained.filter((one) => one !== undefined);
}
