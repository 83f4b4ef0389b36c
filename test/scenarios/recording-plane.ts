import type { EndpointTable } from "@murmur/model";
import type { DataPlane } from "@murmur/network";

/** Keeps the last table that a data plane was given, in place of sockets. */
export class RecordingPlane implements DataPlane {
  table: EndpointTable | undefined;
  update(table: EndpointTable): void {
    this.table = table;
  }
  avoid(): void {}
  settled(): Promise<void> {
    return Promise.resolve();
  }
  portsInUse(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
  check(): ReturnType<DataPlane["check"]> {
    return Promise.resolve([]);
  }
  repair(): ReturnType<DataPlane["repair"]> {
    return Promise.resolve([]);
  }
  listeners(): ReturnType<DataPlane["listeners"]> {
    return [];
  }
  stats(): ReturnType<DataPlane["stats"]> {
    throw new Error("a recording plane measures nothing");
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
