import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** X-Registry-Auth, decoded. */
  readonly registryAuth?: unknown;
}

/** What a route answers: JSON, an error of the API, or lines that are sent one after another and then left open. */
type Answer =
  | { readonly json: unknown }
  | { readonly status: number; readonly code: string; readonly message: string }
  | { readonly lines: readonly unknown[] }
  | { readonly bytes: readonly Uint8Array[]; readonly breakOff?: boolean };

export type Route = (asked: Asked) => Answer;

/** Longer than any test takes. */
const KEPT_MS = 600_000;

/** An API server on a socket of its own, whose routes are a table: `GET /nodes`, `POST /services/*`. */
export class FakeDaemon implements AsyncDisposable {
  readonly socketPath: string;
  readonly asked: Asked[] = [];
  readonly routes: Record<string, Route>;
  /**
   * It closes no connection that is idle: on a machine that stops for a while it would do so just when the next request is on
   * its way.
   */
  readonly #server = createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    void this.#answer(request, response);
  });
  readonly #folder: string;

  private constructor(folder: string, routes: Record<string, Route>) {
    this.#folder = folder;
    this.socketPath = join(folder, "docker.sock");
    this.routes = routes;
  }

  static async start(routes: Record<string, Route>): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(await mkdtemp(join(tmpdir(), "murmur-cli-")), routes);
    await new Promise<void>((resolve) => daemon.#server.listen(daemon.socketPath, resolve));
    return daemon;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await buffer(request).catch(() => undefined);
    // A client that goes in the middle of its request is no error of anybody's; whatever else goes wrong here is the test's.
    if (sent === undefined) return;
    const isJson = request.headers["content-type"] === "application/json";
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://murmur");
    const body: unknown = isJson ? JSON.parse(sent.toString("utf8")) : sent.length > 0 ? sent : undefined;
    const auth = request.headers["x-registry-auth"];
    const asked = {
      method: request.method ?? "",
      path: pathname,
      query: searchParams,
      body,
      ...(typeof auth === "string" && { registryAuth: JSON.parse(Buffer.from(auth, "base64url").toString("utf8")) }),
    };
    this.asked.push(asked);
    const route =
      this.routes[`${asked.method} ${pathname}`] ??
      this.routes[`${asked.method} ${pathname.replace(/[^/]+(?=\/(?:update|explain)$|$)/, "*")}`];
    send(response, route?.(asked) ?? { status: 404, code: "not_found", message: "page not found" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function send(response: ServerResponse, answer: Answer): void {
  response.setHeader("content-type", "application/json");
  if ("json" in answer) {
    response.end(JSON.stringify(answer.json));
  } else if ("bytes" in answer) {
    for (const part of answer.bytes) response.write(part);
    if (answer.breakOff === true) setImmediate(() => response.destroy());
    else response.end();
  } else if ("lines" in answer) {
    for (const line of answer.lines) response.write(`${JSON.stringify(line)}\n`);
  } else {
    response.statusCode = answer.status;
    response.setHeader("murmur-error-code", answer.code);
    response.end(JSON.stringify({ message: answer.message }));
  }
}
