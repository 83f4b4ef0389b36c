import { DEFAULT_RESTART, DEFAULT_UPDATE, type ServiceSpec, type TaskSpec } from "../service-spec.ts";

export const plainTask: TaskSpec = {
  container: { image: "nginx:1" },
  resources: { reservations: { nanoCpus: 0, memoryBytes: 0 }, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
  restart: DEFAULT_RESTART,
  placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
  networks: [],
  forceUpdate: 0,
};

/** A service of which nothing was said but its name, its image and its replicas. */
export const plainService: ServiceSpec = {
  name: "web",
  labels: {},
  mode: { kind: "replicated", replicas: 3 },
  task: plainTask,
  update: DEFAULT_UPDATE,
  rollback: DEFAULT_UPDATE,
  endpoint: { mode: "vip", ports: [] },
};
