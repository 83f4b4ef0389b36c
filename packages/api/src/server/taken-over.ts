import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ClusterError } from "@murmur/base";
import { drained } from "../client/drained.ts";
import { readBody } from "../http/read-body.ts";
import { changeOf } from "./socket-change.ts";

/**
 * Answers a request that takes its connection over: from then on what the client writes is the request's body, and what it
 * reads the answer's, each held back by its reader, until both have ended. Never rejects.
 */
export async function answerTakenOver(
  incoming: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Uint8Array },
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  socket.on("error", () => socket.destroy());
  socket.once("close", () => gone.abort(new ClusterError("cancelled", "the client is gone")));
  if (head.byteLength > 0) socket.unshift(head);
  const init = { method: incoming.method ?? "POST", body: bytesOf(socket), duplex: "half", signal: gone.signal };
  const request = new Request(`http://murmur${incoming.url ?? "/"}`, init as RequestInit);
  const response = await answer(request);
  if (!response.ok || response.body === null) {
    const said = await response.text();
    return void socket.end(`${headOf(response, Buffer.byteLength(said))}${said}`);
  }
  socket.write("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
  socket.write("Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  try {
    for await (const piece of readBody(response.body, gone.signal)) if (!socket.write(piece)) await drained(socket);
    socket.end();
  } catch {
    // Broken off there: broken off here, so that it can't be taken for an end.
    socket.destroy();
  }
}

/** What comes in on a socket, which stays open when nobody reads this any more. */
function bytesOf(socket: Duplex): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        for (;;) {
          const piece: unknown = socket.read();
          if (piece instanceof Uint8Array) return controller.enqueue(piece);
          if (socket.readableEnded || socket.destroyed) return controller.close();
          await changeOf(socket);
        }
      },
    },
    { highWaterMark: 0 },
  );
}

function headOf({ status, headers }: Response, length: number): string {
  const lines = [`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`];
  for (const [name, value] of headers) if (name !== "content-length") lines.push(`${name}: ${value}`);
  return [...lines, `content-length: ${String(length)}`, "connection: close", "", ""].join("\r\n");
}
