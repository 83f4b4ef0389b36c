import type { NodeId } from "@murmur/base";
import {
  configId,
  isLater,
  isTerminal,
  loginSealId,
  payloadKey,
  payloadsOf,
  secretId,
  type AssignedPayload,
  type Config,
  type Sealed,
  type Secret,
  type ServiceId,
  type Task,
} from "@murmur/model";
import type { Change, Store } from "@murmur/store";
import { isAssigned } from "./assigned-task.ts";
import type { NeededPayloads } from "./payload-feed.ts";

type TaskChange = Extract<Change, { table: "tasks" }>;

interface PayloadNeedsOptions {
  readonly store: Store;
  /** As in `ManagerOptions`. */
  readonly unseal: (secret: Sealed) => string | undefined;
}

/** Which secrets, configs and logins have to be on a node, as this replica shows it. */
export class PayloadNeeds {
  readonly #options: PayloadNeedsOptions;

  constructor(options: PayloadNeedsOptions) {
    this.#options = options;
  }

  /** What a node's tasks use that haven't ended: those that it has been told of, and those that it is about to be. */
  of(id: NodeId): NeededPayloads {
    const { view } = this.#options.store;
    const needed = new Map<string, () => AssignedPayload | undefined>();
    if (view.node(id) === undefined) return needed;
    for (const task of view.tasksOfNode(id)) {
      if (this.#usesLogin(task)) {
        const login = { kind: "login", id: task.serviceId } as const;
        needed.set(payloadKey(login), () => this.#openLogin(task.serviceId));
      }
      if (!usesPayloads(task)) continue;
      for (const use of payloadsOf(task.spec.container)) {
        const record = use.kind === "secret" ? view.secret(secretId(use.id)) : view.config(configId(use.id));
        if (record !== undefined) needed.set(payloadKey(use), () => this.#open(record));
      }
    }
    return needed;
  }

  /** Whether a task's node may need others than before. */
  differIn(change: TaskChange): boolean {
    return differs(change, usesPayloads) || differs(change, (task) => this.#usesLogin(task));
  }

  /** Whether its node is still to pull its image, perhaps, and has to be told of the service's login, or that there is none. */
  #usesLogin(task: Task): boolean {
    if (!mayPull(task)) return false;
    return task.hasLogin === true || this.#options.store.view.service(task.serviceId)?.registryAuth !== undefined;
  }

  #openLogin(id: ServiceId): AssignedPayload | undefined {
    const sealed = this.#options.store.view.service(id)?.registryAuth;
    const data = sealed === undefined ? "" : this.#options.unseal({ id: loginSealId(id), sealed });
    return data === undefined ? undefined : { kind: "login", id, data };
  }

  #open(record: Secret | Config): AssignedPayload | undefined {
    const isSecret = "sealed" in record;
    const data = isSecret ? this.#options.unseal(record) : record.data;
    const { templating } = record.spec;
    const kind = isSecret ? "secret" : "config";
    return data === undefined ? undefined : { kind, id: record.id, data, ...(templating && { templating }) };
  }
}

/** Whether a task's secrets and configs have to be on its node. */
const usesPayloads = (task: Task): boolean =>
  isAssigned(task) && !isTerminal(task.status.state) && payloadsOf(task.spec.container).length > 0;

/** Pulling comes before the container is there. */
const mayPull = (task: Task): boolean => isAssigned(task) && !isLater(task.status.state, "ready");

const differs = ({ previous, current }: TaskChange, holds: (task: Task) => boolean): boolean =>
  (previous !== undefined && holds(previous)) !== (current !== undefined && holds(current));
