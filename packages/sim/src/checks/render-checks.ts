import type { Millis, NodeId } from "@murmur/base";
import { taskId, type EndpointTable } from "@murmur/model";
import type { KernelState } from "@murmur/network";
import type { Observer } from "../world/observer.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface RenderHost extends Named {
  /** Undefined where nothing is rendered. */
  readonly overlay: unknown;
  readonly plane: { readonly table: EndpointTable | undefined } | undefined;
  readonly kernel: { readonly disturbedAt: Millis; readonly state: { held(): KernelState } };
}

/** For so long after somebody disturbed a kernel it may be otherwise than it was made: it is compared every 30 s. */
const MENDED_MS: Millis = 60_000;

/** What a node says that it does, its kernel does. */
export class RenderChecks implements Observer {
  readonly #judge: Judge;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  answered(host: RenderHost, _from: NodeId, call: { readonly method: string; readonly body: unknown }): void {
    const { overlay, plane, kernel } = host;
    if (overlay === undefined || call.method !== "withdraw" || typeof call.body !== "string") return;
    if (this.#judge.now - kernel.disturbedAt < MENDED_MS) return;
    const id = taskId(call.body);
    const attached = (plane?.table?.services ?? []).flatMap((service) => service.attached ?? []);
    const addresses = attached.filter((task) => task.taskId === id).flatMap((task) => task.addresses);
    const chosen = chosenIn(kernel.state.held());
    const still = addresses.find(({ ipv4 }) => chosen.has(ipv4));
    if (still === undefined) return;
    const check = "a withdrawal that a node acknowledges is rendered in its kernel";
    const fact = `it acknowledges that ${id} is withdrawn`;
    this.#judge.refuse(check, host, fact, `${chosen.get(still.ipv4) ?? ""} still leads to ${still.ipv4}`);
  }
}

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
