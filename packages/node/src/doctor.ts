import type { DoctorReport, DoctorRequest } from "@murmur/api";
import { ClusterError, messageOf, orAborted, withDeadline, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { ClusterFacts } from "@murmur/model";
import type { DataPlane, Difference } from "@murmur/network";
import type { PeerTransport } from "@murmur/transport";
import { z } from "zod";

const DOCTOR_METHOD = "doctor.look";
/** A node that has said nothing by then has its share of the report filled with that. */
const LOOK_TIMEOUT_MS: Millis = 10_000;
const REPAIR_TIMEOUT_MS: Millis = 30_000;
/** Nodes that are asked at once; the others wait for their turn. */
const ASKED_AT_ONCE = 32;

export interface DoctorOptions {
  readonly self: NodeId;
  /** What this node is called as long as nobody has told it who is in the cluster. */
  readonly hostname: string;
  readonly plane: Pick<DataPlane, "check" | "repair">;
  readonly transport: Pick<PeerTransport, "call" | "handle">;
  /** Whether gossip says that a node is dead, or has left. */
  readonly isGone: (id: NodeId) => boolean;
  readonly clock: Clock;
}

type NodeReport = DoctorReport["nodes"][number];
type Patient = Pick<ClusterFacts["nodes"][number], "id" | "hostname">;

/**
 * Has every node compare what its data plane does with what it should do. Who the nodes are, this one was told; so it
 * works without managers, too.
 */
export class Doctor {
  readonly #options: DoctorOptions;
  #nodes: readonly Patient[] = [];

  constructor(options: DoctorOptions) {
    this.#options = options;
  }

  /** Who the cluster's nodes are, from now on. */
  learn({ nodes }: ClusterFacts): void {
    this.#nodes = nodes;
  }

  /** Looks at this node when another one asks. */
  open(): Disposable {
    return this.#options.transport.handle(DOCTOR_METHOD, (_from, body) => this.#lookHere(isRepair(body)));
  }

  /**
   * What every node says, or each of those that are asked for, by hostname. Never rejects for a node that doesn't answer.
   * Errors: `not_found` and `invalid_argument` for a name that no node has, or several have.
   */
  async look({ repair, nodes }: DoctorRequest, signal: AbortSignal): Promise<DoctorReport> {
    const { self, hostname } = this.#options;
    const known = this.#nodes.some(({ id }) => id === self) ? this.#nodes : [{ id: self, hostname }];
    const wanted = nodes.length === 0 ? known : [...new Set(nodes.map((name) => this.#named(known, name)))];
    const waiting = wanted.toSorted((left, right) => (left.hostname < right.hostname ? -1 : 1)).entries();
    const reports: NodeReport[] = [];
    const ask = async (): Promise<void> => {
      for (const [at, node] of waiting) reports[at] = await this.#ask(node, repair, signal);
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
    return { nodes: reports };
  }

  async #ask({ id, hostname }: Patient, repair: boolean, signal: AbortSignal): Promise<NodeReport> {
    const { self, transport, isGone, clock } = this.#options;
    const node = { id, hostname };
    if (id !== self && isGone(id)) return { ...node, state: "down", differences: [] };
    const timeoutMs = repair ? REPAIR_TIMEOUT_MS : LOOK_TIMEOUT_MS;
    try {
      const found = await withDeadline({ clock, limitMs: timeoutMs, late, signals: [signal] }, (until) =>
        id === self
          ? orAborted(this.#lookHere(repair), until)
          : transport.call(id, DOCTOR_METHOD, { repair }, { signal: until, timeoutMs }),
      );
      return { ...node, state: "checked", differences: differences.parse(found) };
    } catch (error) {
      signal.throwIfAborted();
      return { ...node, state: "unknown", message: messageOf(error), differences: [] };
    }
  }

  /** As everywhere: a node's id, else its host name, else the beginning of its id. `self` is this one. */
  #named(known: readonly Patient[], name: string): Patient {
    const { self } = this.#options;
    const exact = known.find(({ id }) => id === (name === "self" ? self : name));
    if (exact !== undefined) return exact;
    const called = known.filter(({ hostname }) => hostname === name);
    const begins = known.filter(({ id }) => name !== "" && id.startsWith(name));
    const [first, ...more] = called.length > 0 ? called : begins;
    if (first === undefined) throw new ClusterError("not_found", `node ${name} not found`);
    if (more.length === 0) return first;
    throw new ClusterError("invalid_argument", `node ${name} is ambiguous (${String(1 + more.length)} matches found)`);
  }

  #lookHere(repair: boolean): Promise<readonly Difference[]> {
    const { plane } = this.#options;
    return repair ? plane.repair() : plane.check();
  }
}

const late = (): ClusterError => new ClusterError("timeout", "it didn't answer in time");

const isRepair = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "repair" in body && body.repair === true;

const differences = z.array(
  z
    .object({ where: z.string(), what: z.string(), mended: z.boolean().optional() })
    .transform(({ mended, ...rest }) => ({
      ...rest,
      ...(mended !== undefined && { mended }),
    })),
);
