import { ClusterError, Inbox, type Clock, type Millis, type Random } from "@murmur/base";
import { taskName, type PublishedPort } from "@murmur/model";
import { portBindings } from "./port-bindings.ts";
import type {
  Abortable,
  Container,
  ContainerEvent,
  ContainerRequest,
  ContainerSummary,
  EngineGuest,
  EngineInfo,
  EngineNetwork,
  EngineVolume,
  GuestRuntime,
  NetworkRuntime,
  PullOptions,
  Runtime,
} from "./ports.ts";
import { volumeLabels } from "./labels.ts";
import { SimulatedBridges, type Resident } from "./simulated-bridges.ts";
import { SimulatedGuests, type SimulatedGuest } from "./simulated-guests.ts";
import { SimulatedContainer, type Program } from "./simulated-container.ts";

/** What goes wrong at the moment; change it at any time. */
export interface RuntimeFaults {
  /** Error texts: every such call is refused with it. */
  pullError?: string;
  createError?: string;
  startError?: string;
  /** Every process that starts ends at once with this code. */
  exitAtOnce?: number;
  /** Probability that a call has its effect and the answer is lost. */
  answersLost: number;
  /** Nobody is told of what happens. */
  eventsLost: boolean;
}

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly hostname?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly generic?: EngineInfo["generic"];
  /** Images on the node from the start, and such as can be pulled; left out: every image is on the node. */
  readonly images?: readonly string[];
  readonly registry?: readonly string[];
  /** The password that an image's registry asks for; such an image is on no node before it was pulled. Undefined: none. */
  readonly passwordOf?: (image: string) => string | undefined;
  /** A call takes between half of this and all of it; a pull ten times as long. */
  readonly latencyMs?: Millis;
  /** How the process of a task behaves; left out: it runs until its stop signal and ends then at once. */
  readonly program?: (request: ContainerRequest) => Program;
}

interface Subscriber {
  readonly labels: Readonly<Record<string, string>>;
  readonly inbox: Inbox<ContainerEvent>;
}

/** Events that wait for one subscriber; one that is slower loses its stream, as with a real engine. */
const EVENTS_MAX = 4_096;

/**
 * A container engine in memory, for tests and for the simulator: the same calls give the same results at the same
 * simulated times. It outlives the agents that use it, and can be shared by several. Like a real engine it carries on
 * with a call whose caller has left.
 */
export class SimulatedRuntime implements Runtime, NetworkRuntime, GuestRuntime {
  readonly faults: RuntimeFaults = { answersLost: 0, eventsLost: false };
  /** What its administrator says of it: the daemon reads them when it finds the engine. */
  labels: Readonly<Record<string, string>> = {};
  readonly #options: SimulatedRuntimeOptions;
  readonly #containers = new Map<string, SimulatedContainer>();
  /** All of them, made when they are asked for after a change. */
  #list: readonly SimulatedContainer[] | undefined;
  readonly #images: Set<string> | undefined;
  /** Named volumes: they outlive their containers. */
  readonly #volumes = new Map<string, EngineVolume>();
  readonly #plugins = [{ kind: "Volume", name: "local" }];
  /** Those that want a password and were pulled. */
  readonly #pulled = new Set<string>();
  readonly #deniedPulls: string[] = [];
  readonly #bridges = new SimulatedBridges();
  readonly #guests = new SimulatedGuests();
  readonly #subscribers = new Set<Subscriber>();
  /** Those who want to know of guests. */
  readonly #guestInboxes = new Set<Inbox<"changed">>();
  #changes = 0;
  #nextNumber = 1;
  #nextPort = 32_768;
  /** Raised at each stop: a call that began before is not answered. */
  #life = 0;
  #up = true;
  /** Resolves when the engine wakes up; undefined while it is awake. */
  #asleep: { readonly done: Promise<void>; readonly wake: () => void } | undefined;

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
    this.#images = options.images && new Set(options.images);
  }

  /** Raised whenever a container is made, starts, ends, is removed or changes its health. */
  get changes(): number {
    return this.#changes;
  }

  /** Images that were to be pulled without the password that they want. */
  get deniedPulls(): readonly string[] {
    return this.#deniedPulls;
  }

  /** All containers, in the order in which they were made; the same list as long as none is made or removed. */
  containers(): readonly SimulatedContainer[] {
    return (this.#list ??= [...this.#containers.values()]);
  }

  /** All networks, in the order in which they were made; the same list as long as nothing about them has changed. */
  bridges(): readonly EngineNetwork[] {
    return this.#bridges.all();
  }

  /** How often a container was to have an address that another one in its network had. */
  get addressConflicts(): number {
    return this.#bridges.conflicts;
  }

  /** Nothing is answered, and nothing is done, until `wake`. */
  hang(): void {
    if (this.#asleep !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asleep = { done: promise, wake: resolve };
  }

  wake(): void {
    this.#asleep?.wake();
    this.#asleep = undefined;
  }

  /** The engine's process ends, and with it all of its containers'; until `boot` every call is refused. */
  shutDown(): void {
    this.#up = false;
    this.#life += 1;
    for (const container of this.#containers.values()) container.exit(137);
    for (const { inbox } of this.#subscribers) inbox.close();
    this.#subscribers.clear();
    this.#guests.clear();
    for (const inbox of this.#guestInboxes) inbox.close();
    this.#guestInboxes.clear();
    this.wake();
  }

  boot(): void {
    this.#up = true;
  }

  /** Somebody on the node restarts a container by hand. */
  restart(id: string): void {
    this.#containers.get(id)?.restart(this.#nextNumber++);
  }

  /** Something else on the node removes a container. */
  destroy(id: string): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    this.#containers.delete(id);
    this.#list = undefined;
    container.destroy();
  }

  /** Does nothing when there is one of this name. */
  makeVolume(name: string, labels: EngineVolume["labels"] = {}): void {
    if (!this.#volumes.has(name)) this.#volumes.set(name, { name, labels });
  }

  /** The names of its volumes. */
  volumeNames(): readonly string[] {
    return [...this.#volumes.keys()].sort();
  }

  /** Somebody on the node removes a volume. */
  removeVolume(name: string): void {
    this.#volumes.delete(name);
  }

  /** Whether it answers. */
  get up(): boolean {
    return this.#up;
  }

  /** The containers that somebody runs by hand in the cluster's networks. They end with the engine. */
  guestsByHand(): readonly SimulatedGuest[] {
    return this.#guests.all();
  }

  /**
   * Somebody on the node runs a container by hand in one of the engine's networks, or restarts it. @throws ClusterError
   * `not_found` without the network, `overloaded` when it has no address left, `unavailable` while the engine is away
   */
  runGuest(name: string, networkName: string, aliases: readonly string[] = []): SimulatedGuest {
    if (!this.#up) throw new ClusterError("unavailable", "connect ECONNREFUSED /var/run/docker.sock");
    const network = this.#bridges.all().find((one) => one.name === networkName);
    if (network === undefined) throw new ClusterError("not_found", `network ${networkName} not found`);
    const guest = this.#guests.run({ name, network, aliases }, this.containers());
    this.#tellOfGuests();
    return guest;
  }

  removeGuest(name: string): void {
    if (this.#guests.remove(name)) this.#tellOfGuests();
  }

  #tellOfGuests(): void {
    if (this.faults.eventsLost) return;
    for (const inbox of this.#guestInboxes) if (!inbox.push("changed")) inbox.close();
  }

  /** What its networks are used by. */
  #residents(): readonly Resident[] {
    return [...this.containers(), ...this.#guests.residents()];
  }

  /** Something that its administrator installs while it runs. */
  installPlugin(kind: string, name: string): void {
    this.#plugins.push({ kind, name });
  }

  ping({ signal }: Abortable): Promise<void> {
    return this.#call(signal, () => undefined);
  }

  info({ signal }: Abortable): Promise<EngineInfo> {
    const { hostname = "simulated", cpus = 4, memoryBytes = 8 * 2 ** 30, generic } = this.#options;
    const platform = { os: "linux", architecture: "amd64" };
    return this.#call(signal, () => ({
      hostname,
      cpus,
      memoryBytes,
      ...(generic && { generic }),
      ...platform,
      version: "1.0",
      labels: this.labels,
      plugins: [...this.#plugins],
    }));
  }

  pull(image: string, { signal, login }: PullOptions): Promise<void> {
    const work = (): void => {
      if (this.faults.pullError !== undefined) throw new ClusterError("internal", this.faults.pullError);
      const password = this.#options.passwordOf?.(image);
      if (password !== undefined) {
        if (
          !Buffer.from(login ?? "", "base64url")
            .toString("utf8")
            .includes(JSON.stringify(password))
        ) {
          this.#deniedPulls.push(image);
          throw new ClusterError("internal", `Head ${image}: no basic auth credentials`);
        }
        this.#pulled.add(image);
      }
      if (this.#images?.has(image) ?? true) return;
      if (!this.#options.registry?.includes(image)) {
        throw new ClusterError("not_found", `pull access denied for ${image}, repository does not exist`);
      }
      this.#images?.add(image);
    };
    return this.#call(signal, work, 10);
  }

  create(request: ContainerRequest, { signal }: Abortable): Promise<string> {
    return this.#call(signal, () => {
      if (this.faults.createError !== undefined) throw new ClusterError("invalid_argument", this.faults.createError);
      const isPrivate = this.#options.passwordOf?.(request.image) !== undefined;
      if (isPrivate ? !this.#pulled.has(request.image) : !(this.#images?.has(request.image) ?? true)) {
        throw new ClusterError("not_found", `No such image: ${request.image}`);
      }
      const name = taskName(request.task);
      if (this.#find(name) !== undefined) {
        throw new ClusterError("name_conflict", `Conflict. The container name "/${name}" is already in use`);
      }
      this.#bridges.check(request.networks, "unavailable");
      const id = this.#newId();
      const { clock, program = () => ({ stopAfterMs: 0 }) } = this.#options;
      for (const { kind, source = "" } of request.task.spec.container.mounts ?? []) {
        if (kind === "volume" && source !== "") this.makeVolume(source, volumeLabels(request.node));
      }
      const emit = (from: SimulatedContainer, action: string): void => this.#emit(from, action);
      const container = new SimulatedContainer({ id, request, program: program(request), clock, emit });
      this.#containers.set(id, container);
      this.#list = undefined;
      this.#changes += 1;
      return id;
    });
  }

  start(containerId: string, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => {
      const container = this.#get(containerId);
      if (container.live) return;
      if (this.faults.startError !== undefined) {
        container.failStart(this.faults.startError);
        throw new ClusterError("internal", this.faults.startError);
      }
      this.#bridges.join(container, this.#residents());
      const ports = this.#publish(container);
      container.start(this.#nextNumber++, ports);
      if (this.faults.exitAtOnce !== undefined) container.exit(this.faults.exitAtOnce);
    });
  }

  kill(containerId: string, signalName: string, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => {
      const container = this.#get(containerId);
      if (!container.live) {
        throw new ClusterError("failed_precondition", `Cannot kill container: ${containerId}: it is not running`);
      }
      if (!/^SIG[A-Z0-9]+$/.test(signalName)) {
        throw new ClusterError("invalid_argument", `Invalid signal: ${signalName}`);
      }
      container.signal(signalName);
    });
  }

  remove(containerId: string, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => this.destroy(this.#get(containerId).id));
  }

  inspect(idOrName: string, { signal }: Abortable): Promise<Container> {
    return this.#call(signal, () => this.#get(idOrName).show());
  }

  list(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly ContainerSummary[]> {
    return this.#call(signal, () =>
      this.containers()
        .filter((container) => carries(container, labels))
        .map((container) => container.show()),
    );
  }

  volumes({ signal }: Abortable): Promise<readonly EngineVolume[]> {
    return this.#call(signal, () => [...this.#volumes.values()]);
  }

  async events(
    labels: Readonly<Record<string, string>>,
    { signal }: Abortable,
  ): Promise<AsyncIterable<ContainerEvent>> {
    const subscriber = { labels, inbox: new Inbox<ContainerEvent>({ limit: EVENTS_MAX, onFull: "reject" }) };
    await this.#call(signal, () => this.#subscribers.add(subscriber));
    const end = (): void => {
      subscriber.inbox.close();
      this.#subscribers.delete(subscriber);
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    return read(subscriber.inbox);
  }

  ensureNetwork(network: EngineNetwork, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => this.#bridges.ensure(network, this.#residents()));
  }

  removeNetwork(name: string, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => this.#bridges.remove(name, this.#residents()));
  }

  networks(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly string[]> {
    return this.#call(signal, () => {
      const ours = this.#bridges.all().filter((network) => carries(network, labels));
      return ours.map((network) => network.name);
    });
  }

  guests(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly EngineGuest[]> {
    return this.#call(signal, () => {
      const ours = new Set(
        this.#bridges
          .all()
          .filter((network) => carries(network, labels))
          .map(({ name }) => name),
      );
      const found = this.#guests.all().filter(({ network }) => ours.has(network));
      return found.map(({ name: _name, resident: _resident, ...guest }) => guest);
    });
  }

  async guestEvents({ signal }: Abortable): Promise<AsyncIterable<unknown>> {
    const inbox = new Inbox<"changed">({ limit: EVENTS_MAX, onFull: "reject" });
    await this.#call(signal, () => this.#guestInboxes.add(inbox));
    const end = (): void => {
      inbox.close();
      this.#guestInboxes.delete(inbox);
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    return read(inbox);
  }

  evict(network: string, { signal }: Abortable): Promise<void> {
    return this.#call(signal, () => {
      if (this.#guests.evict(network)) this.#tellOfGuests();
    });
  }

  /** The engine does its work whether or not the caller waits for it. */
  #call<T>(signal: AbortSignal, work: () => T, slowness = 1): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      this.#serve(work, slowness)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", leave));
    });
  }

  async #serve<T>(work: () => T, slowness: number): Promise<T> {
    const { latencyMs = 0, random } = this.#options;
    const pauseMs = slowness * latencyMs * (0.25 + random.next() / 4);
    const life = this.#life;
    await this.#pause(pauseMs, life);
    const result = work();
    if (random.next() < this.faults.answersLost) throw new ClusterError("unavailable", "socket hang up");
    await this.#pause(pauseMs, life);
    return result;
  }

  async #pause(delayMs: Millis, life: number): Promise<void> {
    if (delayMs > 0) {
      await new Promise<void>((resolve) => void this.#options.clock.setTimer(delayMs, resolve));
    }
    await this.#asleep?.done;
    if (!this.#up) throw new ClusterError("unavailable", "connect ECONNREFUSED /var/run/docker.sock");
    if (life !== this.#life) throw new ClusterError("unavailable", "socket hang up");
  }

  #publish(container: SimulatedContainer): readonly PublishedPort[] {
    const { task, node } = container.request;
    const taken = new Set(this.containers().flatMap(({ ports }) => ports.map((port) => port.hostPort)));
    return portBindings(task, node).map(({ protocol, targetPort, hostPort }) => {
      if (taken.has(hostPort)) {
        const text = `driver failed programming external connectivity: port ${String(hostPort)} is already allocated`;
        container.failStart(text);
        throw new ClusterError("port_conflict", text);
      }
      return { protocol, targetPort, hostPort: hostPort === 0 ? this.#nextPort++ : hostPort };
    });
  }

  #emit(container: SimulatedContainer, action: string): void {
    this.#changes += 1;
    if (this.faults.eventsLost) return;
    for (const { labels, inbox } of this.#subscribers) {
      if (!carries(container, labels)) continue;
      if (!inbox.push({ containerId: container.id, labels: container.labels, action })) inbox.close();
    }
  }

  #get(idOrName: string): SimulatedContainer {
    const container = this.#containers.get(idOrName) ?? this.#find(idOrName);
    if (container === undefined) throw new ClusterError("not_found", `No such container: ${idOrName}`);
    return container;
  }

  #find(name: string): SimulatedContainer | undefined {
    return this.containers().find((container) => container.name === name);
  }

  #newId(): string {
    return (this.#nextNumber++).toString(16).padStart(64, "0");
  }
}

const carries = (
  container: { readonly labels: Readonly<Record<string, string>> },
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(labels).every(([name, value]) => container.labels[name] === value);

async function* read<T>(inbox: Inbox<T>): AsyncGenerator<T> {
  for (let event = await inbox.take(); event !== undefined; event = await inbox.take()) yield event;
}
