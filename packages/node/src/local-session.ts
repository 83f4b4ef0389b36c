import { ClusterError, Inbox, type NodeId } from "@murmur/base";
import type { Session } from "@murmur/agent";
import type { SessionChannel } from "@murmur/manager";
import type { Index, ReportMessage, SessionMessage } from "@murmur/model";

const LIMIT = 256;

/**
 * A session between the agent and the manager of one node: two bounded inboxes instead of a connection. A writer waits
 * while the other side's inbox is full, as it would on a stream.
 */
export function localSession(
  node: NodeId,
  endpoints: Index,
): { readonly agent: Session; readonly manager: SessionChannel } {
  const toAgent = new Pipe<SessionMessage>();
  const toManager = new Pipe<ReportMessage>();
  const close = (): void => {
    toAgent.close();
    toManager.close();
  };
  return {
    agent: { send: (report) => toManager.write(report), messages: toAgent, close },
    manager: { nodeId: node, endpoints, write: (message) => toAgent.write(message), reports: toManager, close },
  };
}

class Pipe<T> implements AsyncIterable<T> {
  readonly #inbox = new Inbox<T>({ limit: LIMIT, onFull: "reject" });
  #room: (() => void)[] = [];
  #closed = false;

  async write(item: T): Promise<void> {
    while (!this.#closed && this.#inbox.size >= LIMIT) await new Promise<void>((resolve) => this.#room.push(resolve));
    if (this.#closed) throw new ClusterError("unavailable", "the session is over");
    this.#inbox.push(item);
  }

  close(): void {
    this.#closed = true;
    this.#inbox.close();
    this.#release();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (let item = await this.#inbox.take(); item !== undefined; item = await this.#inbox.take()) {
      this.#release();
      yield item;
    }
  }

  #release(): void {
    for (const release of this.#room.splice(0)) release();
  }
}
