import { isIP } from "node:net";
import {
  ClusterError,
  messageOf,
  orAborted,
  Scope,
  sleep,
  withDeadline,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Random,
} from "@murmur/base";
import { NO_SUSPECTS, type Suspects } from "@murmur/discovery";
import type { ClusterFacts, EndpointTable, Guest, NetworkEntry, NetworkId, PortConfig, TaskId } from "@murmur/model";
import {
  closedPorts,
  mendedOf,
  openDns,
  type DataPlaneStats,
  type Difference,
  type TableInForce,
} from "./data-plane.ts";
import type { ListenerStatus } from "./listener-status.ts";
import { askersOf, type OwnServers } from "./overlay-plane/askers.ts";
import { BridgeBook, type BridgeMaker } from "./overlay-plane/bridge-book.ts";
import { containerPorts, hostBridges } from "./overlay-plane/container-ports.ts";
import { differencesIn } from "./overlay-plane/difference-words.ts";
import { Inheritance } from "./overlay-plane/inheritance.ts";
import type { OverlayHost, OverlayParts } from "./overlay-plane/overlay-parts.ts";
import { OverlayProxies } from "./overlay-plane/overlay-proxies.ts";
import { hostSubnets } from "./overlay-plane/host-subnets.ts";
import { LinkWatch } from "./overlay-plane/link-watch.ts";
import { localNetwork, neededNetworks, type LocalNetwork, type Needs } from "./overlay-plane/needed-networks.ts";
import { bridgeOf, overlayState } from "./overlay-plane/overlay-state.ts";
import type { AttachedContainer, OverlayView } from "./overlay-plane/overlay-view.ts";
import type { Attachment, OverlayPlane } from "./overlay-plane/plane-port.ts";
import { RenderLoop } from "./overlay-plane/render-loop.ts";
import { vxlanName } from "./overlay/kernel-object.ts";
import { systemCommands, type Commands } from "./overlay/kernel/commands.ts";
import { Overlay } from "./overlay/kernel/overlay.ts";
import { Runner } from "./overlay/kernel/runner.ts";
import type { OverlayState } from "./overlay/state.ts";
import { portProblem } from "./port-check.ts";
import type { WorkersOptions } from "./workers/proxy-workers.ts";

/** How often the kernel is compared with what was rendered. */
const CHECK_MS: Millis = 30_000;

/** How long somebody who must know that all is rendered waits while that fails. Nobody waits longer for an acknowledgement. */
const SETTLED_MS: Millis = 3_000;
const unsettled = (): ClusterError =>
  new ClusterError("unavailable", "this node's overlay could not be rendered; see its log, or murmur doctor");

export interface OverlayPlaneOptions {
  readonly self: NodeId;
  /** IP address that the other nodes reach this one at. */
  readonly underlay: string;
  /** As in the `ports` plane; the loopback's addresses are proxied only where it stands for all of them. */
  readonly publishAddress: string;
  /** `IP:PORT` of the DNS server beside the networks' gateways; undefined: only there. */
  readonly dnsAddress: string | undefined;
  readonly upstreams: readonly string[];
  readonly bridges: BridgeMaker;
  /** Left out: this process carries all connections that the kernel doesn't redirect. */
  readonly workers?: WorkersOptions;
  /** Left out: the system's programs. */
  readonly commands?: Commands;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Opens the overlay of this node. @throws ClusterError `unsupported` when this machine can't have one */
export async function openOverlayPlane(options: OverlayPlaneOptions): Promise<OverlayPlane> {
  const commands = options.commands ?? systemCommands;
  const overlay = await Overlay.open({ commands });
  const runner = new Runner({ commands });
  const host: OverlayHost = {
    subnets: () => hostSubnets(runner),
    bridges: () => hostBridges(runner),
    containerPorts: (netns, networkIds) => containerPorts(runner, netns, networkIds),
    watch: (watcher) => new LinkWatch({ ...watcher, clock: options.clock }),
  };
  const subnets = await host.subnets();
  const dns = await openDns({ ...options, ownAddresses: true }, options.dnsAddress);
  return overlayPlaneOf(options, { overlay, host, dns, proxies: new OverlayProxies(options), subnets });
}

/** A plane of parts that may be simulated: sockets, programs and the kernel are theirs. */
export const overlayPlaneOf = (options: PlaneOptions, parts: OverlayParts): OverlayPlane =>
  new KernelPlane(options, parts);

type PlaneOptions = Pick<OverlayPlaneOptions, "self" | "underlay" | "publishAddress" | "bridges" | "clock" | "log">;

class KernelPlane implements OverlayPlane {
  readonly #options: PlaneOptions;
  readonly #parts: OverlayParts;
  readonly #scope: Scope;
  readonly #loop: RenderLoop;
  readonly #bridges: BridgeBook;
  readonly #inheritance: Inheritance;
  readonly #proxies: OverlayParts["proxies"];
  readonly #containers = new Map<TaskId, AttachedContainer>();
  readonly #ownServers = new Map<TaskId, OwnServers>();
  /** Those of them whose namespaces were found to be gone. They will be detached; nothing is done in them until then. */
  readonly #ended = new Set<TaskId>();
  #table: EndpointTable | undefined;
  #facts: ClusterFacts | undefined;
  #suspects: Suspects = NO_SUSPECTS;
  /** What follows from all that is above; undefined after a change, until it is asked for. */
  #seen: { readonly view: OverlayView | undefined; readonly needs: Needs } | undefined;
  /** What was rendered last. */
  #rendered: OverlayState | undefined;
  #inForce: TableInForce | undefined;
  #differences = 0;
  readonly #watch: Disposable | undefined;
  #subnets: readonly string[];

  constructor(options: PlaneOptions, parts: OverlayParts) {
    const { clock, log } = options;
    this.#options = options;
    this.#parts = parts;
    this.#subnets = parts.subnets;
    this.#scope = new Scope(log);
    const render = (): Promise<readonly string[]> => this.#render();
    const onRecovered = (): void => this.#scope.run("overlay check", () => this.#mend());
    this.#loop = new RenderLoop({ render, onRecovered, clock, log });
    this.#bridges = new BridgeBook({
      maker: options.bridges,
      known: () => this.known(),
      look: () => parts.host.bridges(),
      onChange: () => this.#loop.request(),
      scope: this.#scope,
      clock,
      log,
    });
    this.#proxies = parts.proxies;
    this.#inheritance = new Inheritance(options.clock);
    this.#scope.run("overlay checks", (signal) => this.#checkAgainAndAgain(signal));
    // An engine that starts takes addresses of ours from the bridges that it finds: they must not be missing until the next check.
    this.#watch = parts.host.watch?.({
      isOwn: (device) => this.#isOwn(device),
      onLoss: () => this.#scope.run("overlay check", () => this.#mend()),
    });
  }

  update(table: EndpointTable): void {
    this.#table = table;
    this.#seen = undefined;
    this.#parts.dns.update(table);
    this.#know();
    this.#loop.request();
  }

  facts(facts: ClusterFacts): void {
    this.#facts = facts;
    this.#seen = undefined;
    this.#know();
    this.#loop.request();
  }

  avoid(suspects: Suspects): void {
    this.#suspects = suspects;
    this.#seen = undefined;
    this.#parts.dns.avoid(suspects);
    this.#proxies.avoid(suspects);
    this.#loop.request();
  }

  meet(guests: readonly Guest[]): void {
    this.#parts.dns.meet(guests);
  }

  async settled(): Promise<void> {
    await this.#inheritance.adopted;
    await withDeadline({ clock: this.#options.clock, limitMs: SETTLED_MS, late: unsettled, signals: [] }, (signal) =>
      orAborted(this.#loop.rendersRight(), signal),
    );
    const told = this.#proxies.settled();
    if (told !== undefined) await told;
    // The kernel goes on as it is without this process.
    if (this.#scope.closed) throw new ClusterError("unavailable", "this node is being stopped");
  }

  network(id: NetworkId): LocalNetwork | undefined {
    const [view, network] = [this.#view(), this.#entry(id)];
    const number = view?.facts.nodes.find((node) => node.id === view.self)?.number;
    if (network === undefined || number === undefined) return undefined;
    const { addressing } = network;
    return addressing === undefined ? network : localNetwork({ ...network, addressing }, number);
  }

  subnets(): readonly string[] {
    return this.#subnets;
  }

  known(): ReadonlySet<NetworkId> {
    return new Set(this.#table?.networks.map(({ id }) => id));
  }

  networks(): readonly LocalNetwork[] | undefined {
    return this.#view() === undefined ? undefined : this.#needs().networks;
  }

  ownAttachable(): readonly NetworkId[] {
    const own = this.#view()?.table.networks.filter(({ local, attachable }) => local !== undefined && attachable);
    return (own ?? []).map(({ id }) => id);
  }

  async attach(
    task: TaskId,
    { netns, addresses }: Attachment,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const networkIds = addresses.map(({ networkId }) => networkId);
    const ports = await orAborted(this.#parts.host.containerPorts(netns, networkIds), signal);
    this.#containers.set(task, { netns, addresses, ports });
    this.#ended.delete(task);
    this.#seen = undefined;
    this.#know();
    this.#inheritance.adopt(task);
    const { problems, error } = await orAborted(this.#loop.rendered(), signal);
    if (error !== undefined) throw error;
    if (this.#ended.has(task)) throw new ClusterError("unavailable", "the container has ended");
    const lacking = networkIds.find((id) => !this.#rendered?.networks.some((network) => network.id === id));
    if (lacking !== undefined) {
      const why = this.#bridges.problem(lacking) ?? `this node has not been told enough of network ${lacking} yet`;
      throw new ClusterError("unavailable", why);
    }
    const words = [netns, ...ports.values(), ...networkIds.flatMap((id) => this.#devicesOf(id))];
    const problem = problems.find((text) => words.some((word) => text.includes(word)));
    if (problem !== undefined) throw new ClusterError("unavailable", problem);
  }

  expect(tasks: readonly TaskId[]): void {
    this.#inheritance.expect(tasks.filter((id) => !this.#containers.has(id)));
  }

  resolveBy(task: TaskId, addresses: Attachment["addresses"], servers: readonly string[] | undefined): void {
    const wrong = servers?.find((server) => isIP(server) === 0);
    if (wrong !== undefined)
      throw new ClusterError("invalid_argument", `the DNS server "${wrong}" is no IP address: give one with --dns`);
    const before = this.#ownServers.has(task);
    if (servers === undefined) this.#ownServers.delete(task);
    else this.#ownServers.set(task, { addresses, servers });
    if (before || servers !== undefined) this.#know();
  }

  detach(task: TaskId): void {
    this.#inheritance.adopt(task);
    const hadServers = this.#ownServers.delete(task);
    if (!this.#containers.delete(task)) {
      if (hadServers) this.#know();
      return;
    }
    this.#ended.delete(task);
    this.#seen = undefined;
    this.#know();
    this.#loop.request();
  }

  async portsInUse(ports: readonly PortConfig[]): Promise<readonly string[]> {
    const asked = ports.filter((port) => port.mode === "ingress" && !this.#proxies.holds(port));
    const problems = await Promise.all(asked.map((port) => portProblem(this.#options.publishAddress, port)));
    return problems.filter((problem) => problem !== undefined);
  }

  listeners(): readonly ListenerStatus[] {
    return [...this.#proxies.listeners(), ...this.#parts.dns.listeners()];
  }

  stats(): DataPlaneStats {
    const problems = this.#problems().length;
    return {
      table: this.#inForce,
      proxies: this.#proxies.stats(),
      proxyWorkers: this.#proxies.workers,
      dns: this.#parts.dns.stats(),
      overlay: { ...this.#loop.figures, problems, differences: this.#differences },
    };
  }

  async check(): Promise<readonly Difference[]> {
    const found = this.#rendered === undefined ? [] : await this.#parts.overlay.difference();
    return [...differencesIn(found, this.#containers), ...this.#others()];
  }

  async repair(): Promise<readonly Difference[]> {
    const before = this.#others();
    await Promise.all([this.#proxies.retry(), this.#parts.dns.retry()]);
    if (this.#rendered === undefined) return mendedOf(before, this.#others());
    const { overlay } = this.#parts;
    const { found } = await overlay.repair();
    const left = new Set((await overlay.difference()).map(({ text }) => text));
    const isMended = ({ text }: { readonly text: string }): boolean => !left.has(text);
    this.#lookAgain();
    const words = differencesIn(found, this.#containers);
    return [
      ...words.map((difference, at) => ({ ...difference, mended: found[at] !== undefined && isMended(found[at]) })),
      ...mendedOf(before, this.#others()),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#inheritance[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
    await this.#scope[Symbol.asyncDispose]();
    await Promise.all([
      this.#loop[Symbol.asyncDispose](),
      this.#proxies[Symbol.asyncDispose](),
      this.#parts.dns[Symbol.asyncDispose](),
    ]);
    await this.#parts.overlay[Symbol.asyncDispose]();
  }

  #view(): OverlayView | undefined {
    return this.#look().view;
  }

  #needs(): Needs {
    return this.#look().needs;
  }

  #look(): { readonly view: OverlayView | undefined; readonly needs: Needs } {
    if (this.#seen !== undefined) return this.#seen;
    const view = this.#makeView();
    const needs = view === undefined ? { networks: [], problems: [] } : neededNetworks(view);
    return (this.#seen = { view, needs });
  }

  /** Undefined until the cluster has said what there is, and which number this node has. */
  #makeView(): OverlayView | undefined {
    const [table, facts] = [this.#table, this.#facts];
    const { self, underlay, publishAddress } = this.#options;
    if (table === undefined || facts?.nodes.some(({ id, number }) => id === self && number !== undefined) !== true)
      return undefined;
    const containers = new Map([...this.#containers].filter(([id]) => !this.#ended.has(id)));
    return { self, underlay, publishAddress, table, facts, suspects: this.#suspects, containers };
  }

  /** Before the node knows what there should be it touches nothing: what a former process left goes on. */
  async #render(): Promise<readonly string[]> {
    const first = this.#needs();
    const ready = new Set((await this.#bridges.ready(first.networks)).map(({ id }) => id));
    // What was learned while the bridges were looked for is rendered, too.
    const view = this.#view();
    if (view === undefined) return [];
    const networks = this.#needs().networks.filter(({ id }) => ready.has(id));
    const state = overlayState(view, networks);
    const { problems, ended } = await this.#parts.overlay.render(state);
    this.#rendered = state;
    this.#forgetEnded(view, ended);
    if (problems.length > 0) this.#bridges.forget();
    this.#parts.dns.listenAt(networks.map(({ addressing }) => addressing.ipv4.gateway));
    this.#proxies.update(view.table, networks);
    const { version } = view.table;
    const isWhole = problems.length === 0 && ready.size === first.networks.length;
    if (isWhole && this.#inForce?.version !== version) {
      this.#inForce = { version, since: this.#options.clock.now() };
      this.#options.log.debug("endpoint table in force", { version });
    }
    return problems;
  }

  /** A container may end while it is rendered: that is no failure, and its rendering isn't tried again. */
  #forgetEnded({ containers }: OverlayView, ended: readonly string[]): void {
    if (ended.length === 0) return;
    this.#seen = undefined;
    for (const [id, { netns }] of containers) {
      if (ended.includes(netns) && this.#containers.get(id)?.netns === netns) this.#ended.add(id);
    }
    this.#loop.request();
  }

  #know(): void {
    const { networks } = this.#needs();
    this.#parts.dns.know(
      askersOf(this.#options.self, this.#table, {
        containers: this.#containers,
        ownServers: this.#ownServers,
        networks,
      }),
    );
    if (this.#view() !== undefined) this.#inheritance.inform();
  }

  #entry(id: NetworkId): NetworkEntry | undefined {
    return this.#table?.networks.find((network) => network.id === id);
  }

  #devicesOf(id: NetworkId): readonly string[] {
    const vni = this.#entry(id)?.addressing?.vni;
    return [bridgeOf(id), ...(vni === undefined ? [] : [`${vxlanName(vni)} `])];
  }

  #isOwn(device: string): boolean {
    return this.#needs().networks.some(({ id }) => this.#devicesOf(id).some((own) => own.trimEnd() === device));
  }

  #problems(): readonly string[] {
    const { problems, error } = this.#loop.last;
    const failed = error === undefined ? problems : [messageOf(error)];
    return [...failed, ...this.#bridges.problems(), ...this.#needs().problems];
  }

  /** What is wrong beside the kernel's state. */
  #others(): readonly Difference[] {
    const problems = this.#problems().map((what) => ({ where: "overlay", what }));
    return [...problems, ...closedPorts(this.listeners())];
  }

  async #checkAgainAndAgain(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#options.clock, CHECK_MS, signal);
      this.#subnets = await this.#parts.host.subnets().catch(() => this.#subnets);
      await this.#mend();
    }
  }

  /** Finds what others have changed in the kernel, and mends it. What can't be found out now will be later. */
  async #mend(): Promise<void> {
    if (this.#rendered === undefined || this.#scope.closed) return;
    const { log } = this.#options;
    try {
      const found = await this.#parts.overlay.difference();
      const [first] = found;
      if (first === undefined) return;
      this.#differences += found.length;
      log.warn("the overlay in the kernel was altered; mending it", { differences: found.length, first: first.text });
      await this.#parts.overlay.repair();
      this.#lookAgain();
    } catch (error) {
      if (!this.#scope.closed) log.warn("the overlay could not be checked", { error: messageOf(error) });
    }
  }

  /** What was mended may lack what it hangs on. */
  #lookAgain(): void {
    this.#bridges.forget();
    this.#loop.request();
  }
}
