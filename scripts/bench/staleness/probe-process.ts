/**
 * Runs in a network namespace of a host, started by `probe.ts`: makes connections and asks for names at a high rate, and
 * remembers who was chosen. Whom a connection was given is the kernel's own word: conntrack's, of each new flow. One JSON
 * object a line, both ways. It imports nothing of ours: its text is what is sent to the host.
 */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { request } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** What is asked of it. Moments are Unix times in ms. */
export type ProbeCommand =
  /** Connects and asks again and again, until `end`; whoever has one of the addresses is looked out for. */
  | {
      readonly kind: "begin";
      readonly key: string;
      readonly watched: readonly string[];
      /** Between two connections to one place, or two questions for one name. */
      readonly everyMs: number;
      readonly probes: readonly Probe[];
    }
  /** Answers with a `Sighting`. */
  | { readonly kind: "sightings"; readonly key: string }
  | { readonly kind: "end"; readonly key: string }
  /** Kills a container through the engine; answers with the moment before. */
  | { readonly kind: "kill"; readonly key: string; readonly container: string };

export type Probe =
  | { readonly kind: "connect"; readonly host: string; readonly port: number }
  | { readonly kind: "name"; readonly server: string; readonly name: string };

/** When one of the watched was chosen last, by what was asked (`HOST:PORT`, or the name), and how often. */
export type Sightings = Readonly<Record<string, { readonly at: number; readonly count: number }>>;

export interface ProbeAnswer {
  readonly key: string;
  readonly at?: number;
  readonly sightings?: Sightings;
  /** How often flows were missed since it was started. */
  readonly overruns?: number;
  /** What makes its word worthless. */
  readonly error?: string;
}

/** A connection that isn't made by then is given up: whom it was given is known. */
const CONNECT_MS = 500;
const ENGINE = "/var/run/docker.sock";
/** Bytes of events that the kernel keeps for a reader who is late. */
const BUFFER = String(32 * 1024 * 1024);

interface Watch {
  readonly watched: readonly string[];
  readonly records: readonly Buffer[];
  readonly seen: Map<string, { at: number; count: number }>;
  readonly stop: () => void;
}
const watches = new Map<string, Watch>();

const say = (answer: ProbeAnswer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

function saw({ seen }: Watch, asked: string, at: number): void {
  const before = seen.get(asked);
  seen.set(asked, { at: Math.max(at, before?.at ?? 0), count: (before?.count ?? 0) + 1 });
}

/** `[SECONDS] [NEW] tcp … src= dst=ASKED sport= dport=PORT … src=CHOSEN …` */
const NEW_FLOW = /^\s*\[(\d+\.\d+)\].* dst=(\S+) sport=\d+ dport=(\d+) .*src=(\S+) /;
/** How often the kernel had events that it could not hand over. */
let overruns = 0;
function followFlows(): void {
  const child = spawn("conntrack", ["-E", "-e", "NEW", "-p", "tcp", "-o", "timestamp", "-b", BUFFER], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [, seconds, host, port, chosen] = NEW_FLOW.exec(line) ?? [];
    if (chosen === undefined || chosen === host) return;
    for (const watch of watches.values()) {
      if (watch.watched.includes(chosen)) saw(watch, `${host ?? ""}:${port ?? ""}`, Number(seconds) * 1_000);
    }
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.includes("ENOBUFS")) overruns += 1;
  });
  child.on("exit", () => say({ key: "", error: "conntrack has ended" }));
}

function connecting(everyMs: number, host: string, port: number): () => void {
  const timer = setInterval(() => {
    const socket = connect({ host, port });
    // A reset leaves nothing behind in the kernel.
    const leave = (): void => void socket.resetAndDestroy();
    const limit = setTimeout(leave, CONNECT_MS);
    socket.once("connect", leave);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(limit));
  }, everyMs);
  return () => clearInterval(timer);
}

/** A question of class IN for the IPv4 addresses. */
function question(name: string): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

function asking(watch: Watch, everyMs: number, { server, name }: Probe & { kind: "name" }): () => void {
  const socket = createSocket("udp4");
  const packet = question(name);
  socket.on("error", () => {});
  socket.on("message", (answer) => {
    if (watch.records.some((record) => answer.includes(record))) saw(watch, name, Date.now());
  });
  const timer = setInterval(() => socket.send(packet, 53, server), everyMs);
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

function begin({ watched, everyMs, probes }: ProbeCommand & { kind: "begin" }): Watch {
  const stops: (() => void)[] = [];
  // As an answer has it: the length, and the four bytes.
  const records = watched.map((address) => Buffer.from([0, 4, ...address.split(".").map(Number)]));
  const watch: Watch = { watched, records, seen: new Map(), stop: () => stops.forEach((stop) => stop()) };
  for (const probe of probes) {
    if (probe.kind === "connect") stops.push(connecting(everyMs, probe.host, probe.port));
    else stops.push(asking(watch, everyMs, probe));
  }
  return watch;
}

function kill(key: string, container: string): void {
  const at = Date.now();
  const path = `/containers/${container}/kill?signal=SIGKILL`;
  const sent = request({ socketPath: ENGINE, method: "POST", path }, (response) => {
    response.resume();
    const { statusCode = 0 } = response;
    say(statusCode === 204 ? { key, at } : { key, error: `the engine answered ${String(statusCode)}` });
  });
  sent.on("error", ({ message }) => say({ key, error: message }));
  sent.end();
}

function obey(command: ProbeCommand): void {
  const { kind, key } = command;
  if (kind === "kill") return kill(key, command.container);
  const watch = watches.get(key);
  if (kind === "sightings") return say({ key, overruns, sightings: Object.fromEntries(watch?.seen ?? []) });
  watch?.stop();
  watches.delete(key);
  if (kind === "begin") watches.set(key, begin(command));
}

followFlows();
createInterface({ input: process.stdin })
  .on("line", (line) => obey(JSON.parse(line) as ProbeCommand))
  .on("close", () => process.exit());
