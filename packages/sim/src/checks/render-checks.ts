import type { Millis, NodeId } from "@murmur/base";
import { taskId, type AttachedTask, type EndpointTable, type TaskId } from "@murmur/model";
import type { KernelState } from "@murmur/network";
import type { Observer } from "../world/observer.ts";
import { textsOf } from "./task-places.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface RenderHost extends Named {
  /** Undefined where nothing is rendered. */
  readonly overlay: unknown;
  readonly plane: { readonly table: EndpointTable | undefined } | undefined;
  readonly member: { readonly identity: { readonly nodeId: NodeId } } | undefined;
  readonly engine: {
    containers(): readonly {
      readonly request: { readonly node: { readonly nodeId: NodeId } };
      show(): { readonly netns?: string };
    }[];
  };
  readonly kernel: {
    readonly disturbedAt: Millis;
    readonly openedAt: Millis;
    hasEntered(place: string): boolean;
    readonly state: { held(): KernelState };
  };
}

/** For so long after somebody disturbed a kernel it may be otherwise than it was made: it is compared every 30 s. */
const MENDED_MS: Millis = 60_000;

/** How long a process that was started waits for its engine to tell it of its containers: what the overlay promises. */
const ADOPTION_MS: Millis = 5_000;

/** What a node says that it does, its kernel does. */
export class RenderChecks implements Observer {
  readonly #judge: Judge;
  /** Of tasks that are being withdrawn, as their own nodes know them: whoever acknowledges it may know nothing yet. */
  readonly #addresses = new Map<TaskId, readonly string[]>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  calls(
    { plane }: RenderHost,
    _to: NodeId,
    { method, body }: { readonly method: string; readonly body: unknown },
  ): void {
    if (method !== "withdraw" || typeof body !== "string") return;
    const id = taskId(body);
    const found = attachedIn(plane).find((task) => task.taskId === id);
    if (found !== undefined)
      this.#addresses.set(
        id,
        found.addresses.flatMap((at) => textsOf(at)),
      );
  }

  answered(host: RenderHost, _from: NodeId, call: { readonly method: string; readonly body: unknown }): void {
    const { overlay, plane, kernel } = host;
    if (overlay === undefined || call.method !== "withdraw" || typeof call.body !== "string") return;
    if (this.#judge.now - kernel.disturbedAt < MENDED_MS) return;
    const id = taskId(call.body);
    const isLate = this.#judge.now - kernel.openedAt >= ADOPTION_MS / 2;
    const strange = strangeIn(host);
    const places = [...kernel.state.held()].filter(
      ([place]) => !strange.has(place) && (!isLate || kernel.hasEntered(place)),
    );
    const chosen = chosenIn(new Map(places));
    // Of a task that its node kept for long after the cluster gave it up, somebody else may have the address by now.
    const others = attachedIn(plane).filter(({ taskId: other }) => other !== id);
    const taken = new Set(others.flatMap(({ addresses }) => addresses.flatMap((at) => textsOf(at))));
    const still = this.#addresses.get(id)?.find((address) => chosen.has(address) && !taken.has(address));
    if (still === undefined) return;
    const check = "a withdrawal that a node acknowledges is rendered in its kernel";
    const fact = `it acknowledges that ${id} is withdrawn`;
    this.#judge.refuse(check, host, fact, `${chosen.get(still) ?? ""} still leads to ${still}`);
  }
}

/** The namespaces of containers that a node of before has left on a host: whoever is there now only removes those. */
function strangeIn({ engine, member }: RenderHost): ReadonlySet<string> {
  // One that is being stopped is no member any more.
  const own = member?.identity.nodeId;
  const others = engine.containers().filter(({ request }) => own !== undefined && request.node.nodeId !== own);
  return new Set(others.flatMap((container) => container.show().netns ?? []));
}

const attachedIn = (plane: RenderHost["plane"]): readonly AttachedTask[] =>
  (plane?.table?.services ?? []).flatMap(({ attached = [] }) => attached);

/** Where new flows are sent to addresses. */
function chosenIn(state: KernelState): ReadonlyMap<string, string> {
  const chosen = new Map<string, string>();
  for (const [place, objects] of state) {
    for (const object of objects.values()) {
      if (object.kind !== "chain" || object.choice.kind !== "redirect") continue;
      for (const slot of object.choice.slots) chosen.set(slot, `${object.name} in ${place}`);
    }
  }
  return chosen;
}
