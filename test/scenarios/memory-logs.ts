import { MemoryDisk, type LogStorage } from "@murmur/storage";

/** The logs of a host's manager, one for each generation of the cluster, on disks in memory that fail together. */
export class MemoryLogs {
  /** As of `MemoryDisk`. */
  beforeSync: () => Promise<void> = async () => {};
  readonly #disks = new Map<number, MemoryDisk>();

  open(generation: number): Promise<LogStorage> {
    const disk = this.#disks.get(generation) ?? new MemoryDisk(() => this.beforeSync());
    this.#disks.set(generation, disk);
    return disk.open();
  }

  async keepOnly(generation: number): Promise<void> {
    for (const other of this.#disks.keys()) if (other !== generation) this.#disks.delete(other);
  }

  crash(): void {
    for (const disk of this.#disks.values()) disk.crash();
  }

  get generations(): readonly number[] {
    return [...this.#disks.keys()].toSorted((left, right) => left - right);
  }
}
