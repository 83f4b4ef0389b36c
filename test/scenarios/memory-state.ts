import type { NodeState } from "@murmur/storage";

/** A node's records, in memory. */
export class MemoryState implements NodeState {
  readonly #records = new Map<string, string>();
  /** Awaited before a record is written; an error that it throws is the disk's. */
  beforePut: (name: string) => Promise<void> = async () => {};
  get(name: string): Promise<unknown> {
    const text = this.#records.get(name);
    return Promise.resolve(text === undefined ? undefined : JSON.parse(text));
  }
  async put(name: string, value: unknown): Promise<void> {
    await this.beforePut(name);
    this.#records.set(name, JSON.stringify(value));
  }
  async delete(name: string): Promise<void> {
    this.#records.delete(name);
  }
  clear(): void {
    this.#records.clear();
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
