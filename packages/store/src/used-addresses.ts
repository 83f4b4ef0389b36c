import { assert } from "@murmur/base";
import {
  assignableAddresses,
  formatIpAddress,
  knownAddress,
  type AssignableAddresses,
  type Subnet,
} from "@murmur/model";
import { NumberSet } from "./number-set.ts";

/** Which addresses of one subnet are in use, of those that may be given to tasks and services. */
export class UsedAddresses {
  readonly #assignable: AssignableAddresses;
  /** By distance from the first. */
  readonly #used = new NumberSet();
  #usedCount = 0;
  /** The gateway and the auxiliary addresses, as far as they lie among them: in use for ever, and nobody's to give back. */
  readonly #kept: number;

  constructor(subnet: Subnet) {
    this.#assignable = assignableAddresses(subnet);
    this.add(subnet.gateway);
    for (const address of Object.values(subnet.auxiliary ?? {})) this.add(address);
    this.#kept = this.#usedCount;
  }

  add(address: string): void {
    const place = this.#placeOf(address);
    if (place === undefined) return;
    assert(!this.#used.has(place), "no address is given twice");
    this.#used.add(place);
    this.#usedCount += 1;
  }

  delete(address: string): void {
    const place = this.#placeOf(address);
    if (place === undefined || !this.#used.has(place)) return;
    this.#used.delete(place);
    this.#usedCount -= 1;
  }

  /** How many tasks and services have, without those that are kept. */
  get used(): number {
    return this.#usedCount - this.#kept;
  }

  /** How many tasks and services can have. */
  get count(): number {
    return this.#assignable.count - this.#kept;
  }

  /** The first free address, looked for from one that `start` says, once round; undefined when all are in use. */
  free(start: number): string | undefined {
    const { family, first, count } = this.#assignable;
    const from = start % Math.max(1, count);
    const place = this.#used.firstMissing(from, count) ?? this.#used.firstMissing(0, from);
    return place === undefined ? undefined : formatIpAddress({ family, value: first + BigInt(place) });
  }

  /** Undefined for an address that isn't given to tasks and services: then it needn't be known that it is in use. */
  #placeOf(address: string): number | undefined {
    const { first, count } = this.#assignable;
    const place = knownAddress(address) - first;
    return place >= 0n && place < count ? Number(place) : undefined;
  }
}
