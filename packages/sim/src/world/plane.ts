import type { Suspects } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import type { DataPlane } from "@murmur/network";

/** A data plane of the `ports` kind that carries nothing and keeps what it was told last. */
export class SimulatedPlane implements DataPlane {
  table: EndpointTable | undefined;
  suspects: Suspects | undefined;

  update(table: EndpointTable): void {
    this.table = table;
  }
  avoid(suspects: Suspects): void {
    this.suspects = suspects;
  }
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
    throw new Error("a simulated data plane measures nothing");
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
