export { affectedServices } from "./affected-services.ts";
export { calmOf, type Calm } from "./calm.ts";
export { QuietSlots } from "./quiet-slots.ts";
export { Reliefs } from "./reliefs.ts";
export { reconcile } from "./reconcile.ts";
export { reconcileNodes } from "./reconcile-nodes.ts";
export type { OrchestratorCommand, ReconcileOptions, Reconciliation } from "./reconciliation.ts";
