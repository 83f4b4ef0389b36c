import type { Millis, NodeId } from "@murmur/base";
import type { Cluster as ClusterPort, Committed } from "@murmur/api";
import { caDigest, formatToken } from "@murmur/identity";
import { secretId, type Cluster, type SecretId, type ServiceId, type Task, type UserCommand } from "@murmur/model";
import { expect } from "vitest";
import type { Host } from "../../world/host.ts";
import { World, type WorldOptions } from "../../world/world.ts";
import { allChecks, type AllChecks } from "../all-checks.ts";
import { unmet, type Expectation } from "../liveness.ts";
import { end, settle } from "./settled.ts";

const WHOLE_MS: Millis = 60_000;
/** Within this somebody else leads when the leader is gone. */
const ELECTED_MS: Millis = 30_000;
const { signal } = new AbortController();

/** A command without its time, which is that of the world. */
type Untimed<Command> = Command extends unknown ? Omit<Command, "now"> : never;

/**
 * A cluster for one story: it has its managers, its nodes are ready, and all of the simulator's checks look on. Leaving it
 * makes the checks that are made at the end, and stops all hosts.
 */
export class CheckedWorld implements AsyncDisposable {
  readonly world: World;
  readonly #checks: AllChecks;

  /** Of what `settled` has made. */
  constructor(world: World, checks: AllChecks) {
    this.world = world;
    this.#checks = checks;
  }

  /** A cluster of so many hosts, in whatever class it is called on. */
  static async settled<T extends CheckedWorld>(
    this: new (world: World, checks: AllChecks) => T,
    seed: number,
    hosts: number,
    options: Omit<WorldOptions, "seed"> = {},
  ): Promise<T> {
    await World.warmUp();
    const world = new World({ ...options, seed });
    const checks = allChecks(world);
    world.observers.push(...checks.observers);
    await settle(world, hosts);
    return new this(world, checks);
  }

  get hosts(): readonly Host[] {
    return this.world.hosts;
  }
  get leader(): Host {
    return this.world.leader ?? expect.fail("nobody leads");
  }
  /** A manager that doesn't lead. */
  follower(): Host {
    return this.one((host) => host !== this.world.leader && host.manager !== undefined);
  }
  /** A host that is no manager. */
  worker(): Host {
    return this.one((host) => host.manager === undefined);
  }
  /** The first of the hosts that run which is such a one. */
  one(fits: (host: Host) => boolean): Host {
    return this.world.running.find(fits) ?? expect.fail("there is no such host");
  }

  /** The record of the cluster, as the leader has it. */
  get cluster(): Cluster {
    return this.leader.manager?.view.cluster() ?? expect.fail("the leader knows no cluster");
  }
  /** What a host joins with. */
  get token(): string {
    const { caPem, secrets } = this.cluster;
    return formatToken({ caDigest: caDigest(caPem), secret: secrets.joinSecret });
  }
  /** All tasks, or a service's, as the leader has them; none while nobody leads. */
  tasks(of?: ServiceId): readonly Task[] {
    const view = this.world.leader?.manager?.view;
    return (of === undefined ? view && [...view.tasks()] : view?.tasksOfService(of)) ?? [];
  }
  /** Those of them that are to run, and do. */
  up(of?: ServiceId): readonly Task[] {
    return this.tasks(of).filter(
      ({ desiredState, status }) => desiredState === "running" && status.state === "running",
    );
  }

  /** The replicated state as a manager's API has it. */
  adapter(host: Host = this.leader): ClusterPort {
    return host.member?.cluster() ?? expect.fail(`${host.name} is no manager`);
  }
  submit(command: Untimed<UserCommand>, through: Host = this.leader): Promise<Committed> {
    const now = this.world.clock.now();
    return this.world.during(this.adapter(through).submit({ ...command, now }, { signal }));
  }
  seal(plain: Uint8Array | string, id: string, through: Host = this.leader): Promise<string> {
    return this.world.during(this.adapter(through).seal(Buffer.from(plain), id));
  }
  async createSecret(name: string, contents: Uint8Array | string, through: Host = this.leader): Promise<SecretId> {
    const id = secretId(this.world.newId());
    const sealed = await this.seal(contents, id, through);
    await this.submit({ kind: "createSecret", id, spec: { name, labels: {} }, sealed }, through);
    return id;
  }

  /** Lets a host in by this token, through any of the others. Rejects as `murmur node join` does. */
  async joins(host: Host, token: string = this.token): Promise<void> {
    const life = host.life ?? (await host.boot());
    const addresses = this.world.running.filter((other) => other !== host).map(({ address }) => address);
    const request = { token, addresses, advertiseAddr: host.address, availability: "active", labels: {} } as const;
    await this.world.during(life.node.control.join(request, signal));
  }

  /** A host's process is gone from one moment to the next, and is back so much later. */
  async restart(host: Host, awayMs: Millis = 500): Promise<void> {
    host.crash();
    await this.world.pass(awayMs);
    await this.world.during(host.resume());
  }
  /** All are gone at once, and come back from their disks. */
  async restartAll(): Promise<void> {
    for (const host of this.hosts) host.crash();
    for (const host of this.hosts) await this.world.during(host.resume());
  }
  /** Whoever leads is gone from one moment to the next. Resolves with it when there is another leader. */
  async loseLeader(): Promise<Host> {
    const { world, leader } = this;
    leader.crash();
    const isReplaced = (): boolean => world.leader !== undefined && world.leader !== leader;
    expect(await world.until(isReplaced, ELECTED_MS), "nobody else leads").toBeDefined();
    return leader;
  }
  /** The same, and it comes back then. */
  async changeLeader(): Promise<void> {
    const lost = await this.loseLeader();
    await this.world.during(lost.resume());
  }

  /**
   * All is as it should be on all hosts that run, within so long. Services that are named were acknowledged: they must be
   * there. All others must be as their specs say.
   */
  async becomesWhole(services: Expectation["services"] = new Map(), limitMs: Millis = WHOLE_MS): Promise<void> {
    const undone = (): string[] => unmet(this.world, { services, hosts: this.world.running });
    await this.world.until(() => undone().length === 0, limitMs, 100);
    expect(undone()).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#checks.final();
    await end(this.world);
  }
}

/** The node that a host is, while it is in a cluster. */
export const nodeOf = ({ name, member }: Host): NodeId =>
  member?.identity.nodeId ?? expect.fail(`${name} is in no cluster`);
