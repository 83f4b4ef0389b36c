import type { PortConfig, PortProtocol, Service, ServiceId } from "@murmur/model";
import { Lookup } from "./lookup.ts";

/**
 * Who holds which published port. An `ingress` port is taken on every node, so nobody else may have it, in either mode;
 * `host` ports are taken only where a task runs, so several services may share one (the scheduler keeps them apart).
 */
export class PortTable {
  readonly #holders: Readonly<Record<PortConfig["mode"], Lookup<ServiceId>>> = {
    ingress: new Lookup(),
    host: new Lookup(),
  };

  /** Follows a service; one that is being removed holds nothing. */
  move(previous: Service | undefined, current: Service | undefined): void {
    const id = current?.id ?? previous?.id;
    if (id === undefined || previous?.ports === current?.ports) return;
    for (const mode of ["ingress", "host"] as const) {
      this.#holders[mode].move(id, keysOf(previous, mode), keysOf(current, mode));
    }
  }

  /** Another service that stands in the way of `service` taking this port. */
  holder(
    port: PortConfig,
    service: ServiceId,
  ): { readonly id: ServiceId; readonly mode: PortConfig["mode"] } | undefined {
    const key = keyOf(port.protocol, port.publishedPort);
    for (const mode of ["ingress", "host"] as const) {
      if (mode === "host" && port.mode === "host") continue;
      const id = this.#holders[mode].get(key).find((other) => other !== service);
      if (id !== undefined) return { id, mode };
    }
    return undefined;
  }

  /** Whether any service has this port, in any mode. */
  isTaken(protocol: PortProtocol, port: number): boolean {
    const key = keyOf(protocol, port);
    return this.#holders.ingress.get(key).length > 0 || this.#holders.host.get(key).length > 0;
  }
}

const keyOf = (protocol: PortProtocol, port: number): string => `${protocol} ${port}`;

function keysOf(service: Service | undefined, mode: PortConfig["mode"]): readonly string[] {
  const held = (service?.ports ?? []).filter((port) => port.mode === mode && port.publishedPort > 0);
  return held.map((port) => keyOf(port.protocol, port.publishedPort));
}
