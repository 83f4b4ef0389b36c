import { ClusterError, messageOf, type NodeId } from "@murmur/base";
import type { PeerStream, PeerTransport } from "@murmur/transport";

/** Requests for the cluster's routes, which managers answer. */
export const HTTP_METHOD = "http";
/** Requests about the containers of a node's tasks. */
export const TASKS_METHOD = "tasks.http";
const CHUNK_BYTES = 32 * 1024;

interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly hasBody: boolean;
}
interface ResponseHead {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly hasBody: boolean;
}

/** Sends an HTTP request through a peer and returns its response; bodies stream both ways, held back by the reader. */
export async function fetchThrough(
  transport: PeerTransport,
  { peer, method = HTTP_METHOD }: { readonly peer: NodeId; readonly method?: string },
  request: Request,
): Promise<Response> {
  const head: RequestHead = {
    method: request.method,
    url: request.url,
    headers: [...request.headers],
    hasBody: request.body !== null,
  };
  // Node lets a request's signal follow the one that it was made with for as long as somebody holds the request.
  request.signal.addEventListener("abort", () => void request, { once: true });
  const stream = await transport.open(peer, method, head, { signal: request.signal });
  const sending = request.body === null ? Promise.resolve() : pump(request.body, stream);
  // The response says what went wrong, if anything did; a body that nobody wants any more is no error of its own.
  sending.then(
    () => stream.end(),
    () => stream.end(),
  );
  const messages = stream[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done === true || !isResponseHead(first.value))
    throw new ClusterError("unavailable", "the node gave no answer");
  const { status, headers, hasBody } = first.value;
  return new Response(hasBody ? bodyOf(messages, stream) : null, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
}

/** Answers the requests that peers send through `fetchThrough`. */
export async function serveHttp(
  stream: PeerStream,
  body: unknown,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  if (!isRequestHead(body)) throw new ClusterError("invalid_argument", "http: malformed request");
  const request = new Request(body.url, {
    method: body.method,
    headers: body.headers.map(([name, value]): [string, string] => [name, value]),
    signal: stream.signal,
    ...(body.hasBody ? { body: bodyOf(stream[Symbol.asyncIterator](), stream), duplex: "half" } : {}),
  });
  const response = await answer(request);
  const head: ResponseHead = {
    status: response.status,
    headers: [...response.headers],
    hasBody: response.body !== null,
  };
  await stream.write(head);
  if (response.body !== null) await pump(response.body, stream);
}

async function pump(body: ReadableStream<Uint8Array>, stream: PeerStream): Promise<void> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel(stream.signal.reason).catch(() => {});
  stream.signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (let at = 0; at < value.byteLength; at += CHUNK_BYTES)
        await stream.write(value.subarray(at, at + CHUNK_BYTES));
    }
  } finally {
    stream.signal.removeEventListener("abort", stop);
  }
}

function bodyOf(messages: AsyncIterator<unknown>, stream: PeerStream): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await messages.next();
        if (done === true) return controller.close();
        if (value instanceof Uint8Array) controller.enqueue(new Uint8Array(value));
      } catch (error) {
        controller.error(error);
      }
    },
    cancel(reason) {
      stream.abort(new ClusterError("cancelled", messageOf(reason ?? "nobody reads the answer any more")));
    },
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const isResponseHead = (value: unknown): value is ResponseHead =>
  isObject(value) && typeof value["status"] === "number" && Array.isArray(value["headers"]);
const isRequestHead = (value: unknown): value is RequestHead =>
  isObject(value) &&
  typeof value["method"] === "string" &&
  typeof value["url"] === "string" &&
  Array.isArray(value["headers"]);
