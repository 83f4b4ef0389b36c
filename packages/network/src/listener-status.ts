import type { PortProtocol } from "@murmur/model";

/** A port that this node opens, or tries to. */
export interface ListenerStatus {
  readonly protocol: PortProtocol | "dns";
  readonly port: number;
  /** The address that it is bound to; left out: those that the node publishes on. */
  readonly hostIp?: string;
  /** `elsewhere`: its address is not one of this node, and nothing is wrong with that. It may become one. */
  readonly state: "opening" | "listening" | "elsewhere" | "failed";
  /** One line: why it can't be opened. It is tried again. */
  readonly error?: string;
}

/** How it stands with a port, by what became of opening it. */
export function portStatus(
  { protocol, port, hostIp }: Pick<ListenerStatus, "protocol" | "port" | "hostIp">,
  {
    opened,
    problem,
    isExcused = false,
  }: { readonly opened: unknown; readonly problem: string | undefined; readonly isExcused?: boolean },
): ListenerStatus {
  const of = { protocol, port, ...(hostIp !== undefined && { hostIp }) };
  if (opened !== undefined) return { ...of, state: "listening" };
  if (problem !== undefined) return { ...of, state: "failed", error: problem };
  return { ...of, state: isExcused ? "elsewhere" : "opening" };
}
