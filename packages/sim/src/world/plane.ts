import type { Suspects } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import type { SimulatedNames } from "./names.ts";

/** A data plane of the `ports` kind that carries nothing: it answers names, and keeps what it was told last. */
export class SimulatedPlane implements DataPlane {
  table: EndpointTable | undefined;
  suspects: Suspects | undefined;
  readonly #names: SimulatedNames | undefined;

  constructor(names?: SimulatedNames) {
    this.#names = names;
  }

  update(table: EndpointTable): void {
    this.table = table;
    this.#names?.part.update(table);
  }
  avoid(suspects: Suspects): void {
    this.suspects = suspects;
    this.#names?.part.avoid(suspects);
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
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#names?.part[Symbol.asyncDispose]();
  }
}
