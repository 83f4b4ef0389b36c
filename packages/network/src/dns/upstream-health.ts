import type { Millis } from "@murmur/base";

/** Questions in a row without any answer, after which a server is set aside. One alone may be the question's fault. */
const FAILURES_MAX = 3;
/** How long a server that was set aside is left alone before it is tried again; doubled each time. */
const PROBE_FIRST_MS: Millis = 5_000;
const PROBE_LAST_MS: Millis = 60_000;

type Health =
  | { readonly state: "usable"; readonly failures: number }
  | { readonly state: "aside"; readonly probeAt: Millis; readonly delayMs: Millis };

const HEALTHY: Health = { state: "usable", failures: 0 };

/** Which servers upstream are worth asking. Pure: it is told what happened, and when. */
export class UpstreamHealth {
  /** In the order in which the administrator gave them. */
  readonly #servers: Health[];

  constructor(count: number) {
    this.#servers = Array.from({ length: count }, () => HEALTHY);
  }

  /** All of them in the order to ask them: as given, those set aside last, as there may be no others. */
  order(): readonly number[] {
    const all = [...this.#servers.keys()];
    return [...all.filter((index) => !this.#isAside(index)), ...all.filter((index) => this.#isAside(index))];
  }

  /** One that was set aside and should be tried beside the others, so that nobody has to wait for it. */
  probe(now: Millis): number | undefined {
    const index = this.#servers.findIndex((health) => health.state === "aside" && health.probeAt <= now);
    const health = this.#servers[index];
    if (health?.state !== "aside") return undefined;
    const delayMs = Math.min(PROBE_LAST_MS, health.delayMs * 2);
    this.#servers[index] = { state: "aside", probeAt: now + delayMs, delayMs };
    return index;
  }

  answered(index: number): void {
    this.#servers[index] = HEALTHY;
  }

  silent(index: number, now: Millis): void {
    const health = this.#servers[index];
    if (health?.state !== "usable") return;
    const failures = health.failures + 1;
    this.#servers[index] =
      failures < FAILURES_MAX
        ? { state: "usable", failures }
        : { state: "aside", probeAt: now + PROBE_FIRST_MS, delayMs: PROBE_FIRST_MS };
  }

  #isAside(index: number): boolean {
    return this.#servers[index]?.state === "aside";
  }
}
