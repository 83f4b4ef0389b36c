/** As large as etcd's check writes them. */
export const VALUE_BYTES = 1_024;
export const VALUE_LABEL = "value";

/** The one object that a client writes. */
export interface OwnService {
  readonly id: string;
  readonly name: string;
  /** As of the last acknowledged write, as is `value`. */
  readonly version: number;
  readonly value: string;
}

export interface LoadOrder {
  /** The clients are dealt out to these by turns. */
  readonly sockets: readonly string[];
  /** One client each. */
  readonly services: readonly OwnService[];
  readonly durationMs: number;
}

export interface LoadResult {
  readonly writes: number;
  readonly elapsedMs: number;
  readonly slowestMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Refusals and how often they came. */
  readonly errors: Readonly<Record<string, number>>;
  /** What the load itself cost. */
  readonly cpuMs: number;
  readonly written: readonly OwnService[];
}

/** A service that runs nothing: a write is all that it costs. */
export const serviceSpec = (name: string, value: string) => ({
  Name: name,
  Labels: { [VALUE_LABEL]: value },
  TaskTemplate: { ContainerSpec: { Image: "none" } },
  Mode: { Replicated: { Replicas: 0 } },
});

export const serviceBody = (name: string, value: string): string => JSON.stringify(serviceSpec(name, value));
