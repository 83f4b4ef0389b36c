import type { Millis, NodeId } from "@murmur/base";
import { isUsable, NO_SUSPECTS, type Suspects } from "@murmur/discovery";
import { taskId, type EndpointTable, type TaskId } from "@murmur/model";
import type { Observer } from "../world/observer.ts";
import type { EngineHost } from "./container-checks.ts";
import { Withdrawals } from "./withdrawals.ts";
import type { Judge } from "./violation.ts";

export interface Plane {
  readonly table: EndpointTable | undefined;
  readonly suspects: Suspects | undefined;
}

/** What these checks look at on a host. */
export interface PlaneHost extends EngineHost {
  readonly plane: Plane | undefined;
  readonly clockError: { readonly rate: number };
  readonly member:
    | {
        readonly identity: { readonly nodeId: NodeId };
        readonly gossip: { members(): readonly { readonly id: NodeId; readonly state: string }[] };
      }
    | undefined;
}

interface Seen {
  readonly plane: Plane;
  table: EndpointTable | undefined;
  suspects: Suspects | undefined;
  readonly withdrawals: Withdrawals;
}

/** How long a task that is to stop waits for the other nodes' word: what the agent promises. */
const WAIT_MS: Millis = 1_000;
/** A withdrawal is remembered for so long; by then the committed state has followed everywhere that hears of it. */
const REMEMBERED_MS: Millis = 60_000;
const WITHDRAW = "withdraw";

/** Traffic leaves a task everywhere before the task is told to stop, and doesn't come back. */
export class EndpointChecks implements Observer {
  readonly #judge: Judge;
  readonly #seen = new Map<PlaneHost, Seen>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  ended(host: PlaneHost): void {
    this.#seen.delete(host);
  }

  stepped(host: PlaneHost): void {
    const { plane } = host;
    if (plane === undefined) return;
    const seen = this.#lookAt(host, plane);
    const { table, suspects } = plane;
    if (seen.table === table && seen.suspects === suspects) return;
    const before = seen.table?.version ?? 0;
    const now = table?.version ?? 0;
    if (now < before)
      this.#judge.refuse("endpoints never go back", host, `version ${String(now)} is in use`, `${String(before)} was`);
    seen.table = table;
    seen.suspects = suspects;
    this.#checkAcknowledged(host, seen);
  }

  answered(host: PlaneHost, _from: NodeId, call: { readonly method: string; readonly body: unknown }): void {
    const { plane } = host;
    if (call.method !== WITHDRAW || typeof call.body !== "string" || plane === undefined) return;
    const { acknowledged } = this.#lookAt(host, plane).withdrawals;
    acknowledged.set(taskId(call.body), this.#judge.now);
    const check = "a node that acknowledges a withdrawal doesn't offer the task any more";
    if (offers(plane, taskId(call.body)))
      this.#judge.refuse(check, host, `it acknowledges that ${call.body} is withdrawn`, "it still offers it");
  }

  calls(host: PlaneHost, _to: NodeId, call: { readonly method: string; readonly body: unknown }): void {
    const { plane } = host;
    if (call.method !== WITHDRAW || typeof call.body !== "string" || plane === undefined) return;
    const { begun } = this.#lookAt(host, plane).withdrawals;
    const id = taskId(call.body);
    if (!begun.has(id)) begun.set(id, { at: this.#judge.now, asked: new Set(aliveFor(host)), settled: new Set() });
  }

  called(
    host: PlaneHost,
    to: NodeId,
    call: { readonly method: string; readonly body: unknown; readonly ok: boolean },
  ): void {
    if (call.method !== WITHDRAW || typeof call.body !== "string") return;
    this.#seen.get(host)?.withdrawals.begun.get(taskId(call.body))?.settled.add(to);
  }

  /** The first signal is the stop signal. */
  signalled(host: PlaneHost, containerId: string): void {
    const { plane, engine } = host;
    const containers = engine.containers();
    const container = containers.find(({ id }) => id === containerId);
    if (plane === undefined || container === undefined || !container.live) return;
    const { signalled, begun } = this.#lookAt(host, plane).withdrawals;
    if (signalled.has(containerId)) return;
    signalled.add(containerId);
    const { id } = container.request.task;
    // Of two containers of a task one may go at once: traffic doesn't go to it.
    if (containers.some((other) => other !== container && other.live && other.request.task.id === id)) return;
    const withdrawal = begun.get(id);
    if (withdrawal === undefined) return this.#checkUnused(host, id);
    const elapsed = this.#judge.now - withdrawal.at;
    const missing = [...withdrawal.asked.difference(withdrawal.settled)];
    // A millisecond for what is lost in counting times.
    if (missing.length === 0 || elapsed >= WAIT_MS / host.clockError.rate - 1) return;
    const fact = `it tells task ${id} to stop, ${elapsed.toFixed(1)} ms after it has begun to withdraw it`;
    this.#judge.refuse(
      "a task is told to stop once all live nodes have acknowledged its withdrawal, or after a second",
      host,
      fact,
      `${missing.join(" ")} had not answered`,
    );
  }

  /** A task whose withdrawal nobody was asked to acknowledge is one that nobody offers, as far as its node can know. */
  #checkUnused(host: PlaneHost, id: TaskId): void {
    const alive = new Set(aliveFor(host));
    for (const [other, { plane }] of this.#seen) {
      const node = other.member?.identity.nodeId;
      const known = other === host || (node !== undefined && alive.has(node));
      if (!known || !offers(plane, id)) continue;
      const fact = `it tells task ${id} to stop and has not withdrawn it`;
      this.#judge.refuse("a task is withdrawn before it is told to stop", host, fact, `${other.name} offers it`);
    }
  }

  #lookAt(host: PlaneHost, plane: Plane): Seen {
    const seen = this.#seen.get(host);
    if (seen?.plane === plane) return seen;
    const fresh: Seen = { plane, table: undefined, suspects: undefined, withdrawals: new Withdrawals() };
    this.#seen.set(host, fresh);
    return fresh;
  }

  #checkAcknowledged(host: PlaneHost, { plane, withdrawals }: Seen): void {
    const { acknowledged } = withdrawals;
    for (const [id, at] of acknowledged) {
      if (this.#judge.now - at >= REMEMBERED_MS) acknowledged.delete(id);
    }
    if (acknowledged.size === 0) return;
    const offered = offeredBy(plane);
    for (const [id, at] of acknowledged) {
      if (!offered.has(id)) continue;
      const fact = `it offers task ${id} with endpoints of version ${String(plane.table?.version ?? 0)}`;
      const before = `it has acknowledged its withdrawal at ${(at / 1_000).toFixed(4)} s`;
      this.#judge.refuse("a task that was withdrawn is not offered again", host, fact, before);
    }
  }
}

/** The other nodes that a node takes for alive. */
function aliveFor({ member }: PlaneHost): NodeId[] {
  const members = member?.gossip.members() ?? [];
  return members.filter(({ id, state }) => state === "alive" && id !== member?.identity.nodeId).map(({ id }) => id);
}

/** The tasks that a data plane sends traffic to. */
function offeredBy({ table, suspects = NO_SUSPECTS }: Plane): Set<TaskId> {
  const endpoints = table?.services.flatMap((service) => service.endpoints) ?? [];
  return new Set(endpoints.filter((endpoint) => isUsable(endpoint, suspects)).map((endpoint) => endpoint.taskId));
}

const offers = (plane: Plane, id: TaskId): boolean => offeredBy(plane).has(id);
