import { ClusterError } from "@murmur/base";
import type { Family } from "../address.ts";
import { isEqual, type KernelState, type Place } from "../kernel-object.ts";
import { planExits } from "../plan/plan-container.ts";
import { plan } from "../plan/plan.ts";
import type { HostFacts } from "../plan/plan-host.ts";
import type { Batch } from "../render/batch.ts";
import { difference, type Difference } from "../render/difference.ts";
import { render } from "../render/render.ts";
import type { OverlayState } from "../state.ts";
import { openKernel, type Kernel } from "./kernel.ts";
import { Order } from "./order.ts";
import type { Held } from "./read-kernel.ts";
import type { Problem, RunnerOptions } from "./runner.ts";

const NOTHING: KernelState = new Map();

/** What came of a rendering. */
export interface Rendered {
  /** Lines that the tools were given; 0: the kernel was as it should be. */
  readonly lines: number;
  /** What the kernel refused, a line each. The next call reads what it holds and tries again. */
  readonly problems: readonly string[];
  /** Containers that were gone when something was to be done in them. Nothing failed: they only need nothing more. */
  readonly ended: readonly Place[];
}

/**
 * The overlay of one node in the kernel. What changes it is done one after the other, in order. Its state of the kernel is what it
 * rendered last; after a start and after any failure it is read from the kernel.
 *
 * Disposing leaves the kernel as it is, so that traffic goes on while the daemon is replaced; `close` cleans up.
 */
export class Overlay implements AsyncDisposable {
  readonly #kernel: Kernel;
  #facts: HostFacts = { dockerFilters: [] };
  #state: OverlayState | undefined;
  /** What the kernel holds as far as is known; undefined: all has to be read. */
  #held: KernelState | undefined;
  /** Where something failed: there it has to be read. */
  #unsure: ReadonlySet<Place> = new Set();
  /** What was planned last. */
  #planned: { readonly state: OverlayState; readonly facts: HostFacts; readonly wanted: KernelState } | undefined;
  readonly #changes = new Order();
  /** Comparisons, which go on beside the changes: one at a time as well. */
  readonly #looks = new Order();
  /** All that was asked for since the kernel is being read to be compared, a rendering each; undefined: it isn't. */
  #meanwhile: KernelState[] | undefined;
  #isDisposed = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** This machine's. @throws ClusterError as `openKernel` */
  static async open(options: RunnerOptions): Promise<Overlay> {
    return new Overlay(await openKernel(options));
  }

  /** Makes the kernel what the state asks for. @throws ClusterError `invalid_argument`, `overloaded`, or as `Commands.run` */
  render(state: OverlayState): Promise<Rendered> {
    return this.#inOrder(async () => {
      return await this.#change(state, await this.#known(state));
    });
  }

  /**
   * Compares what the kernel holds with the state that was rendered last. Nothing waits for it: to read all takes long. Where
   * something is changed meanwhile, only what differs from all that was asked for since is a difference.
   *
   * @throws ClusterError `failed_precondition` before any rendering, or as `render`
   */
  difference(): Promise<readonly Difference[]> {
    return this.#looks.run(async () => {
      await this.#changes.last;
      if (this.#isDisposed) throw leftAsItIs();
      const meanwhile = (this.#meanwhile = [] as KernelState[]);
      try {
        const state = this.#rendered();
        // One after the other: nobody waits for it, and all at once they would take the processors from everything else.
        const read = await this.#read(state, { atOnce: 1 });
        let found = this.#compare(this.#plan(state), state, read);
        for (const wanted of meanwhile) {
          if (found.length === 0) break;
          const texts = new Set(this.#compare(wanted, state, read).map(({ text }) => text));
          found = found.filter(({ text }) => texts.has(text));
        }
        return found;
      } finally {
        this.#meanwhile = undefined;
      }
    });
  }

  /** Compares, and mends what differs. @throws ClusterError as `difference` */
  repair(): Promise<Rendered & { readonly found: readonly Difference[] }> {
    return this.#inOrder(async () => {
      const state = this.#rendered();
      const read = await this.#read(state);
      const found = this.#compare(this.#plan(state), state, read);
      return { ...(await this.#change(state, read.state)), found };
    });
  }

  /**
   * Removes everything that this process, or one of this node before it, has made: tables, devices, rules and addresses.
   * What is in a container that the last state didn't have goes with that container.
   */
  close(): Promise<Rendered> {
    return this.#inOrder(async () => {
      const { state: held } = await this.#read(this.#state);
      return await this.#change(undefined, held);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#changes.last;
    this.#kernel[Symbol.dispose]();
  }

  #rendered(): OverlayState {
    if (this.#state !== undefined) return this.#state;
    throw new ClusterError("failed_precondition", "the overlay has not been told yet what it should be");
  }

  /**
   * What was rendered last, where that was well done; elsewhere what the kernel holds. Nobody knows of a container that is
   * new here whether a former process has been in it.
   */
  async #known(state: OverlayState): Promise<KernelState> {
    const held = this.#held;
    if (held === undefined) return (await this.#read(state)).state;
    const containers = containersOf(state);
    const fresh = new Map([...containers].filter(([place]) => !held.has(place)));
    const unsure = new Set([...this.#unsure, ...fresh.keys()]);
    const sure = [...held].filter(([place]) => !unsure.has(place));
    const isAllSure = this.#unsure.size === 0;
    const read = isAllSure ? await this.#kernel.readContainers(fresh) : await this.#read(state, { some: unsure });
    return new Map([...sure, ...read.state]);
  }

  /** What the kernel holds on the host, and in the state's containers: all of them, or `some`. */
  async #read(
    state: OverlayState | undefined,
    { some, atOnce }: { readonly some?: ReadonlySet<Place>; readonly atOnce?: number } = {},
  ): Promise<Held> {
    const bridges = new Set(state?.networks.map(({ bridge }) => bridge));
    const ports = new Set(state?.tasks.flatMap(({ attachments }) => attachments.flatMap(({ port }) => port ?? [])));
    const all = [...(state === undefined ? [] : containersOf(state))];
    const containers = new Map(some === undefined ? all : all.filter(([place]) => some.has(place)));
    const held = await this.#kernel.read({ bridges, ports, containers, atOnce });
    this.#facts = held.facts;
    return held;
  }

  /** Containers that have ended are left out, and their ports, which the kernel removes a little later. */
  #compare(planned: KernelState, { tasks }: OverlayState, { state: held, ended }: Held): readonly Difference[] {
    const wanted = without(planned, ended);
    if (ended.size === 0) return difference(wanted, held);
    const gone = tasks.filter(({ netns }) => netns !== undefined && ended.has(netns));
    const ports = new Set(gone.flatMap(({ attachments }) => attachments.flatMap(({ port }) => port ?? [])));
    return difference(withoutPorts(wanted, ports), withoutPorts(held, ports));
  }

  /** What a state asks for. Much of what is rendered is as it was: then it is the very same as the last time. */
  #plan(state: OverlayState): KernelState {
    const facts = this.#facts;
    const last = this.#planned;
    return last?.facts === facts && isEqual(last.state, state) ? last.wanted : plan(state, facts);
  }

  async #change(state: OverlayState | undefined, held: KernelState): Promise<Rendered> {
    const wanted = state === undefined ? NOTHING : this.#plan(state);
    if (state !== undefined) this.#planned = { state, facts: this.#facts, wanted };
    this.#meanwhile?.push(wanted);
    const batch = render(held, wanted);
    this.#state = state;
    this.#held = undefined;
    const problems = await this.#kernel.apply(batch);
    // Namespaces that are no longer wanted are mostly gone already.
    const counted = problems.filter(
      ({ place, hasEnded }) => !hasEnded && (wanted.has(place) || !place.startsWith("/")),
    );
    const ended = new Set(problems.flatMap(({ place, hasEnded }) => (hasEnded ? place : [])));
    this.#held = without(wanted, ended);
    this.#unsure = new Set(counted.map(({ place }) => place));
    return { lines: linesOf(batch), problems: textsOf(counted), ended: [...ended] };
  }

  async #inOrder<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDisposed) throw leftAsItIs();
    return await this.#changes.run(work);
  }
}

const leftAsItIs = (): ClusterError =>
  new ClusterError("cancelled", "the overlay was left as it is; nothing more is rendered");

/** The state's containers, and the families in which the node chooses their default route. */
const containersOf = (state: OverlayState): ReadonlyMap<Place, readonly Family[]> =>
  new Map(
    state.tasks.flatMap(({ netns, attachments }) => {
      const exits = planExits(
        attachments.map(({ networkId }) => networkId),
        state,
      );
      return netns === undefined ? [] : [[netns, exits.map(({ family }) => family)] as const];
    }),
  );

const without = (state: KernelState, places: ReadonlySet<Place>): KernelState =>
  new Map([...state].filter(([place]) => !places.has(place)));

const withoutPorts = (state: KernelState, ports: ReadonlySet<string>): KernelState =>
  new Map(
    [...state].map(([place, objects]) => {
      const others = [...objects].filter(([, object]) => object.kind !== "hairpin" || !ports.has(object.port));
      return [place, new Map(others)] as const;
    }),
  );

const linesOf = (batch: Batch): number => {
  const steps = batch.flatMap((phase) => phase.flatMap(({ steps }) => steps));
  return steps.reduce((sum, { lines }) => sum + lines.length, 0);
};

/** Problems that are told one by one; the rest are only counted. */
const PROBLEMS_MAX = 20;

function textsOf(problems: readonly Problem[]): readonly string[] {
  const texts = problems.slice(0, PROBLEMS_MAX).map(({ place, text }) => `${place}: ${text}`);
  return problems.length > PROBLEMS_MAX ? [...texts, `and ${String(problems.length - PROBLEMS_MAX)} more`] : texts;
}
