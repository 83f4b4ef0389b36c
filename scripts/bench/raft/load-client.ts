import { connect, type Socket } from "node:net";

/** What a client got for one request. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * One client of a daemon's socket: a connection of its own, one request at a time. It knows as little of HTTP as it
 * needs, so that a thousand of them leave the machine to what is measured.
 */
export class LoadClient {
  readonly #socket: Socket;
  #received = "";
  #waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the daemon closed the connection")));
  }

  static open(socketPath: string): Promise<LoadClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(socketPath);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new LoadClient(socket));
      });
    });
  }

  /** Sends a body of ASCII characters and waits for the whole answer. */
  post(path: string, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(
        `POST ${path} HTTP/1.1\r\nHost: murmur\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${String(body.length)}\r\n\r\n${body}`,
        "latin1",
      );
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const answer = wholeAnswer(this.#received);
    if (answer === undefined) return;
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}

/** The answer, once all of it is there. One request is under way at a time, so nothing follows it. */
function wholeAnswer(text: string): Answer | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const rest = text.slice(headEnd + 4);
  if (head.includes("transfer-encoding: chunked")) {
    return rest.endsWith("0\r\n\r\n") ? { status, body: joinChunks(rest) } : undefined;
  }
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return rest.length >= length ? { status, body: rest } : undefined;
}

function joinChunks(text: string): string {
  let body = "";
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    body += text.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
  return body;
}
