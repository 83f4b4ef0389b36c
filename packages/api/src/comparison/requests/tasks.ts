import { filtered, get, post, remove, type Topic } from "../step.ts";

interface Shown {
  readonly DesiredState?: string;
  readonly Status?: { readonly State: string; readonly Err?: string };
}
/** Docker says what is wanted of a task that has ended a moment after it has ended. */
const inState =
  (state: string) =>
  (body: unknown): boolean =>
    Array.isArray(body) &&
    (body as readonly Shown[]).some(
      ({ Status, DesiredState }) => Status?.State === state && (state === "running" || DesiredState !== "running"),
    );

/** Docker completes what a service was given a moment after it has answered. */
const isAllocated = (body: unknown): boolean =>
  (body as { readonly Endpoint?: { readonly VirtualIPs?: unknown } }).Endpoint?.VirtualIPs !== undefined;

const service = (Name: string, container: object, more: object = {}) => ({
  Name,
  Labels: { tier: Name },
  TaskTemplate: { ContainerSpec: { Image: "murmur/web:latest", ...container }, ...more },
});

/** Real containers: what a task says of itself when it waits, runs, and fails. */
export const tasks: Topic = {
  name: "tasks",
  steps: [
    get("/tasks"),
    post("/services/create", service("waits", {}, { Placement: { Constraints: ["node.labels.nowhere==true"] } }), {
      keep: "waits",
    }),
    get(filtered("/tasks", { service: ["waits"] }), {
      keep: "waiting",
      until: (body) => Array.isArray(body) && /constraints not satisfied/.test((body as Shown[])[0]?.Status?.Err ?? ""),
    }),
    get("/tasks/{waiting}"),
    post("/services/create", service("runs", { Env: ["A=B"] }), { keep: "runs" }),
    get(filtered("/tasks", { service: ["{runs}"] }), { keep: "running", until: inState("running") }),
    get("/tasks/{running}"),
    get(filtered("/services", { name: ["runs"] }).replace("?", "?status=true&")),
    post("/services/create", service("fails", { Command: ["false"] }, { RestartPolicy: { Condition: "none" } }), {
      keep: "fails",
    }),
    get(filtered("/tasks", { service: ["fails"] }), { keep: "failing", until: inState("failed") }),
    post("/services/create", service("ends", { Command: ["true"] }, { RestartPolicy: { Condition: "on-failure" } }), {
      keep: "ends",
    }),
    get(filtered("/tasks", { service: ["ends"] }), { keep: "ending", until: inState("complete") }),
    post(
      "/services/create",
      {
        ...service("works", { Command: ["true"] }),
        Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
      },
      { keep: "works" },
    ),
    get(filtered("/tasks", { service: ["works"] }), { keep: "working", until: inState("complete") }),
    get(filtered("/services", { name: ["works"] }).replace("?", "?status=true&")),
    get("/networks/host?scope=swarm", { keep: "hostNetwork" }),
    get("/networks/bridge?scope=swarm", { keep: "bridgeNetwork" }),
    ...["host", "bridge"].flatMap((name) => [
      post("/services/create", service(`on-${name}`, {}, { Networks: [{ Target: name }] }), { keep: `on-${name}` }),
      get(`/services/on-${name}`, { until: isAllocated }),
      get(filtered("/tasks", { service: [`on-${name}`] }), { keep: `of-${name}`, until: inState("running") }),
      get(`/tasks/{of-${name}}`),
    ]),
    post(
      "/services/create",
      {
        ...service("host-port", {}, { Networks: [{ Target: "{hostNetwork}", Aliases: ["alias"] }] }),
        EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 18_101, PublishedPort: 18_101, PublishMode: "host" }] },
      },
      { keep: "host-port" },
    ),
    get("/services/host-port", { until: isAllocated }),
    get(filtered("/tasks", { service: ["host-port"] }), { keep: "on-port", until: inState("running") }),
    post(
      "/services/create",
      {
        ...service("published", {}),
        EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishedPort: 18_100, PublishMode: "host" }] },
      },
      { keep: "published" },
    ),
    get(filtered("/tasks", { service: ["published"] }), { keep: "publishing", until: inState("running") }),
    ...[
      { id: ["{running}"] },
      { id: ["nope"] },
      { name: ["runs"] },
      { name: ["runs.1"] },
      { name: ["uns"] },
      { name: ["nope"] },
      { label: ["tier=runs"] },
      { label: ["tier=nope"] },
      { service: ["runs"], node: ["nope"] },
      { service: ["nope"] },
      { node: ["self"], service: ["runs"] },
      { "desired-state": ["running"], service: ["runs"] },
      { "desired-state": ["RUNNING"], service: ["runs"] },
      { "desired-state": ["shutdown"], service: ["runs"] },
      { "desired-state": ["accepted"] },
      { "desired-state": ["nope"] },
      { "_up-to-date": ["true"], service: ["runs"] },
      { runtime: ["container"], service: ["runs"] },
      { runtime: ["nope"], service: ["runs"] },
      { "is-task": ["true"] },
      { nope: ["x"] },
      "nonsense",
    ].map((filters) => get(filtered("/tasks", filters))),
    get("/tasks/nope"),
    get("/tasks/{running}/logs"),
    get("/tasks/nope/logs?stdout=1"),
    get("/tasks/{running}/logs?stdout=nope&stderr=0"),
    get("/services/runs/logs?stdout=1&tail=nope", { bodyless: true }),
    get("/services/runs/logs?stdout=1&since=nope"),
    { ask: "DELETE /tasks/{running}", bodyless: true },
    ...["waits", "runs", "fails", "ends", "works", "on-host", "on-bridge", "host-port", "published"].map((name) =>
      remove(`/services/${name}`),
    ),
  ],
};
