import type { Family } from "./address.ts";
import type { Held, Scope } from "./kernel/read-kernel.ts";
import type { Problem } from "./kernel/runner.ts";
import { HOST, type KernelObject, type KernelObjects, type KernelState, type Place } from "./kernel-object.ts";
import type { PlaceSteps } from "./render/batch.ts";
import { doStep, leadsTo, loseWith, type Space } from "./simulated-tools.ts";

/** What the engine has in the kernel of its host; the same maps may mean that nothing has changed. */
export interface EngineSide {
  /** Its bridges by name. Another value is another bridge, which has nothing of what the one before had. */
  bridges(): ReadonlyMap<string, unknown>;
  /** Namespaces of the containers that run; for each its bridges, with the name of the host's end of its connection. */
  containers(): ReadonlyMap<Place, ReadonlyMap<string, string>>;
}

/**
 * A kernel in memory, for tests and for the simulator: it takes the very lines that the real tools are given, and is as
 * strict as they are. It outlives the processes that use it. What the engine removes, it loses with all that hung on it.
 */
export class SimulatedKernel {
  readonly #engine: EngineSide;
  readonly #spaces = new Map<Place, Space>([[HOST, new Map()]]);
  /** The engine's bridges that were there when last looked. */
  #bridges: ReadonlyMap<string, unknown> = new Map();
  /** When last looked, nothing was left of what the engine hadn't any more. */
  #followed: { readonly containers: unknown; readonly bridges: unknown; readonly changes: number } | undefined;
  #changes = 0;

  constructor(engine: EngineSide) {
    this.#engine = engine;
  }

  /** Raised whenever somebody changes something. */
  get changes(): number {
    return this.#changes;
  }

  /** Everything that is there, as if all of it were of interest. */
  held(): KernelState {
    this.#follow();
    return this.#spaces;
  }

  /** As `Kernel.read`. */
  read({ bridges, ports, containers }: Scope): Held {
    this.#follow();
    const host = this.#space(HOST);
    const isOfInterest = (object: KernelObject): boolean => {
      if (object.kind === "bridge") return bridges.has(object.name);
      if (object.kind === "hairpin") return ports.has(object.port);
      // A bridge that has a MAC address of ours has our addresses.
      return object.kind !== "address" || bridges.has(object.bridge) || host.has(`bridge ${object.bridge}`);
    };
    const objects: KernelObjects = new Map([...host].filter(([, object]) => isOfInterest(object)));
    const { state, ended } = this.readContainers(containers);
    return { state: new Map([[HOST, objects], ...state]), ended, facts: { dockerFilters: [4] } };
  }

  /** As `Kernel.readContainers`. */
  readContainers(containers: Scope["containers"]): Pick<Held, "state" | "ended"> {
    this.#follow();
    const there = this.#engine.containers();
    const isOfInterest = (object: KernelObject, exits: readonly Family[]): boolean =>
      object.kind !== "exit" || exits.includes(object.family);
    const state = [...containers]
      .filter(([place]) => there.has(place))
      .map(([place, exits]): [Place, KernelObjects] => [
        place,
        new Map([...this.#space(place)].filter(([, object]) => isOfInterest(object, exits))),
      ]);
    return { state: new Map(state), ended: new Set([...containers.keys()].filter((place) => !there.has(place))) };
  }

  /** Does the steps of one place. Returns what the tools said against them. */
  apply({ place, steps }: PlaceSteps): readonly Problem[] {
    this.#follow();
    if (place !== HOST && !this.#engine.containers().has(place))
      return [{ place, text: "nsenter: cannot open it: No such file or directory", hasEnded: true }];
    this.#changes += 1;
    const space = this.#space(place);
    return steps.flatMap((step) =>
      doStep(space, this.#bridges, step).map((text) => ({ place, text, hasEnded: false })),
    );
  }

  /** Somebody takes something away, and with it what lives in it. What something leads to can't be taken away. */
  lose(place: Place, key: string): void {
    const space = this.#spaces.get(place);
    const isLedTo = [...(space?.values() ?? [])].some(
      (object) => object.kind === "element" && `chain ${leadsTo(object) ?? ""}` === key,
    );
    if (space === undefined || isLedTo) return;
    this.#changes += 1;
    loseWith(space, key);
  }

  /** Somebody puts something there, or in the place of what is there. */
  put(place: Place, key: string, object: KernelObject): void {
    this.#changes += 1;
    this.#space(place).set(key, object);
  }

  /** The host has lost its power. */
  reset(): void {
    this.#changes += 1;
    this.#spaces.clear();
    this.#spaces.set(HOST, new Map());
    this.#bridges = new Map();
    this.#followed = undefined;
  }

  #space(place: Place): Space {
    const space: Space = this.#spaces.get(place) ?? new Map();
    this.#spaces.set(place, space);
    return space;
  }

  /** Loses what was in namespaces and on bridges that the engine hasn't got any more. */
  #follow(): void {
    const containers = this.#engine.containers();
    const bridges = this.#engine.bridges();
    const last = this.#followed;
    if (last?.containers === containers && last.bridges === bridges && last.changes === this.#changes) return;
    this.#followed = { containers, bridges, changes: this.#changes };
    for (const place of this.#spaces.keys()) if (place !== HOST && !containers.has(place)) this.#spaces.delete(place);
    const host = this.#space(HOST);
    const [before, now] = [this.#bridges, bridges];
    this.#bridges = now;
    const isThere = (bridge: string): boolean => now.has(bridge) && before.get(bridge) === now.get(bridge);
    const ports = new Set<string>();
    for (const ends of containers.values()) for (const port of ends.values()) ports.add(port);
    for (const [key, object] of host) {
      if (object.kind === "hairpin" && !ports.has(object.port)) host.delete(key);
      if (object.kind === "bridge" && !isThere(object.name)) host.delete(key);
      if (object.kind === "address" && !isThere(object.bridge)) host.delete(key);
      if (object.kind === "vxlan" && object.bridge !== "" && !isThere(object.bridge)) release(host, object);
    }
  }
}

/** A device whose bridge is gone is nobody's port. */
function release(host: Space, device: KernelObject & { kind: "vxlan" }): void {
  host.set(`vxlan ${device.name}`, { ...device, bridge: "", settings: "its port learns" });
  for (const [key, object] of host) if (object.kind === "member" && object.device === device.name) host.delete(key);
}
