import { errorResponse } from "@murmur/api";
import { ClusterError, type Clock, type Log, type NodeId, type Scope } from "@murmur/base";
import type { SealKey } from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import type { PortConfig } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import type { PeerTransport } from "@murmur/transport";
import { admit, ADMIT_METHOD, JOIN_METHOD, type AdmissionOptions } from "./admission.ts";
import type { AuthoritySigner } from "./authority-signer.ts";
import { channelOver, generationOf, SESSION_METHOD } from "./agent-sessions.ts";
import { PORTS_METHOD } from "./cluster-adapter.ts";
import { departure, DEPARTURE_METHODS } from "./departure.ts";
import type { GenerationKeeper } from "./generation-keeper.ts";
import { noManager } from "./manager-host.ts";
import { ALIVE_METHOD } from "./restore-guard.ts";
import { HTTP_METHOD, serveHttp, TASKS_METHOD } from "./http-stream.ts";
import { renew, RENEW_METHOD } from "./renewal.ts";
import { HAS_SEAL_KEYS_METHOD, SEAL_KEYS_METHOD } from "./seal-desk.ts";
import { WHO_METHOD } from "./who-is.ts";

export interface PeerDeskOptions {
  readonly self: NodeId;
  readonly transport: PeerTransport;
  /** This node's manager; throws `unavailable` while it has none. */
  readonly manager: () => Manager;
  /** Whether this node has a manager that takes part. */
  readonly serves: () => boolean;
  /** Rejects when the cluster has no leader, as far as this node can find out. */
  readonly isAlive: (signal: AbortSignal) => Promise<unknown>;
  readonly generations: Pick<GenerationKeeper, "number" | "current" | "meet">;
  readonly signer: Pick<AuthoritySigner, "sign">;
  readonly plane: DataPlane;
  /** Asks another manager. */
  readonly askManager: (method: string, body: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly answer: (request: Request) => Promise<Response>;
  /** What secrets are sealed with, for other managers. */
  readonly seals: { keys(): readonly SealKey[]; has(digests: unknown): boolean };
  readonly answerTasks: (request: Request) => Promise<Response>;
  /** Whether a node is in the cluster, as this one was told last; undefined: nobody has told it anything. */
  readonly isMember: (id: NodeId) => boolean | undefined;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a member answers to its peers, and to nodes that want to be some. */
export class PeerDesk {
  readonly #options: PeerDeskOptions;

  constructor(options: PeerDeskOptions) {
    this.#options = options;
  }

  /** Answers until the scope ends. */
  open(scope: Scope): void {
    const { self, transport, manager, serves, generations, plane, askManager, isAlive } = this.#options;
    const { answer, answerTasks, isMember, seals } = this.#options;
    const { signal } = scope;
    scope.use(
      transport.handleStream(SESSION_METHOD, (from, opening, stream) => {
        if (generationOf(opening) !== generations.number) generations.meet(from);
        // An agent that is behind is told the truth; one that is ahead knows that this manager's is old.
        if (generationOf(opening) > generations.number) throw behind();
        return manager().serveSession(channelOver(from, opening, stream));
      }),
    );
    scope.use(
      transport.handleStream(HTTP_METHOD, async (from, body, stream) => {
        // Said as an answer: whoever asks knows then that nothing was done.
        if (!serves()) return serveHttp(stream, body, () => Promise.resolve(errorResponse(noManager())));
        await requireNode(manager(), from, stream.signal);
        return serveHttp(stream, body, answer);
      }),
    );
    scope.use(
      transport.handleStream(TASKS_METHOD, async (from, body, stream) => {
        const known = isMember(from);
        if (known === undefined) throw new ClusterError("unavailable", "this node is still starting: try again");
        if (!known) throw removed();
        await serveHttp(stream, body, answerTasks);
      }),
    );
    scope.use(
      transport.handle(PORTS_METHOD, async (_from, body) =>
        Array.isArray(body) ? plane.portsInUse(body as readonly PortConfig[]) : [],
      ),
    );
    scope.use(
      transport.handleJoin(JOIN_METHOD, async (remoteAddress, body) => {
        if (serves()) return admit(manager(), body, this.#admission(remoteAddress, signal));
        return askManager(ADMIT_METHOD, { remoteAddress, request: body }, signal);
      }),
    );
    scope.use(transport.handleJoin(WHO_METHOD, () => Promise.resolve(self)));
    scope.use(
      transport.handleJoin(ALIVE_METHOD, () =>
        isAlive(signal).then(
          () => true,
          () => false,
        ),
      ),
    );
    scope.use(
      transport.handle(SEAL_KEYS_METHOD, async (from, _body, { signal: call }) => {
        await requireManager(manager(), from, call);
        return [...seals.keys()];
      }),
    );
    scope.use(
      transport.handle(HAS_SEAL_KEYS_METHOD, (_from, digests) => Promise.resolve(serves() && seals.has(digests))),
    );
    for (const method of [ADMIT_METHOD, RENEW_METHOD, ...DEPARTURE_METHODS]) {
      scope.use(
        transport.handle(method, (from, body, options) => this.answerAsManager({ method, from, body }, options.signal)),
      );
    }
  }

  /** Answers what only managers do, for a node of the cluster. */
  async answerAsManager(
    { method, from, body }: { readonly method: string; readonly from: NodeId; readonly body: unknown },
    signal: AbortSignal,
  ): Promise<unknown> {
    const { clock, generations, signer } = this.#options;
    const manager = this.#options.manager();
    if (method === RENEW_METHOD)
      return renew(manager, { from, body, generation: generations.current }, { signer, signal });
    if (method !== ADMIT_METHOD) return departure(manager, { method, from, body, signal, clock });
    await requireNode(manager, from, signal);
    if (typeof body !== "object" || body === null || !("remoteAddress" in body) || !("request" in body)) {
      throw new ClusterError("invalid_argument", "admit: malformed request");
    }
    return admit(manager, body.request, this.#admission(String(body.remoteAddress), signal));
  }

  #admission(remoteAddress: string, signal: AbortSignal): AdmissionOptions {
    const { newId, generations, signer, clock, log } = this.#options;
    return { newId, clock, log, signal, remoteAddress, signer, generation: generations.current };
  }
}

const behind = (): ClusterError =>
  new ClusterError("unavailable", "the cluster was recovered or restored, and this manager belongs to its past");

/** A node that was removed still has a certificate for a while; it may not speak for a member with it. */
async function requireNode(manager: Manager, id: NodeId, signal: AbortSignal): Promise<void> {
  if (manager.view.node(id) !== undefined) return;
  // It may have joined a moment ago, through another manager.
  const view = await manager.read(signal);
  if (view.node(id) === undefined) throw removed();
}

const removed = (): ClusterError => new ClusterError("forbidden", "this node was removed from the cluster");

/** What secrets are sealed with is for those who have the sealed ones anyway. */
async function requireManager(manager: Manager, id: NodeId, signal: AbortSignal): Promise<void> {
  const isManager = (role: string | undefined): boolean => role === "voter" || role === "learner";
  // A leader knows it before the records do.
  const { voters, learners } = manager.membership;
  if (voters.includes(id) || learners.includes(id) || isManager(manager.view.node(id)?.raftRole)) return;
  // It may have become one a moment ago.
  const view = await manager.read(signal);
  if (!isManager(view.node(id)?.raftRole)) throw new ClusterError("forbidden", "only managers have keys of secrets");
}
