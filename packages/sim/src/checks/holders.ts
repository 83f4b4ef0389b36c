import type { NodeId } from "@murmur/base";
import type { ClusterNode, Network, PortConfig, Service, Task } from "@murmur/model";
import type { View } from "@murmur/store";
import { AddressHolders } from "./address-holders.ts";
import type { Judge, Named } from "./violation.ts";

/** Who holds what may be held once, in one replica; kept up from its changes, independently of the store's own books. */
export class Holders {
  readonly nodes = new Map<NodeId, ClusterNode>();
  readonly #names = new Map<string, string>();
  readonly #ports = new Map<string, string>();
  readonly #keys = new Map<string, string>();
  readonly #addresses: AddressHolders;
  readonly #judge: Judge;
  readonly #host: Named;

  constructor(judge: Judge, host: Named, view: View) {
    this.#judge = judge;
    this.#host = host;
    this.#addresses = new AddressHolders(judge, host);
    for (const network of view.networks()) this.network(undefined, network);
    for (const node of view.nodes()) this.node(undefined, node);
    for (const service of view.services()) this.service(undefined, service);
    for (const task of view.tasks()) this.task(undefined, task);
  }

  network(previous: Network | undefined, current: Network | undefined): void {
    this.#addresses.network(previous, current);
  }

  task(previous: Task | undefined, current: Task | undefined): void {
    this.#addresses.task(previous, current);
  }

  node(previous: ClusterNode | undefined, current: ClusterNode | undefined): void {
    this.#addresses.node(previous, current);
    if (previous !== undefined) {
      this.#keys.delete(previous.keyDigest);
      this.nodes.delete(previous.id);
    }
    if (current === undefined) return;
    this.#take(this.#keys, current.keyDigest, { holder: current.id, check: "a node's key is its own", what: "key" });
    this.nodes.set(current.id, current);
  }

  service(previous: Service | undefined, current: Service | undefined): void {
    this.#addresses.service(previous, current);
    for (const [taken, key] of this.#held(previous)) taken.delete(key);
    if (current === undefined) return;
    for (const [taken, key] of this.#held(current)) {
      const [check, what] =
        taken === this.#names
          ? (["a name has one service", "name"] as const)
          : (["a published port has one service", "port"] as const);
      this.#take(taken, key, { holder: current.id, check, what });
    }
  }

  /** What a service holds; one that is being removed holds nothing. */
  #held(service: Service | undefined): (readonly [Map<string, string>, string])[] {
    if (service === undefined || service.removing === true) return [];
    const ports = service.ports.filter(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0);
    return [[this.#names, service.spec.name], ...ports.map((port) => [this.#ports, portKey(port)] as const)];
  }

  #take(
    taken: Map<string, string>,
    key: string,
    { holder, check, what }: { readonly holder: string; readonly check: string; readonly what: string },
  ): void {
    const other = taken.get(key);
    if (other !== undefined && other !== holder)
      this.#judge.refuse(check, this.#host, `${holder} has the ${what} ${key}`, `${other} has it, too`);
    taken.set(key, holder);
  }
}

const portKey = ({ protocol, publishedPort }: PortConfig): string => `${protocol} ${String(publishedPort)}`;
