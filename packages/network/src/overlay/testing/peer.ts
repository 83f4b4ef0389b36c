/**
 * A program for one network namespace of the tests, whose life it is: it ends when its input does. It answers on port 8080
 * with its name and the client's address, over TCP and UDP, IPv4 and IPv6, and talks to others when it is told to: each
 * line of its input is a request, each of its output the answer.
 */
import { Resolver } from "node:dns/promises";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import { createInterface } from "node:readline";

export type PeerRequest =
  | { readonly kind: "open"; readonly protocol: "tcp" | "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "say"; readonly id: number }
  | { readonly kind: "close"; readonly id: number }
  | { readonly kind: "resolve"; readonly server: string; readonly host: string };

export interface PeerAnswer {
  readonly id?: number;
  /** The name of who answered, and the address that it saw. */
  readonly name?: string;
  readonly seen?: string;
  /** Of a host that was looked up. */
  readonly addresses?: readonly string[];
  /** A code, as `ECONNREFUSED`; or `silence` after `SILENCE_MS`. */
  readonly error?: string;
}

export const PORT = 8_080;
/** Long, so that a busy machine is not taken for silence; only time in which it runs counts. */
const SILENCE_MS = 10_000;
const TICK_MS = 100;
/** Of the resolver, which goes by the clock of a machine that may stand still. */
const RESOLVER_MS = 40_000;

/** Calls back once this process has run for `SILENCE_MS`; gives what stops that. */
function afterSilence(callback: () => void): () => void {
  let leftMs = SILENCE_MS;
  const timer = setInterval(() => {
    leftMs -= TICK_MS;
    if (leftMs > 0) return;
    clearInterval(timer);
    callback();
  }, TICK_MS);
  return () => clearInterval(timer);
}

interface Line {
  say(): Promise<PeerAnswer>;
  close(): void;
}

const lines = new Map<number, Line>();
let lastId = 0;

async function answer(request: PeerRequest): Promise<PeerAnswer> {
  switch (request.kind) {
    case "open": {
      const line = request.protocol === "tcp" ? await openTcp(request) : openUdp(request);
      if (!("say" in line)) return line;
      lines.set((lastId += 1), line);
      return { id: lastId };
    }
    case "say":
      return (await lines.get(request.id)?.say()) ?? { error: "closed" };
    case "resolve":
      return resolve(request);
    case "close":
      lines.get(request.id)?.close();
      lines.delete(request.id);
      return {};
  }
}

async function resolve({ server, host }: PeerRequest & { kind: "resolve" }): Promise<PeerAnswer> {
  const resolver = new Resolver({ timeout: RESOLVER_MS, tries: 1 });
  resolver.setServers([server]);
  return await resolver.resolve4(host).then(
    (addresses) => ({ addresses: addresses.toSorted() }),
    (error: Error) => ({ error: codeOf(error) }),
  );
}

type Target = PeerRequest & { kind: "open" };

function openTcp({ host, port }: Target): Promise<Line | PeerAnswer> {
  const socket = connect({ host, port, noDelay: true });
  return new Promise((resolve) => {
    const stop = afterSilence(() => resolve({ error: "silence" }));
    socket.on("error", (error) => {
      stop();
      resolve({ error: codeOf(error) });
    });
    socket.once("connect", () => {
      stop();
      resolve({
        say: () => said(socket, "data", () => socket.write("?\n")),
        close: () => void socket.destroy(),
      });
    });
  });
}

function openUdp({ host, port }: Target): Line {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  socket.on("error", () => {});
  const connected = new Promise<void>((resolve) => socket.connect(port, host, resolve));
  return {
    say: async () => {
      await connected;
      return await said(socket, "message", () => socket.send("?\n"));
    },
    close: () => socket.close(),
  };
}

function said(socket: Socket | UdpSocket, event: string, ask: () => void): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const end = (result: PeerAnswer): void => {
      stop();
      socket.removeListener(event, onAnswer).removeListener("error", onError);
      resolve(result);
    };
    const onAnswer = (text: Buffer): void => {
      const [name = "", seen = ""] = text.toString().trim().split(" ");
      end({ name, seen });
    };
    const onError = (error: Error): void => end({ error: codeOf(error) });
    const stop = afterSilence(() => end({ error: "silence" }));
    socket.on(event, onAnswer).on("error", onError);
    ask();
  });
}

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : error.message);

function serve(name: string): void {
  for (const host of ["0.0.0.0", "::"]) {
    const server = createServer((socket) => {
      const { remoteAddress = "" } = socket;
      socket.on("error", () => {});
      socket.on("data", () => void socket.write(`${name} ${remoteAddress}\n`));
    });
    server.listen({ host, port: PORT, ipv6Only: host === "::" });
    const socket = createSocket({ type: host === "::" ? "udp6" : "udp4", ipv6Only: host === "::" });
    socket.on("message", (_, from) => socket.send(`${name} ${from.address}\n`, from.port, from.address));
    socket.bind(PORT, host);
  }
}

const [name] = process.argv.slice(2);
if (name !== undefined && process.argv[1] === import.meta.filename) {
  serve(name);
  console.log("{}");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as PeerRequest)));
  }
  process.exit();
}
