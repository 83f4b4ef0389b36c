import type { EngineNetwork, SimulatedRuntime } from "@murmur/agent";
import { ClusterError, type Clock, type Millis, type Random } from "@murmur/base";
import { bridgeOf, SimulatedKernel, type EngineSide, type Kernel, type OverlayHost } from "@murmur/network";
import type { Process } from "./process.ts";

/** What goes wrong at the moment; change it at any time. */
export interface KernelFaults {
  /** Probability that a tool refuses what it is told. */
  refusals: number;
  /** A phase of a rendering, or a look, takes up to so long. */
  slownessMs: Millis;
}

const SLOWNESS_MS: Millis = 15;

/** The part of a host's kernel that its overlay is in. It outlives the daemon's processes, and is lost with the host's power. */
export class HostKernel {
  readonly state: SimulatedKernel;
  readonly faults: KernelFaults = { refusals: 0, slownessMs: SLOWNESS_MS };
  /** When somebody else altered it last, in simulated time. */
  disturbedAt: Millis = -Infinity;
  /** When it last refused something that it was told. */
  #refusedAt: Millis = -Infinity;
  /** When the process that uses it began to, and the namespaces that it has been in since. */
  openedAt: Millis = -Infinity;
  #entered = new Set<string>();
  readonly #engine: SimulatedRuntime;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(engine: SimulatedRuntime, clock: Clock, random: Random) {
    this.#engine = engine;
    this.#clock = clock;
    this.#random = random;
    this.state = new SimulatedKernel(engineSide(engine));
  }

  /** All is well again. */
  heal(): void {
    Object.assign(this.faults, { refusals: 0, slownessMs: SLOWNESS_MS });
  }

  disturbed(): void {
    this.disturbedAt = this.#clock.monotonic();
  }

  /** Whether it took all that it was told since a moment, and nobody else has altered it. */
  isWellSince(at: Millis): boolean {
    return this.disturbedAt < at && this.#refusedAt < at;
  }

  /** Whether the process that uses it has been in a namespace. */
  hasEntered(place: string): boolean {
    return this.#entered.has(place);
  }

  /** As a process sees it. What it has begun ends with it, at a phase's end: its tools are killed, too. */
  openedBy(process: Process): Kernel {
    this.openedAt = this.#clock.monotonic();
    this.#entered = new Set();
    const after = <T>(work: () => T): Promise<T> =>
      process.call(async () => {
        await this.#pause();
        return work();
      });
    return {
      read: (scope) => after(() => this.state.read(scope)),
      readContainers: (containers) => after(() => this.state.readContainers(containers)),
      apply: async (batch) => {
        const problems = [];
        for (const phase of batch) {
          const found = await after(() => (process.alive ? phase.flatMap((steps) => this.#place(steps)) : []));
          problems.push(...found);
        }
        return problems;
      },
      [Symbol.dispose]: () => {},
    };
  }

  /** What a process finds out about its host beside that. */
  seenBy(process: Process): OverlayHost {
    const look = <T>(work: () => T): Promise<T> => process.call(async () => work());
    const engine = engineSide(this.#engine);
    return {
      subnets: async () => [],
      bridges: () => look(() => new Set(engine.bridges().keys())),
      containerPorts: (netns, networkIds) =>
        look(() => {
          const ports = engine.containers().get(netns);
          return new Map(
            networkIds.map((id) => {
              const port = ports?.get(bridgeOf(id));
              if (port !== undefined) return [id, port] as const;
              throw new ClusterError("unavailable", `the container is not connected to the bridge ${bridgeOf(id)}`);
            }),
          );
        }),
    };
  }

  #pause(): Promise<void> {
    const delayMs = this.#random.next() * this.faults.slownessMs;
    return new Promise((resolve) => void this.#clock.setTimer(delayMs, resolve));
  }

  #place({ place, steps }: Parameters<SimulatedKernel["apply"]>[0]): ReturnType<SimulatedKernel["apply"]> {
    const { refusals } = this.faults;
    this.#entered.add(place);
    const isTaken = (): boolean => refusals === 0 || this.#random.next() >= refusals;
    return steps.flatMap((step) => {
      if (isTaken()) return this.state.apply({ place, steps: [step] });
      this.#refusedAt = this.#clock.monotonic();
      return [{ place, text: `${step.tool}: Resource temporarily unavailable`, hasEnded: false }];
    });
  }
}

/** What an engine has in its host's kernel: made anew only when the engine has changed. */
function engineSide(engine: SimulatedRuntime): EngineSide {
  let seen: { readonly networks: readonly EngineNetwork[]; readonly changes: number } | undefined;
  let bridges: ReturnType<EngineSide["bridges"]> = new Map();
  let containers: ReturnType<EngineSide["containers"]> = new Map();
  const look = (): void => {
    const now = { networks: engine.bridges(), changes: engine.changes };
    if (seen?.networks === now.networks && seen.changes === now.changes) return;
    if (seen?.networks !== now.networks) bridges = new Map(now.networks.map((network) => [network.bridge, network]));
    containers = containersOf(engine);
    seen = now;
  };
  return {
    bridges: () => {
      look();
      return bridges;
    },
    containers: () => {
      look();
      return containers;
    },
  };
}

function containersOf(engine: SimulatedRuntime): ReturnType<EngineSide["containers"]> {
  const bridges = new Map(engine.bridges().map(({ name, bridge }) => [name, bridge]));
  return new Map(
    engine.containers().flatMap((container) => {
      const { netns, pid } = container.show();
      if (netns === undefined) return [];
      const joined = (container.request.networks?.attached ?? []).flatMap(({ name }) => bridges.get(name) ?? []);
      const ports = joined.map((bridge, at) => [bridge, `veth${String(pid)}.${String(at)}`] as const);
      return [[netns, new Map(ports)] as const];
    }),
  );
}
