import { ClusterError, codeOf, messageOf } from "@murmur/base";
import type { Cli } from "./cli.ts";

/** Removes what is named, prints each name that is gone, and throws what failed after all were tried. */
export async function removeAll(
  cli: Cli,
  names: readonly string[],
  remove: (name: string) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      await remove(name);
      cli.print(name);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw allOf(failures);
}

function allOf(failures: readonly unknown[]): ClusterError {
  return new ClusterError(codeOf(failures[0]), [...new Set(failures.map(messageOf))].join("; "), {
    cause: failures[0],
  });
}
