import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "@murmur/api";
import { eventually, type Host } from "../../../test/hosts/host.ts";
import type { HostCluster } from "../../../test/hosts/host-cluster.ts";
import { runningTasks } from "../services.ts";
import { leave, occupy, type Post } from "./post.ts";
import type { Probe } from "./probe-process.ts";

const PROBED_BEFORE_MS = 300;
/** A task that ends sooner after its start counts as one that fails quickly (30 s), and has to wait for its next. */
const SETTLED_MS = 31_000;
/** When nobody has chosen what is gone for this long, nobody does any more. */
export const QUIET_MS = 1_000;
/** Of each of the services. */
export const REPLICAS = 2;
const LOOK_MS = 200;
const LIMIT_MS = 30_000;
/** Between two choices in one way on one node. After a cut many services are looked at, with as much work for all. */
const EVERY_MS = { kill: 10, cut: 40 } as const;

/** Ways to choose a task. */
export const WAYS = ["dns", "vip", "port"] as const;
type Way = (typeof WAYS)[number];
/** How long something gone was still chosen, in seconds, by each way that there is to it. */
export type Staleness = Partial<Record<Way, number>>;

/** A service, and the ways that there are to it. */
export interface Target {
  readonly name: string;
  readonly vip?: string;
  readonly port?: number;
  readonly names: readonly string[];
}

/** One task that is to go, or all of a service on a host. */
interface Victims {
  readonly key: string;
  readonly target: Target;
  readonly addresses: readonly string[];
}

interface Strike {
  /** Who looks on. */
  readonly posts: readonly Post[];
  readonly everyMs: number;
  /** Resolves with the moment before. */
  readonly strike: () => Promise<number>;
}

/** Has all nodes of a cluster choose among the tasks of services while some of these go. */
export class Striker implements Disposable {
  readonly #cluster: HostCluster;
  readonly #targets: readonly Target[];
  #posts: readonly Post[];
  #rounds = 0;
  #overrunsBefore = 0;

  constructor(cluster: HostCluster, targets: readonly Target[], posts: readonly Post[]) {
    this.#cluster = cluster;
    this.#targets = targets;
    this.#posts = posts;
  }

  /** Kills one task each of some services at the same time; each is looked at by itself. */
  async kill(targets: readonly Target[]): Promise<readonly Staleness[]> {
    return await Promise.all(targets.map((target) => this.#kill(target)));
  }

  async #kill(target: Target): Promise<Staleness> {
    const [victim] = await this.#settled(target);
    const key = this.#nextKey();
    const container = victim?.Status.ContainerStatus?.ContainerID;
    const there = this.#posts.find(({ nodeId }) => nodeId === victim?.NodeID);
    if (victim === undefined || container === undefined || there === undefined) throw new Error("the victim has gone");
    const kill = (): Promise<number> => there.outside.kill(`kill ${key}`, container);
    return await this.#measure([{ key, target, addresses: [addressOf(victim)] }], {
      posts: this.#posts,
      everyMs: EVERY_MS.kill,
      strike: kill,
    });
  }

  /** Cuts a host off; what the remaining nodes still choose of it, whatever service it is. */
  async cut(lost: Host): Promise<Staleness> {
    if (this.#posts.length === 0) this.#posts = await occupy(this.#cluster);
    const rest = this.#posts.filter(({ host }) => host !== lost);
    const victims = await Promise.all(
      this.#targets.map(async (target) => {
        const tasks = await this.#whole(target, rest[0]?.host);
        const gone = tasks.filter(({ NodeID }) => !rest.some(({ nodeId }) => nodeId === NodeID));
        return { key: this.#nextKey(), target, addresses: gone.map(addressOf) };
      }),
    );
    const some = victims.filter(({ addresses }) => addresses.length > 0);
    try {
      return await this.#measure(some, { posts: rest, everyMs: EVERY_MS.cut, strike: () => lost.cut() });
    } finally {
      await lost.heal();
      await this.#cluster.settled();
      await this.#recovered();
      // The clients there may be others now.
      this[Symbol.dispose]();
    }
  }

  /** A host that was cut off gives others more time for a while (Lifeguard): the next cut is not to be of that. */
  async #recovered(): Promise<void> {
    await eventually(
      "every node counts itself as well",
      async () => await Promise.all(this.#cluster.hosts.map(({ client }) => client.metrics())),
      (all) => all.every((text) => /^murmur_gossip_health_score 0$/m.test(text)),
      { limitMs: 60_000, everyMs: 500 },
    );
  }

  #nextKey(): string {
    this.#rounds += 1;
    return String(this.#rounds);
  }

  /** All tasks of a service, once they run. */
  #whole({ name }: Target, asked: Host = this.#cluster.first): Promise<readonly Task[]> {
    return eventually(
      `${name} is whole`,
      () => runningTasks(asked, name),
      (tasks) => tasks.length === REPLICAS,
      { limitMs: 60_000, everyMs: 50 },
    );
  }

  /** All tasks of a service, the one that has run longest first, once killing that is no quick failure, which is held back. */
  #settled(target: Target): Promise<readonly Task[]> {
    return eventually(
      `a task of ${target.name} has run for a while`,
      async () => (await this.#whole(target)).toSorted((left, right) => startOf(left) - startOf(right)),
      ([first]) => first !== undefined && Date.now() - startOf(first) > SETTLED_MS,
      { limitMs: 2 * SETTLED_MS, everyMs: 200 },
    );
  }

  /** Has these nodes choose among the tasks again and again while some of them go. */
  async #measure(all: readonly Victims[], { posts, everyMs, strike }: Strike): Promise<Staleness> {
    for (const { key, target, addresses } of all) {
      for (const { inside, outside, host, resolver } of posts) {
        inside.begin(key, addresses, { everyMs, probes: insideProbes(target, resolver) });
        const others = posts.filter((post) => post.host !== host).map((post) => post.host.address);
        outside.begin(key, addresses, { everyMs, probes: outsideProbes(target, others) });
      }
    }
    try {
      await sleep(PROBED_BEFORE_MS);
      await eventually(
        "what is to go is chosen by every node in every way",
        async () => (await this.#seen(all, posts)).length,
        (count) => count === expected(all, posts),
        { limitMs: 60_000 },
      );
      const struck = await strike();
      return await this.#outcome(all, posts, struck);
    } finally {
      for (const { key } of all)
        for (const { inside, outside } of posts) [inside, outside].forEach((probe) => probe.end(key));
    }
  }

  async #outcome(all: readonly Victims[], posts: readonly Post[], struck: number): Promise<Staleness> {
    for (;;) {
      await sleep(LOOK_MS);
      const seen = await this.#seen(all, posts);
      const last = Math.max(struck, ...seen.map(({ at }) => at));
      if (Date.now() - last < QUIET_MS && Date.now() - struck < LIMIT_MS) continue;
      const ways = WAYS.filter((way) => seen.some((one) => one.way === way));
      const until = (way: Way): number =>
        Math.max(struck, ...seen.filter((one) => one.way === way).map(({ at }) => at));
      return Object.fromEntries(ways.map((way) => [way, (until(way) - struck) / 1_000]));
    }
  }

  /** When each node chose any of these tasks last, by each way. */
  async #seen(
    all: readonly Victims[],
    posts: readonly Post[],
  ): Promise<readonly { readonly way: Way; readonly at: number }[]> {
    const probes = posts.flatMap(({ inside, outside }) => [inside, outside]);
    const broken = probes.flatMap(({ host, problems }) => problems.map((problem) => `${host.name}: ${problem}`));
    if (broken.length > 0) throw new Error(broken.join("\n"));
    const lists = await Promise.all(
      all.flatMap(({ key, target }) =>
        probes.map(async (probe) =>
          Object.entries(await probe.sightings(key)).flatMap(([asked, { at }]) => {
            const way = wayOf(asked, target, probe.host);
            return way === undefined ? [] : [{ way, at }];
          }),
        ),
      ),
    );
    return lists.flat();
  }

  /** How often the kernel had more flows to tell of than could be taken: some were not seen. */
  get overruns(): number {
    return this.#overrunsBefore + overrunsOf(this.#posts);
  }

  [Symbol.dispose](): void {
    this.#overrunsBefore += overrunsOf(this.#posts);
    leave(this.#posts);
    this.#posts = [];
  }
}

const overrunsOf = (posts: readonly Post[]): number =>
  posts.reduce((sum, { inside, outside }) => sum + inside.overruns + outside.overruns, 0);

export const hostPart = (address: string): string => address.split("/", 1)[0] ?? "";
const startOf = ({ Status }: Task): number => Date.parse(Status.Timestamp ?? "");
const addressOf = ({ NetworksAttachments: [at] = [] }: Task): string => hostPart(at?.Addresses?.[0] ?? "");

const insideProbes = ({ vip, names }: Target, server: string): readonly Probe[] => [
  ...names.map((name) => ({ kind: "name", server, name }) as const),
  ...(vip === undefined ? [] : [{ kind: "connect", host: vip, port: 8_080 } as const]),
];

const outsideProbes = ({ port }: Target, hosts: readonly string[]): readonly Probe[] =>
  port === undefined ? [] : hosts.map((host) => ({ kind: "connect", host, port }));

/** In how many places what is to go has to be seen before: by each name and address, on each node. */
const expected = (all: readonly Victims[], posts: readonly Post[]): number =>
  posts.length * all.reduce((sum, { target }) => sum + target.names.length + (target.vip === undefined ? 0 : 2), 0);

function wayOf(asked: string, { vip, port, names }: Target, { address }: Host): Way | undefined {
  if (names.includes(asked)) return "dns";
  if (vip !== undefined && asked === `${vip}:8080`) return "vip";
  return asked === `${address}:${String(port)}` ? "port" : undefined;
}
