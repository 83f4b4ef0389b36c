export { containerLabels, ownerLabels, taskOf } from "./labels.ts";
export type {
  Abortable,
  Container,
  ContainerEvent,
  ContainerRequest,
  ContainerState,
  ContainerSummary,
  EngineInfo,
  KeyValue,
  NodeContext,
  Runtime,
  Session,
  Sessions,
  Withdrawals,
} from "./ports.ts";
