import {
  payloadKey,
  payloadsOf,
  type AssignedPayload,
  type ContainerSpec,
  type PayloadKind,
  type PayloadMessage,
  type ServiceId,
  type Task,
} from "@murmur/model";

/**
 * The secrets, configs and logins that the managers have handed to this node, in memory only. What is kept is what the last
 * session said; it stays in use while there is none.
 */
export class Payloads {
  readonly #held = new Map<string, AssignedPayload>();
  #isHeard = false;
  /** Undefined after a change, until it is asked for. */
  #keys: readonly string[] | undefined;

  /** A session begins: it says what this node's tasks use before it says which tasks there are. */
  begin(): void {
    this.#isHeard = false;
  }

  take({ isFirst, put, removed }: PayloadMessage): void {
    this.#isHeard = true;
    this.#keys = undefined;
    if (isFirst) this.#held.clear();
    for (const key of removed) this.#held.delete(key);
    for (const payload of put) this.#held.set(payloadKey(payload), payload);
  }

  /** A full assignment has come: if nothing came before it in its session, its tasks use nothing. */
  settle(): void {
    if (this.#isHeard) return;
    this.#keys = undefined;
    this.#held.clear();
  }

  get(kind: PayloadKind, id: string): AssignedPayload | undefined {
    return this.#held.get(payloadKey({ kind, id }));
  }

  /** X-Registry-Auth of a service's registry; empty: it wants none; undefined: this node hasn't been told. */
  login(service: ServiceId): string | undefined {
    const held = this.#held.get(payloadKey({ kind: "login", id: service }));
    return held && Buffer.from(held.data, "base64").toString("utf8");
  }

  /** By `payloadKey`. The same list until something changes. */
  keys(): readonly string[] {
    return (this.#keys ??= [...this.#held.keys()]);
  }

  /** Why a task's image can't be pulled yet, for people. */
  missingLogin({ hasLogin, serviceId, serviceName }: Task): string | undefined {
    if (hasLogin !== true || this.login(serviceId) !== undefined) return undefined;
    return `waiting for the login to the image's registry: no manager has handed it to this node; if that doesn't change, run murmur service update --with-registry-auth ${serviceName}`;
  }

  /** What a container can't be made without and isn't here, for people; undefined when all is. */
  missing(spec: ContainerSpec): string | undefined {
    const missing = payloadsOf(spec).filter((use) => !this.#held.has(payloadKey(use)));
    if (missing.length === 0) return undefined;
    const names = missing.map(({ kind, name }) => `${kind} ${name}`).join(", ");
    return `waiting for ${names}: no manager has handed it to this node; is it still there (murmur ${missing[0]?.kind ?? ""} ls)?`;
  }
}
