import type { Operation } from "./history.ts";
import type { ServiceInput, ServiceOutput } from "./service-model.ts";

/**
 * The history without the creates of unknown outcome that left no trace: nobody named or was shown their service, and
 * nobody was refused its name without being told who has it. An order with such a create has one without it as well
 * (its id is its own), so nothing is lost; with them, each could fill any time in which its name was free, and the
 * search for an order that does not exist would try them all.
 */
export function withoutUnseenCreates(
  history: readonly Operation<ServiceInput, ServiceOutput>[],
): readonly Operation<ServiceInput, ServiceOutput>[] {
  const seen = new Set<string | undefined>();
  const refusedNames = new Set<string>();
  for (const { input, ending } of history) {
    if (input.kind !== "create" && input.kind !== "list") seen.add(input.id);
    if (ending.kind !== "returned") continue;
    const { output } = ending;
    if (output.kind === "service") seen.add(output.service.id);
    if (output.kind === "services") for (const { id } of output.services) seen.add(id);
    if (output.kind !== "refused" || output.code !== "name_conflict" || input.kind !== "create") continue;
    if (output.holder === undefined) refusedNames.add(input.name);
    else seen.add(output.holder);
  }
  return history.filter(
    ({ input, ending }) =>
      input.kind !== "create" || ending.kind !== "unknown" || seen.has(input.id) || refusedNames.has(input.name),
  );
}
