import { Duplex } from "node:stream";
import type { SimulatedContainer, SimulatedRuntime } from "@murmur/agent";
import { ClusterError, type Clock, type Millis } from "@murmur/base";
import type { NodeOptions } from "@murmur/node";
import type { Process } from "./process.ts";

type Engine = NodeOptions["engine"];
type Answer = Awaited<ReturnType<Engine["get"]>>;

/** A container says something so often. */
const LINE_EVERY_MS: Millis = 250;
const LIMIT_BYTES = 2 ** 26;
const NANOS_OF_MS = 1_000_000;

/**
 * The part of Docker's API that a node asks its own engine for when a task is looked into: lists, logs, commands, figures.
 * Like the engine itself it outlives the processes that ask it. Each container says `line N` again and again from its
 * start on; each command says back what it is told, and ends with that.
 */
export class EngineApi {
  readonly #runtime: SimulatedRuntime;
  readonly #clock: Clock;
  readonly #said = new Map<SimulatedContainer, Said>();
  readonly #commands: Command[] = [];

  constructor(runtime: SimulatedRuntime, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  /** As a process sees it: what it is told reaches it only while it runs. */
  openedBy(process: Process): Engine {
    return {
      address: { socketPath: "" },
      facts: () => Promise.resolve(undefined),
      get: (path) => process.call(async () => this.#get(path)),
      send: ({ path }) => process.call(async () => this.#send(path)),
      stream: ({ path }, signal) =>
        process.call(async () => ({ status: 200, body: gated(process, this.#logs(path, signal)) })),
      takeOver: ({ path }) => process.call(async () => this.#start(path)),
    };
  }

  #get(path: string): Answer {
    const { pathname, searchParams } = new URL(path, "http://engine");
    if (pathname === "/containers/json") return { status: 200, body: this.#list(searchParams.get("filters") ?? "{}") };
    const [, kind, id = "", what] = pathname.split("/");
    if (kind === "exec") {
      const command = this.#commands.find((one) => one.id === id);
      return command === undefined ? NOT_FOUND : { status: 200, body: command.show() };
    }
    const container = this.#container(id);
    if (container === undefined) return NOT_FOUND;
    if (what === "stats") return { status: 200, body: this.#stats(container) };
    return { status: 200, body: { Id: container.id, Config: { Tty: false } } };
  }

  #list(filters: string): unknown {
    const { label = [] } = JSON.parse(filters) as { readonly label?: readonly string[] };
    const carries = ({ labels }: SimulatedContainer): boolean =>
      label.every((wanted) => {
        const [name = "", value] = wanted.split("=");
        return value === undefined ? name in labels : labels[name] === value;
      });
    return this.#runtime
      .containers()
      .filter(carries)
      .map(({ id, state, labels }) => ({ Id: id, State: state, Labels: labels }));
  }

  /** What it has used so far follows from how long it has run. */
  #stats(container: SimulatedContainer): unknown {
    const { at, lines } = this.#saidBy(container);
    const now = this.#clock.now();
    return {
      read: new Date(now).toISOString(),
      cpu_stats: {
        cpu_usage: { total_usage: (now - at) * NANOS_OF_MS },
        system_cpu_usage: now * NANOS_OF_MS,
        online_cpus: 1,
      },
      memory_stats: { usage: lines.length, limit: LIMIT_BYTES },
      pids_stats: { current: 1 },
    };
  }

  #send(path: string): Response {
    const container = this.#container(path.split("/")[2] ?? "");
    if (container === undefined) return new Response(JSON.stringify({ message: "no such container" }), { status: 404 });
    const id = (this.#commands.length + 1).toString(16).padStart(64, "0");
    this.#commands.push(new Command(id, container.id));
    return new Response(JSON.stringify({ Id: id }), { status: 201 });
  }

  #start(path: string): Duplex {
    const command = this.#commands.find(({ id }) => id === path.split("/")[2]);
    if (command === undefined) throw new ClusterError("not_found", "no such command");
    return command.start();
  }

  /** The lines after `since`, each in a frame; then those that come, for as long as the container runs. */
  async *#logs(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const { pathname, searchParams } = new URL(path, "http://engine");
    const container = this.#container(pathname.split("/")[2] ?? "");
    if (container === undefined) return;
    const sinceMs = Number(searchParams.get("since") ?? "0") * 1_000;
    const follows = searchParams.get("follow") === "1";
    for (let at = 0; !signal.aborted;) {
      const { lines } = this.#saidBy(container);
      const fresh = lines.slice(at).filter((line) => line.at >= sinceMs);
      at = lines.length;
      for (const { at: when, text } of fresh) yield frameOf(`${new Date(when).toISOString()} ${text}\n`);
      if (!follows || !container.live) return;
      await new Promise<void>((resolve) => void this.#clock.setTimer(LINE_EVERY_MS, resolve));
    }
  }

  #container(id: string): SimulatedContainer | undefined {
    return this.#runtime.containers().find((container) => container.id === id);
  }

  /** All that it has said by now. */
  #saidBy(container: SimulatedContainer): Said {
    const now = this.#clock.now();
    const said = this.#said.get(container) ?? { at: now, lines: [] };
    this.#said.set(container, said);
    while (container.live && said.at + said.lines.length * LINE_EVERY_MS <= now) {
      const number = said.lines.length;
      said.lines.push({ at: said.at + number * LINE_EVERY_MS, text: `line ${String(number)}` });
    }
    return said;
  }
}

interface Said {
  /** When it was first looked at; it begins to speak then. */
  readonly at: Millis;
  readonly lines: { readonly at: Millis; readonly text: string }[];
}

const NOT_FOUND: Answer = { status: 404, body: { message: "no such container" } };

/** A command in a container: what it is told it says back. */
class Command {
  readonly id: string;
  readonly #container: string;
  #state: "made" | "running" | "ended" = "made";

  constructor(id: string, container: string) {
    this.id = id;
    this.#container = container;
  }

  show(): unknown {
    const ExitCode = this.#state === "ended" ? 0 : null;
    return { ContainerID: this.#container, Running: this.#state === "running", Pid: 1, ExitCode };
  }

  start(): Duplex {
    this.#state = "running";
    const connection = new Duplex({
      read: () => {},
      write: (bytes: Uint8Array, _encoding, done) => {
        connection.push(frameOf(Buffer.from(bytes).toString()));
        done();
      },
      final: (done) => {
        this.#state = "ended";
        connection.push(null);
        done();
      },
    });
    return connection;
  }
}

/** As Docker's engine frames standard output: its number, three zeros, the length in four bytes, the bytes. */
function frameOf(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const frame = Buffer.alloc(8 + payload.length);
  frame[0] = 1;
  frame.writeUInt32BE(payload.length, 4);
  payload.copy(frame, 8);
  return frame;
}

/** What comes while the process is held up waits; a dead one gets nothing more. */
async function* gated(
  process: Process,
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { done, value } = await process.call(() => pieces.next());
    if (done === true) return;
    yield value;
  }
}
