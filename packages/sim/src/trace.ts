import type { LogFields } from "@murmur/base";
import type { Host } from "./world/host.ts";
import type { LogLevel, Observer } from "./world/observer.ts";
import type { World } from "./world/world.ts";

/** Writes what happens in a world as lines for people: when, where, what. */
export class Trace implements Observer {
  readonly #world: World;
  readonly #write: (line: string) => void;
  readonly #messages: boolean;

  /** `messages`: Raft's messages and writes as well. */
  constructor(world: World, options: { readonly messages: boolean; readonly write: (line: string) => void }) {
    this.#world = world;
    this.#messages = options.messages;
    this.#write = options.write;
  }

  logged(host: Host, level: LogLevel, message: string, fields: LogFields): void {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${quoted(value)}`);
    this.#line(host.name, `${level.padEnd(5)} ${message}${rest.join("")}`);
  }
  happened(what: string): void {
    this.#line("*", what);
  }
  started(host: Host): void {
    this.#line(host.name, "process starts");
  }
  ended(host: Host, how: string): void {
    this.#line(host.name, `process ${how}`);
  }
  sent(host: Host, to: string, message: unknown): void {
    if (this.#messages) this.#line(host.name, `sends ${this.#nameOf(to)} ${JSON.stringify(message, short)}`);
  }
  wrote(host: Host, batch: unknown): void {
    if (this.#messages) this.#line(host.name, `writes ${JSON.stringify(batch, short)}`);
  }
  durable(host: Host): void {
    if (this.#messages) this.#line(host.name, "has written");
  }

  #nameOf(id: string): string {
    return this.#world.hosts.find(({ member }) => member?.identity.nodeId === id)?.name ?? id;
  }

  #line(where: string, what: string): void {
    const seconds = (this.#world.queue.now / 1_000).toFixed(4).padStart(9);
    this.#write(`${seconds} ${where.padEnd(7)} ${what}`);
  }
}

const quoted = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));
/** Bytes are shown by their number. */
const short = (_name: string, value: unknown): unknown =>
  value instanceof Uint8Array ? `${String(value.length)} bytes` : value;
