import type { PortProtocol } from "@murmur/model";

/** A port that this node opens, or tries to. */
export interface ListenerStatus {
  readonly protocol: PortProtocol | "dns";
  readonly port: number;
  readonly state: "opening" | "listening" | "failed";
  /** One line: why it can't be opened. It is tried again. */
  readonly error?: string;
}

/** How it stands with a port, by what became of opening it. */
export function portStatus(
  { protocol, port }: Pick<ListenerStatus, "protocol" | "port">,
  { opened, problem }: { readonly opened: unknown; readonly problem: string | undefined },
): ListenerStatus {
  if (opened !== undefined) return { protocol, port, state: "listening" };
  return problem === undefined
    ? { protocol, port, state: "opening" }
    : { protocol, port, state: "failed", error: problem };
}
