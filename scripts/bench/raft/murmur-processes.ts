import type { ChildProcess } from "node:child_process";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MurmurClient } from "@murmur/api";
import { cpuSeconds } from "./cpu.ts";
import { freePorts } from "./free-ports.ts";
import { killService, startService } from "./service.ts";

const MEMBERS = 3;
const LIMIT_MS = 30_000;
const POLL_MS = 100;
const program = resolve(import.meta.dirname, "../../../bin/murmur");

interface Place {
  readonly folder: string;
  readonly socket: string;
  readonly address: string;
}

/** One daemon. */
interface Member extends Place {
  readonly client: MurmurClient;
  process: ChildProcess;
}

/** Three daemons of this machine that are one cluster, each a voter. They have no engine: nothing is run on them. */
export class MurmurProcesses implements AsyncDisposable {
  readonly #members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  static async start(directory: string): Promise<MurmurProcesses> {
    const ports = await freePorts(MEMBERS);
    const places = ports.map((port, at): Place => {
      const folder = join(directory, `n${String(at)}`);
      return { folder, socket: join(folder, "s"), address: `127.0.0.1:${String(port)}` };
    });
    const members = await Promise.all(
      places.map(async (place) => ({
        ...place,
        client: new MurmurClient({ host: place.socket, timeoutMs: 60_000 }),
        process: await startDaemon(place),
      })),
    );
    const cluster = new MurmurProcesses(members);
    try {
      await Promise.all(members.map(untilAnswers));
      await cluster.#form();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get sockets(): readonly string[] {
    return this.#members.map(({ socket }) => socket);
  }
  get clients(): readonly MurmurClient[] {
    return this.#members.map(({ client }) => client);
  }
  /** CPU of the three so far. */
  get cpuS(): number {
    return this.#members.reduce((sum, { process }) => sum + cpuSeconds(process.pid), 0);
  }

  /** Kills all at once, and starts them again from their disks. */
  async killAndRestart(): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => killService(process)));
    for (const member of this.#members) member.process = await startDaemon(member);
    await Promise.all(this.#members.map(untilAnswers));
    for (const { client } of this.#members)
      await until("a daemon is back in its cluster", async () => (await client.cluster()).leader !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#members) client[Symbol.dispose]();
    await Promise.all(this.#members.map(({ process }) => killService(process)));
  }

  async #form(): Promise<void> {
    const [first, ...others] = this.#members;
    if (first === undefined) throw new Error("a cluster has a first member");
    await first.client.initCluster({ advertiseAddr: first.address });
    const { joinToken: token } = await first.client.joinToken();
    for (const { client, address } of others)
      await client.joinCluster({ token, addresses: [first.address], advertiseAddr: address });
    await until("three daemons become three voters", async () => {
      const nodes = await first.client.nodes();
      return nodes.filter(({ Murmur }) => Murmur.RaftRole === "voter").length === MEMBERS;
    });
  }
}

function startDaemon({ folder, socket, address }: Place): Promise<ChildProcess> {
  const flags = {
    "data-dir": join(folder, "data"),
    socket,
    "listen-addr": address,
    "publish-addr": "127.0.0.1",
    "dns-addr": "none",
    "docker-host": `unix://${join(folder, "no-engine")}`,
  };
  return startService([program, "daemon"], flags, join(folder, "log"));
}

const untilAnswers = ({ client, folder, process }: Member): Promise<void> =>
  until("a daemon answers", async () => {
    if (process.exitCode !== null) throw new Error(`a daemon has ended: see ${join(folder, "log")}`);
    await client.ping();
    return true;
  });

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const limit = performance.now() + LIMIT_MS; ; await sleep(POLL_MS)) {
    const outcome = await holds().catch((error: unknown) => error);
    if (outcome === true) return;
    if (performance.now() > limit) throw new Error(`it took too long that ${what}`, { cause: outcome });
  }
}
