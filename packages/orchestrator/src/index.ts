export { affectedServices } from "./affected-services.ts";
export { reconcile } from "./reconcile.ts";
export { ORPHAN_AFTER_MS, reconcileNodes } from "./reconcile-nodes.ts";
export {
  COMMANDS_MAX,
  type OrchestratorCommand,
  type ReconcileOptions,
  type Reconciliation,
} from "./reconciliation.ts";
export { BACKOFF_CEILING_MS } from "./restart.ts";
export { STOP_WAIT_MS } from "./settle.ts";
export { ENGINE_GRACE_MS } from "./verdict.ts";
