import { assert } from "@murmur/base";
import type { ServiceId } from "@murmur/model";
import type { View } from "@murmur/store";
import { reconcileGlobal } from "./global.ts";
import { dropEarlierRuns, reconcileJob } from "./job.ts";
import type { ReconcileOptions, Reconciliation } from "./reconciliation.ts";
import { reconcileRemoval } from "./removal.ts";
import { reconcileReplicated } from "./replicated.ts";
import { Round } from "./round.ts";
import { reconcileStopped } from "./stopped.ts";

/**
 * What has to change so that the service's tasks become those that its spec asks for. Level-triggered: it reads all
 * from the view and remembers nothing, so it may be called at any time, by any leader. The same view, time and ids give
 * the same commands; a view in which nothing is to be done gives none.
 *
 * Before the next call for the same service, the commands of this one must have been applied or be known to be lost:
 * a second call on the same view would make the same tasks again.
 */
export function reconcile(view: View, id: ServiceId, options: ReconcileOptions): Reconciliation {
  assert((options.commandsMax ?? 1) > 0, "a round may return at least one command");
  const service = view.service(id);
  if (service === undefined) return { commands: [], looks: 0 };
  const round = new Round(view, service, options);
  if (service.removing === true) {
    reconcileRemoval(round);
    return round.result();
  }
  if (round.isJob) dropEarlierRuns(round);
  if (service.spec.stopped === true) {
    reconcileStopped(round);
    return round.result();
  }
  const { mode } = service.spec;
  switch (mode.kind) {
    case "replicated":
      reconcileReplicated(round, mode.replicas);
      break;
    case "global":
    case "global-job":
      reconcileGlobal(round);
      break;
    case "replicated-job":
      reconcileJob(round, mode);
      break;
  }
  return round.result();
}
