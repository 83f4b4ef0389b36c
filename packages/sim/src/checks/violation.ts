import type { Millis } from "@murmur/base";

/** Something that must never be has been: the run has failed. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** The name of the check, which says what it asserts. */
  readonly check: string;

  /** `facts`: the two that contradict each other, in words. */
  constructor(check: string, where: { readonly host: string; readonly at: Millis }, facts: readonly [string, string]) {
    super(`${check}: ${where.host} at ${(where.at / 1_000).toFixed(4)} s: ${facts[0]}; but ${facts[1]}`);
    this.check = check;
  }
}

/** What a check needs of a host to say where it found something. */
export interface Named {
  readonly name: string;
}

/** Throws violations with the time and the host of the moment. */
export class Judge {
  readonly #now: () => Millis;

  constructor(now: () => Millis) {
    this.#now = now;
  }

  get now(): Millis {
    return this.#now();
  }

  /** Throws. `fact` is what was just seen, `contradicted` what it contradicts. */
  refuse(check: string, host: Named, fact: string, contradicted: string): never {
    throw new Violation(check, { host: host.name, at: this.#now() }, [fact, contradicted]);
  }
}
