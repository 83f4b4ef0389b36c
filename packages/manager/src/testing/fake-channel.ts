import { ClusterError, Inbox, type NodeId } from "@murmur/base";
import type { Index, ReportMessage, SessionMessage } from "@murmur/model";
import type { SessionChannel } from "../ports.ts";

/** An agent's end of a session: what it was told, and what it says. */
export class FakeChannel implements SessionChannel {
  readonly nodeId: NodeId;
  readonly endpoints: Index;
  readonly heard: SessionMessage[] = [];
  /** While this is set nothing is taken from the manager: a slow agent. */
  blocked: Promise<void> | undefined;
  closed = false;
  readonly #reports = new Inbox<ReportMessage>({ limit: 100, onFull: "reject" });

  constructor(nodeId: NodeId, endpoints: Index = 0) {
    this.nodeId = nodeId;
    this.endpoints = endpoints;
  }

  async write(message: SessionMessage): Promise<void> {
    await this.blocked;
    if (this.closed) throw new ClusterError("unavailable", "the session is over");
    this.heard.push(message);
  }

  /** The agent reports. */
  say(report: ReportMessage): void {
    this.#reports.push(report);
  }

  get reports(): AsyncIterable<ReportMessage> {
    const inbox = this.#reports;
    return {
      async *[Symbol.asyncIterator]() {
        for (let report = await inbox.take(); report !== undefined; report = await inbox.take()) yield report;
      },
    };
  }

  close(): void {
    this.closed = true;
    this.#reports.close();
  }
}
