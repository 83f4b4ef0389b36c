import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, silentLog, type Clock } from "@murmur/base";
import { createApi } from "../app.ts";
import { openEngine } from "../engine/http-engine.ts";
import type { EngineAddress } from "../ports.ts";
import { serve, type ApiServer } from "../server/serve.ts";
import type { TlsFiles } from "../server/tls-files.ts";
import { FakePorts } from "./fake-ports.ts";
import { realClock } from "./real-clock.ts";

/** The API on a socket of its own, over a cluster in memory. */
export interface Served extends AsyncDisposable {
  readonly socketPath: string;
  readonly ports: FakePorts<Clock>;
}

/** The same for clients with a certificate, on a port of this machine. */
export interface ServedOverTls extends AsyncDisposable {
  readonly port: number;
}

export async function serveOverTls(engine: EngineAddress, tls: TlsFiles, log = silentLog): Promise<ServedOverTls> {
  const ports = new FakePorts<Clock>(openEngine(engine, realClock), realClock);
  const listen = { host: "127.0.0.1", port: 0, tls };
  const server = await serve({ api: createApi(ports), engine: ports.engine, clock: realClock, log, listen });
  assert(server.port !== undefined, "it listens on a port");
  return { port: server.port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export async function serveApi(engine: EngineAddress): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "murmur-api-"));
  const socketPath = join(folder, "docker.sock");
  const ports = new FakePorts<Clock>(openEngine(engine, realClock), realClock);
  const server: ApiServer = await serve({
    api: createApi(ports),
    engine: ports.engine,
    clock: realClock,
    log: silentLog,
    listen: { socketPath },
  });
  return {
    socketPath,
    ports,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Longer than any test takes. */
const KEPT_MS = 600_000;

/**
 * An HTTP server on a free port of this machine, in an engine's place. It closes no connection that is idle: on a machine
 * that stops for a while it would do so just when the next request is on its way.
 */
export async function listenAnywhere(server: Server): Promise<EngineAddress> {
  server.keepAliveTimeout = KEPT_MS;
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  assert(typeof address === "object" && address !== null, "it listens on a port");
  return { host: "127.0.0.1", port: address.port };
}

/** An address where nobody listens: a port that was free a moment ago may be another process's now, this one is nobody's. */
export const DEAD_ADDRESS = { host: "127.0.0.1", port: 1 } as const satisfies EngineAddress;
