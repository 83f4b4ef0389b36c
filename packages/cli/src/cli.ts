import type { MurmurClient, MurmurClientOptions } from "@murmur/api";
import { readClientTls, type TlsFlags } from "./client-tls.ts";
import { defaultSocket } from "./default-paths.ts";
import type { CliPorts } from "./ports.ts";

/** What every command is given: the process around it and a client of the daemon that the user means. */
export class Cli implements Disposable {
  readonly ports: CliPorts;
  #host: string | undefined;
  #tls: TlsFlags = {};
  #client: MurmurClient | undefined;
  /** The status to exit with when nothing is thrown. */
  exitStatus = 0;

  constructor(ports: CliPorts) {
    this.ports = ports;
  }

  /** The daemon's address: --host or --socket, else $MURMUR_HOST, else the default socket. */
  get host(): string {
    return this.#host ?? (this.ports.env["MURMUR_HOST"] || `unix://${defaultSocket(this.ports)}`);
  }
  set host(address: string) {
    this.#host = address;
  }

  set tls(flags: TlsFlags) {
    this.#tls = flags;
  }

  /** How to reach that daemon. Errors: `invalid_argument` for TLS files that can't be read. */
  get daemon(): MurmurClientOptions {
    return { host: this.host, tls: readClientTls(this.#tls, this.ports) };
  }

  /** Loaded when the first command asks for it: half of the commands' start-up time would be node:http. */
  async client(): Promise<MurmurClient> {
    if (this.#client === undefined) {
      const { MurmurClient } = await import("@murmur/api");
      this.#client = new MurmurClient(this.daemon);
    }
    return this.#client;
  }

  print(text: string): void {
    this.ports.stdout.write(`${text}\n`);
  }
  /** For people, beside the output that programs read. */
  note(text: string): void {
    this.ports.stderr.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    this.#client?.[Symbol.dispose]();
  }
}
