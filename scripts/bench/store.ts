import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { setPriority, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { nodeId } from "@murmur/base";
import { rounded, type Report } from "./report.ts";
import type { Answer, Request } from "./store/manager-process.ts";
import { StallMeter } from "./store/stall-meter.ts";
import { writeIdentities, type StationPlan } from "./store/station.ts";
import { id, NODES, SERVICES, TASKS } from "./store/workload.ts";

const TAIL_BYTES = 12 * 2 ** 20;
/** Longer than the leader takes until it looks at everything anew. */
const REST_MS = 65_000;
/** As the daemon runs. */
const DAEMON_PRIORITY = -10;

/** As bin/murmur starts it. */
function daemonFlags(): readonly string[] {
  const launcher = readFileSync(resolve(import.meta.dirname, "../../bin/murmur"), "utf8");
  const flags = /daemon\)\s+flags="([^"]+)"/.exec(launcher)?.[1];
  if (flags === undefined) throw new Error("bin/murmur doesn't say how the daemon is started");
  return flags.split(" ");
}

/** A manager in a process of its own. */
class Station implements AsyncDisposable {
  readonly #process: ChildProcess;
  /** Rejects when the process ends before it is told to. */
  readonly #ended: Promise<never>;

  constructor() {
    this.#process = fork(resolve(import.meta.dirname, "store/manager-process.ts"), {
      execArgv: ["--expose-gc", ...daemonFlags()],
      env: { ...process.env, UV_THREADPOOL_SIZE: "8" },
    });
    this.#ended = once(this.#process, "exit").then(([code]) => {
      throw new Error(`the manager's process has ended with ${String(code)}`);
    });
    this.#ended.catch(() => {});
  }

  async ask(request: Request): Promise<Answer> {
    this.#process.send(request);
    const [answer] = (await Promise.race([once(this.#process, "message"), this.#ended])) as [Answer];
    console.error(`${request.kind}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** As a power cut does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended.catch(() => {});
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The manager that has the state, the one that joins, and one that isn't there: three make a cluster. */
async function plansIn(root: string): Promise<readonly StationPlan[]> {
  const names = [0, 1, 2].map((at) => id("manager", at));
  const ports = await Promise.all(names.map(freePort));
  const peers = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${String(ports[at])}`]));
  const plans = names.map((name, at) => ({
    directory: join(root, name),
    self: nodeId(name),
    port: ports[at] ?? 0,
    peers,
  }));
  for (const { directory } of plans) await mkdir(directory);
  await writeIdentities(plans);
  return plans;
}

/** The replicated state of a large cluster: memory, stalls while it is stored and sent, time to come back. */
export async function store(): Promise<Report> {
  const root = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "murmur-store-"));
  // The managers' processes inherit it.
  setPriority(DAEMON_PRIORITY);
  const baseline = new StallMeter();
  try {
    const [first, second] = await plansIn(root);
    if (first === undefined || second === undefined) throw new Error("there are no plans");
    const managers = Object.keys(first.peers);
    const leader: Record<string, number> = {};
    const learner: Record<string, number> = {};
    {
      await using leading = new Station();
      await leading.ask({ kind: "start", plan: first, managers, found: true });
      Object.assign(leader, await leading.ask({ kind: "fill" }), await leading.ask({ kind: "collect" }));
      baseline.begin("baseline");
      await leading.ask({ kind: "snapshot" });
      {
        await using joining = new Station();
        await joining.ask({ kind: "start", plan: second, managers, found: false });
        const received = joining.ask({ kind: "await-state" });
        await leading.ask({ kind: "invite" });
        Object.assign(learner, await received);
        await leading.ask({ kind: "sent" });
        Object.assign(learner, await joining.ask({ kind: "results" }), await joining.ask({ kind: "collect" }));
      }
      baseline.end("baseline");
      Object.assign(leader, await leading.ask({ kind: "rest", ms: REST_MS }));
      await leading.ask({ kind: "change" });
      await leading.ask({ kind: "snapshot" });
      await leading.ask({ kind: "tail", bytes: TAIL_BYTES });
      Object.assign(leader, await leading.ask({ kind: "results" }));
      const { rss_mb: rssEndMb = 0, rss_peak_mb: rssPeakMb = 0 } = await leading.ask({ kind: "collect" });
      leader["rss_mb"] = Math.max(leader["rss_mb"] ?? 0, rssEndMb);
      leader["rss_peak_mb"] = rssPeakMb;
    }
    await using again = new Station();
    const restart = await again.ask({ kind: "start", plan: first, managers, found: false });
    const stalls = [leader["stall_ms_snapshotting"] ?? NaN, leader["stall_ms_sending"] ?? NaN];
    const idle = baseline.results().get("baseline");
    const figures: Record<string, number> = {
      rss_mb: leader["rss_mb"] ?? NaN,
      stall_ms_max: Math.max(...stalls),
      restart_s: restart["ready_s"] ?? NaN,
      idle_stall_ms_max: idle?.wall ?? NaN,
      ...leader,
      ...prefixed("learner", learner),
    };
    return {
      bench: "store",
      runs: 1,
      figures: Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)])),
      goals: {
        rss_mb: { most: 1_000 },
        stall_ms_max: { most: 50 },
        restart_s: { most: 10 },
        learner_stall_ms_receiving: { most: 50 },
      },
      notes: [
        `${String(NODES)} nodes, ${String(SERVICES)} services, ${String(TASKS)} tasks; Manager, log and TLS transport in processes of their own.`,
        "stall_ms: longest lateness of a 1 ms timer, by the clock; stall_cpu_ms: of it what the event loop's own thread computed.",
        "idle_stall_ms_max: the same timer in an idle process beside it, while the snapshot was stored and sent. Nothing is subtracted.",
        "restart_s: from the start of the process, after a kill, until it leads again and has answered a linearizable read.",
      ],
    };
  } finally {
    baseline.stop();
    await rm(root, { recursive: true });
  }
}

const prefixed = (prefix: string, answer: Answer): Record<string, number> =>
  Object.fromEntries(Object.entries(answer).map(([name, value]) => [`${prefix}_${name.replaceAll(" ", "_")}`, value]));
