import type { NetworkId, Task } from "@murmur/model";
import { noFreeAddress, type View } from "@murmur/store";

/** What a scheduler may know of networks: how many addresses they have left. */
export type NetworkView = Pick<View, "network" | "addressUse">;

type Networks = Task["networks"];

/** The addresses that networks have left for tasks, as a batch goes on. */
export class FreeAddresses {
  readonly #view: NetworkView;
  /** How many this batch has taken of each network. */
  readonly #taken = new Map<NetworkId, number>();

  constructor(view: NetworkView) {
    this.#view = view;
  }

  /** Why a task can't have an address in each of its networks, in one line; undefined: it can. */
  lack(networks: Networks): string | undefined {
    for (const { networkId } of networks) {
      const use = this.#view.addressUse(networkId);
      if (use !== undefined && use.count - use.used <= (this.#taken.get(networkId) ?? 0))
        return noFreeAddress(this.#view, networkId);
    }
    return undefined;
  }

  take(networks: Networks): void {
    for (const { networkId } of networks) this.#taken.set(networkId, (this.#taken.get(networkId) ?? 0) + 1);
  }
}
