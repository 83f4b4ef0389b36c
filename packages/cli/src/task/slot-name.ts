import type { Task } from "@murmur/api";

/** `web.3`, as people call a task; of a global service with its node's id. */
export const slotName = ({ Murmur, NodeID }: Task): string =>
  `${Murmur.ServiceName}.${String(Murmur.Slot ?? NodeID ?? "")}`;
