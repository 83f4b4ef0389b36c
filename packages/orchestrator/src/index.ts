export { COMMANDS_MAX, type OrchestratorCommand, type ReconcileOptions, type Reconciliation } from "./reconciliation.ts";
