import type { KernelObject } from "../kernel-object.ts";

/** Docker's chain for rules of its users: it makes it, never flushes it, and asks it before its own. */
export const DOCKER_CHAIN = "DOCKER-USER";
/** What our rules in it are known by. */
export const ACCEPT_COMMENT = "murmur";

type Accept = KernelObject & { kind: "accept" };

/** One transaction of `iptables-restore`, for one family. Empty when there is nothing to do. */
export function acceptLines(removed: readonly Accept[], added: readonly Accept[]): readonly string[] {
  const lines = [
    ...removed.map((accept) => `-D ${DOCKER_CHAIN} ${ruleText(accept)}`),
    ...added.map((accept) => `-I ${DOCKER_CHAIN} ${ruleText(accept)}`),
  ];
  return lines.length === 0 ? [] : ["*filter", ...lines, "COMMIT"];
}

const ruleText = ({ direction, bridge }: Accept): string =>
  `-${direction === "in" ? "o" : "i"} ${bridge} -m conntrack --ctstate DNAT -m comment --comment ${ACCEPT_COMMENT} -j ACCEPT`;
