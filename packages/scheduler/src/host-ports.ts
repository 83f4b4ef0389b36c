import { addressesOverlap, type Task } from "@murmur/model";

/** A port of its node that a task takes for itself. */
export interface HostPort {
  /** `tcp:8080`. */
  readonly key: string;
  /** Left out: on all addresses of the node. */
  readonly hostIp?: string;
}

const NO_PORTS: readonly HostPort[] = [];

/** The ports of its node that a task takes for itself; those that the engine chooses are not among them. */
export function hostPortsOf(task: Task): readonly HostPort[] {
  if (task.endpointPorts.length === 0) return NO_PORTS;
  return task.endpointPorts
    .filter((port) => port.mode === "host" && port.publishedPort !== 0)
    .map(({ protocol, publishedPort, hostIp }) => ({
      key: `${protocol}:${String(publishedPort)}`,
      ...(hostIp !== undefined && { hostIp }),
    }));
}

/** `tcp:8080`, `tcp:8080 on 10.0.0.1`. */
export const hostPortText = ({ key, hostIp }: HostPort): string => (hostIp === undefined ? key : `${key} on ${hostIp}`);

/** What of a node's ports is taken. The same port on two addresses is two, unless one of them stands for the other. */
export class TakenPorts {
  readonly #ports = new Map<string, { readonly port: HostPort; count: number }[]>();

  /** Counts a task's hold on a port in (1) or out (-1). */
  count(port: HostPort, sign: 1 | -1): void {
    const held = this.#ports.get(port.key) ?? [];
    const same = held.find((other) => other.port.hostIp === port.hostIp);
    if (same === undefined) held.push({ port, count: sign });
    else same.count += sign;
    const left = held.filter(({ count }) => count !== 0);
    if (left.length === 0) this.#ports.delete(port.key);
    else this.#ports.set(port.key, left);
  }

  has({ key, hostIp }: HostPort): boolean {
    return this.#ports.get(key)?.some(({ port }) => addressesOverlap(port.hostIp, hostIp)) ?? false;
  }

  /** All of them with their counts, sorted. */
  summary(): readonly (readonly [string, number])[] {
    const all = [...this.#ports.values()].flat();
    return all.map(({ port, count }) => [hostPortText(port), count] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
