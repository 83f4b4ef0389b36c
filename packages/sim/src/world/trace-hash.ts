import type { LogFields } from "@murmur/base";
import type { Host } from "./host.ts";
import type { LogLevel, Observer } from "./observer.ts";
import type { World } from "./world.ts";

/** A hash of all that happens in a world (FNV-1a, 32 bits): two runs of one seed must have the same. */
export class TraceHash implements Observer {
  #hash = 0x811c9dc5;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get value(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  stepped(host: Host): void {
    // Microseconds: simulated times are fractions of milliseconds.
    this.#add(Math.floor(this.#world.queue.now * 1_000) | 0);
    this.#text(host.name);
  }
  logged(host: Host, level: LogLevel, message: string, fields: LogFields): void {
    this.#text(host.name);
    this.#text(level);
    this.#text(message);
    this.#add(Object.keys(fields).length);
  }
  happened(what: string): void {
    this.#text(what);
  }

  #text(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.#add(text.charCodeAt(at));
  }

  #add(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}
