import { codeOf, type Millis, type NodeId, type Random } from "@murmur/base";
import { loginSealId, serviceId, type NodeSpec, type Service, type ServiceId, type ServiceSpec } from "@murmur/model";
import type { View } from "@murmur/store";
import { chance, oneOf } from "../faults/fault.ts";
import { isRefusal, outcomeOfError } from "../history/error-outcome.ts";
import type { HistoryRecorder, OpenOperation } from "../history/history.ts";
import type { NodeInput, NodeOutput, ShownNode } from "../history/node-model.ts";
import type { ReadOrder } from "../history/read-order.ts";
import type { ServiceInput, ServiceOutput, ShownService } from "../history/service-model.ts";
import type { World } from "../world/world.ts";
import { deskOf, type Desk } from "./desk.ts";
import type { Networks } from "./networks.ts";
import type { Payloads } from "./payloads.ts";
import { loginOf, privateImage } from "./private-image.ts";
import { SERVICE_NAMES } from "./service-names.ts";
import { drawChange, drawSpec, isJob, WRITE_LABEL } from "./specs.ts";

/** A client that gets no answer for so long goes on; what became of it is unknown. */
const PATIENCE_MS: Millis = 15_000;

/** How long what works on a node that is drained may go on; undefined: it is stopped at once. */
const GRACES_MS: readonly (Millis | undefined)[] = [undefined, 2_000, 15_000, 60_000];

const MOVES_MS: readonly Millis[] = [500, 10_000, 60_000];

export interface ClientOptions {
  readonly name: string;
  readonly world: World;
  readonly random: Random;
  readonly services: HistoryRecorder<ServiceInput, ServiceOutput>;
  readonly nodes: HistoryRecorder<NodeInput, NodeOutput>;
  readonly reads: ReadOrder;
  readonly networks: Pick<Networks, "draw">;
  readonly payloads: Pick<Payloads, "draw">;
}

/** What a client believes of a service: what it needs to change it. */
type Known = Pick<Service, "id" | "version" | "spec">;

/** A user who asks managers for things, one after the other, and whose every call is recorded. */
export class Client {
  readonly #options: ClientOptions;
  #known: readonly Known[] = [];
  #knownNodes: readonly { readonly id: NodeId; readonly version: number; readonly spec: NodeSpec }[] = [];
  #writes = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Does one thing, on any manager. Never rejects: what went wrong is part of the history. */
  async act(): Promise<void> {
    const { random } = this.#options;
    const cluster = this.#anyManager();
    if (cluster === undefined) return;
    const dice = random.below(100);
    const known = oneOf(this.#known, random);
    if (dice < 20 || (known === undefined && dice < 60)) await this.#create(cluster);
    else if (dice < 50 && known !== undefined) await this.#update(cluster, known);
    else if (dice < 60 && known !== undefined) await this.#remove(cluster, known);
    else if (dice < 63) await this.#moveSome(cluster);
    else if (dice < 75 && known !== undefined) await this.#read(cluster, known);
    else if (dice < 90) await this.list(cluster);
    else if (dice < 95) await this.#listNodes(cluster);
    else await this.#updateNode(cluster);
  }

  /** Reads all services; undefined when there was no answer. */
  async list(cluster: Desk): Promise<readonly Known[] | undefined> {
    const operation = this.#options.services.call(this.#options.name, { kind: "list" });
    return this.#answer(operation, async (signal) => {
      const view = await this.#view(cluster, signal);
      const shown = present(view);
      this.#known = shown;
      return { output: { kind: "services", services: shown.map(showService) }, value: shown };
    });
  }

  /** Makes every node take tasks again; true when they all do. */
  async activateAll(cluster: Desk): Promise<boolean> {
    await this.#listNodes(cluster);
    let all = this.#knownNodes.length > 0;
    for (const node of this.#knownNodes) {
      if (node.spec.availability === "active" && node.spec.pinnedRole === undefined) continue;
      all = false;
      const { pinnedRole: _pinned, drain: _grace, ...rest } = node.spec;
      await this.#writeNode(cluster, node, { ...rest, availability: "active" });
    }
    return all;
  }

  #anyManager(): Desk | undefined {
    const { world, random } = this.#options;
    const host = oneOf(
      world.hosts.filter(({ manager }) => manager !== undefined),
      random,
    );
    const cluster = host?.member?.cluster();
    return host?.life === undefined || cluster === undefined ? undefined : deskOf(cluster, host.life.process);
  }

  async #create(cluster: Desk): Promise<void> {
    const { services, name: client, random, world } = this.#options;
    const name = oneOf(SERVICE_NAMES, random) ?? SERVICE_NAMES[0];
    const write = this.#nextWrite();
    const id = serviceId(world.newId());
    const drawn = drawSpec(name, write, random);
    const { networks, payloads } = this.#options;
    const isPrivate = chance(random, 0.25) && !isJob(drawn.mode);
    const image = isPrivate ? { image: privateImage(id) } : {};
    const container = { ...drawn.task.container, ...image, ...payloads.draw() };
    const spec = { ...drawn, task: { ...drawn.task, container, networks: networks.draw() } };
    const operation = services.call(client, { kind: "create", name, id, spec: write });
    await this.#write(operation, async (signal) => {
      const login = isPrivate ? { registryAuth: await this.#login(cluster, id) } : {};
      return cluster.submit({ kind: "createService", id, spec, ...login, now: world.clock.now() }, { signal });
    });
  }

  async #update(cluster: Desk, { id, version, spec }: Known): Promise<void> {
    const { services, name: client, random, world } = this.#options;
    const write = this.#nextWrite();
    const next = this.#rotated(drawChange(spec, write, random));
    const operation = services.call(client, { kind: "update", name: spec.name, id, version, spec: write });
    const isRenewed = spec.task.container.image === privateImage(id) && chance(random, 0.3);
    await this.#write(operation, async (signal) => {
      const login = isRenewed ? { registryAuth: await this.#login(cluster, id) } : {};
      return cluster.submit(
        { kind: "updateService", id, version, spec: next, ...login, now: world.clock.now() },
        { signal },
      );
    });
  }

  #login(cluster: Desk, id: ServiceId): Promise<string> {
    return cluster.seal(new TextEncoder().encode(loginOf(id)), loginSealId(id));
  }

  /** Now and then it uses other secrets and configs than before. */
  #rotated(spec: ServiceSpec): ServiceSpec {
    const { random, payloads } = this.#options;
    if (!chance(random, 0.3)) return spec;
    const { secrets: _secrets, configs: _configs, ...rest } = spec.task.container;
    return { ...spec, task: { ...spec.task, container: { ...rest, ...payloads.draw() } } };
  }

  async #remove(cluster: Desk, { id, spec }: Known): Promise<void> {
    const { services, name: client, world } = this.#options;
    const operation = services.call(client, { kind: "remove", name: spec.name, id });
    await this.#write(operation, (signal) =>
      cluster.submit({ kind: "removeService", id, now: world.clock.now() }, { signal }),
    );
  }

  async #read(cluster: Desk, { id, spec }: Known): Promise<void> {
    const operation = this.#options.services.call(this.#options.name, { kind: "read", name: spec.name, id });
    await this.#answer(operation, async (signal) => {
      const found = serviceIn(await this.#view(cluster, signal), id);
      if (found === undefined) return { output: { kind: "refused", code: "not_found" } };
      this.#known = [...this.#known.filter((known) => known.id !== id), found];
      return { output: { kind: "service", service: showService(found) } };
    });
  }

  async #listNodes(cluster: Desk): Promise<void> {
    const operation = this.#options.nodes.call(this.#options.name, { kind: "list" });
    await this.#answer(operation, async (signal) => {
      const nodes = (await this.#view(cluster, signal)).nodes();
      this.#knownNodes = nodes.map(({ id, version, spec }) => ({ id, version, spec }));
      return { output: { kind: "nodes", nodes: this.#knownNodes.map(showNode) } };
    });
  }

  async #updateNode(cluster: Desk): Promise<void> {
    const { random } = this.#options;
    const node = oneOf(this.#knownNodes, random);
    if (node === undefined) return this.#listNodes(cluster);
    const availability = oneOf(["active", "active", "pause", "drain"] as const, random) ?? "active";
    const pinnedRole = oneOf(["manager", "worker", undefined, undefined] as const, random);
    const grace = availability === "drain" ? oneOf(GRACES_MS, random) : undefined;
    const { pinnedRole: _before, drain: _grace, ...rest } = node.spec;
    await this.#writeNode(cluster, node, {
      ...rest,
      availability,
      ...(grace === undefined ? {} : { drain: { deadlineMs: grace } }),
      ...(pinnedRole === undefined ? {} : { pinnedRole }),
    });
  }

  /** Any tasks, for more or less time: worse than what a user would move. Nothing that anybody reads says whether it came about. */
  async #moveSome(cluster: Desk): Promise<void> {
    const { random, world } = this.#options;
    const forMs = oneOf(MOVES_MS, random) ?? 1;
    const work = async (signal: AbortSignal): Promise<void> => {
      const view = await cluster.read("local", signal);
      const tasks = [...view.tasks()].filter(() => chance(random, 0.3)).map(({ id }) => id);
      if (tasks.length === 0) return;
      await cluster.submit(
        { kind: "moveTasks", tasks: tasks.slice(0, 500), forMs, now: world.clock.now() },
        { signal },
      );
    };
    const controller = new AbortController();
    const timer = world.clock.setTimer(PATIENCE_MS, () => controller.abort(new Error("the client gives up")));
    const gaveUp = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve()));
    await Promise.race([work(controller.signal).catch(() => {}), gaveUp]);
    timer.cancel();
  }

  async #writeNode(
    cluster: Desk,
    node: { readonly id: NodeId; readonly version: number },
    change: NodeSpec,
  ): Promise<void> {
    const { nodes, name: client, world } = this.#options;
    const { id, version } = node;
    const spec: NodeSpec = { ...change, labels: { ...change.labels, [WRITE_LABEL]: this.#nextWrite() } };
    const operation = nodes.call(client, { kind: "update", id, version, spec: JSON.stringify(spec) });
    await this.#write(operation, (signal) =>
      cluster.submit({ kind: "updateNode", id, version, spec, now: world.clock.now() }, { signal }),
    );
  }

  async #view(cluster: Desk, signal: AbortSignal): Promise<View> {
    const ended = this.#options.reads.begin();
    const view = await cluster.read("linearizable", signal);
    ended(view.version);
    return view;
  }

  #nextWrite(): string {
    this.#writes += 1;
    return `${this.#options.name}-${String(this.#writes)}`;
  }

  #write(
    operation: OpenOperation<{ readonly kind: "done"; readonly version?: number } | Refused>,
    submit: (signal: AbortSignal) => Promise<{ readonly version: number }>,
  ): Promise<void> {
    return this.#answer(operation, async (signal) => {
      const { version } = await submit(signal);
      return { output: { kind: "done", version } };
    });
  }

  /** Ends an operation with what its call gives, or with what its error says; with nothing when nobody answers. */
  async #answer<Output, T = void>(
    operation: OpenOperation<Output | Refused>,
    call: (signal: AbortSignal) => Promise<{ readonly output: Output | Refused; readonly value?: T }>,
  ): Promise<T | undefined> {
    const { world } = this.#options;
    const controller = new AbortController();
    const answered = call(controller.signal).then(
      ({ output, value }) => {
        if (!controller.signal.aborted) operation.returned(output);
        return value;
      },
      (error: unknown) => {
        if (controller.signal.aborted) return undefined;
        const code = codeOf(error);
        switch (outcomeOfError(code)) {
          case "refused":
            if (isRefusal(code)) operation.returned({ kind: "refused", code });
            break;
          case "not_executed":
            operation.notExecuted(code);
            break;
          case "unknown":
            operation.unknown(code);
            break;
        }
        return undefined;
      },
    );
    const patience = new Promise<undefined>((resolve) => {
      const timer = world.clock.setTimer(PATIENCE_MS, () => {
        controller.abort(new Error("the client gives up"));
        resolve(undefined);
      });
      void answered.finally(() => timer.cancel());
    });
    return Promise.race([answered, patience]);
  }
}

type Refused = Extract<ServiceOutput, { kind: "refused" }>;

const present = (view: View): readonly Known[] => view.services().filter(({ removing }) => removing !== true);

function serviceIn(view: View, id: ServiceId): Known | undefined {
  const service = view.service(id);
  return service?.removing === true ? undefined : service;
}

const showService = ({ id, version, spec }: Known): ShownService => ({
  id,
  version,
  name: spec.name,
  spec: spec.labels[WRITE_LABEL] ?? "",
});

const showNode = ({
  id,
  version,
  spec,
}: {
  readonly id: NodeId;
  readonly version: number;
  readonly spec: NodeSpec;
}): ShownNode => ({ id, version, spec: JSON.stringify(spec) });
