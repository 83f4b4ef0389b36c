import type { Random } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  networkId,
  serviceId,
  type Command,
  type Service,
  type ServiceSpec,
} from "@murmur/model";
import { createStore, type ApplyResult } from "@murmur/store";
import { isRefusal } from "../error-outcome.ts";
import type { ServiceInput, ServiceOutput, ShownService } from "../service-model.ts";

const NETWORK = networkId("net0aaaaaaaaaaaaaaaaaaaaa");
type Untimed<C> = C extends Command ? Omit<C, "now"> : never;

/** The product's own store behind the operations that clients record, each command an entry of its own. */
export class StoreTable {
  readonly #store = createStore();
  /** The store wants ids of 25 characters. */
  readonly #ids = new Map<string, string>();
  #index = 0;

  constructor() {
    this.#apply({
      kind: "createCluster",
      cluster: {
        id: clusterId("c0aaaaaaaaaaaaaaaaaaaaaaa"),
        spec: DEFAULT_CLUSTER_SPEC,
        caPem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        secrets: { caKeyPem: "-----KEY-----", joinSecret: "first-secret", gossipKeys: ["a2V5"] },
      },
      defaultNetworkId: NETWORK,
    });
  }

  list(): readonly ShownService[] {
    return this.#present().map((service) => this.#shown(service));
  }

  /** The progress of an update is written by the leader, not by a client. */
  touch(random: Random): void {
    const services = this.#present();
    const service = services[random.below(services.length)];
    if (service === undefined) return;
    const status = { state: "updating", startedAt: 1, message: `step ${String(this.#index)}` } as const;
    this.#apply({ kind: "setUpdateStatus", id: service.id, specVersion: service.specVersion, status });
  }

  execute(input: ServiceInput): ServiceOutput {
    switch (input.kind) {
      case "list":
        return { kind: "services", services: this.list() };
      case "read": {
        const found =
          input.id === undefined
            ? this.#store.view.serviceByName(input.name)
            : this.#present().find(({ id }) => id === this.#idOf(input.id ?? ""));
        return found === undefined
          ? { kind: "refused", code: "not_found" }
          : { kind: "service", service: this.#shown(found) };
      }
      case "create":
        return this.#write({ kind: "createService", id: this.#idOf(input.id), spec: specOf(input.name, input.spec) });
      case "update": {
        const { name, version, spec } = input;
        return this.#write({ kind: "updateService", id: this.#idOf(input.id), version, spec: specOf(name, spec) });
      }
      case "rollback":
        return this.#write({ kind: "rollbackService", id: this.#idOf(input.id), version: input.version });
      case "remove":
        return this.#write({ kind: "removeService", id: this.#idOf(input.id) });
    }
  }

  #write(command: Untimed<Command>): ServiceOutput {
    const result = this.#apply(command);
    if (result.ok) return { kind: "done", version: result.version };
    if (!isRefusal(result.code)) throw new Error(`the store refuses with ${result.code}: ${result.message}`);
    return { kind: "refused", code: result.code };
  }

  #apply(command: Untimed<Command>): ApplyResult {
    this.#index += 1;
    return this.#store.apply(this.#index, { ...command, now: this.#index });
  }

  #present(): readonly Service[] {
    return this.#store.view.services().filter(({ removing }) => removing !== true);
  }

  #shown({ id, spec, version }: Service): ShownService {
    const own = [...this.#ids].find(([, stored]) => stored === id)?.[0] ?? id;
    return { name: spec.name, id: own, spec: spec.labels["spec"] ?? "", version };
  }

  #idOf(id: string) {
    const stored = this.#ids.get(id) ?? String(this.#ids.size).padStart(25, "0");
    this.#ids.set(id, stored);
    return serviceId(stored);
  }
}

function specOf(name: string, spec: string): ServiceSpec {
  return {
    name,
    labels: { spec },
    mode: { kind: "replicated", replicas: 1 },
    task: {
      container: { image: "nginx" },
      resources: {
        reservations: { nanoCpus: 0, memoryBytes: 0 },
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [{ target: NETWORK, aliases: [] }],
      forceUpdate: 0,
    },
    update: DEFAULT_UPDATE,
    rollback: DEFAULT_UPDATE,
    endpoint: { mode: "vip", ports: [] },
  };
}
