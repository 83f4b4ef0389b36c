import type { ServiceSpec } from "@murmur/model";

export interface WebOptions {
  /** 0: none. */
  readonly publishedPort?: number;
  readonly order?: "stop-first" | "start-first";
  readonly parallelism?: number;
}

/** A small web service. */
export function webSpec(name: string, replicas: number, options: WebOptions = {}): ServiceSpec {
  const { publishedPort = 0, order = "stop-first", parallelism = 1 } = options;
  const update = {
    parallelism,
    delayMs: 0,
    failureAction: "pause",
    monitorMs: 5_000,
    maxFailureRatio: 0,
    order,
  } as const;
  const port = { protocol: "tcp", targetPort: 8080, publishedPort, mode: "ingress" } as const;
  return {
    name,
    labels: {},
    mode: { kind: "replicated", replicas },
    task: {
      container: { image: "web" },
      resources: { reservations: { nanoCpus: 0, memoryBytes: 0 }, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
      restart: { condition: "any", delayMs: 5_000, maxAttempts: 0, windowMs: 0 },
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [],
      forceUpdate: 0,
    },
    update,
    rollback: update,
    endpoint: { mode: "vip", ports: publishedPort === 0 ? [] : [port] },
  };
}

/** The same service with so many replicas. */
export const scaled = (spec: ServiceSpec, replicas: number): ServiceSpec => ({
  ...spec,
  mode: { kind: "replicated", replicas },
});

/** The same service of another version: all tasks are replaced. */
export const updated = (spec: ServiceSpec, image: string): ServiceSpec => ({
  ...spec,
  task: { ...spec.task, container: { ...spec.task.container, image } },
});
