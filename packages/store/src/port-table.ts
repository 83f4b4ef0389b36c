import { addressesOverlap, type PortConfig, type Service, type ServiceId } from "@murmur/model";

interface Holding {
  readonly id: ServiceId;
  readonly port: PortConfig;
}

/**
 * Who holds which published port. An `ingress` port is taken on every node, so nobody else may have it, in either mode;
 * `host` ports are taken only where a task runs, so several services may share one (the scheduler keeps them apart). On
 * different addresses of the nodes the same number is two ports: `addressesOverlap` says what meets.
 */
export class PortTable {
  /** By protocol and number; on different addresses a service may hold one several times. */
  readonly #holdings = new Map<string, readonly Holding[]>();

  /** Follows a service; one that is being removed holds nothing. */
  move(previous: Service | undefined, current: Service | undefined): void {
    if (previous?.ports === current?.ports) return;
    for (const port of heldBy(previous)) {
      const key = keyOf(port);
      const rest = this.#at(key).filter(({ id }) => id !== previous?.id);
      if (rest.length === 0) this.#holdings.delete(key);
      else this.#holdings.set(key, rest);
    }
    if (current === undefined) return;
    for (const port of heldBy(current)) {
      const key = keyOf(port);
      this.#holdings.set(key, [...this.#at(key), { id: current.id, port }]);
    }
  }

  /** Another service that stands in the way of `service` taking this port, and the port that it holds. */
  holder(port: PortConfig, service: ServiceId): Holding | undefined {
    const inTheWay = this.#at(keyOf(port)).filter(
      (holding) =>
        holding.id !== service &&
        !(port.mode === "host" && holding.port.mode === "host") &&
        addressesOverlap(port.hostIp, holding.port.hostIp),
    );
    return inTheWay.find((holding) => holding.port.mode === "ingress") ?? inTheWay[0];
  }

  #at(key: string): readonly Holding[] {
    return this.#holdings.get(key) ?? [];
  }
}

const keyOf = ({ protocol, publishedPort }: PortConfig): string => `${protocol} ${publishedPort}`;

const heldBy = (service: Service | undefined): readonly PortConfig[] =>
  (service?.ports ?? []).filter(({ publishedPort }) => publishedPort > 0);
