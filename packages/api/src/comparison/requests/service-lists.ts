import { filtered, get, post, remove, type Topic } from "../step.ts";
import { spec } from "./service-spec.ts";

export const serviceLists: Topic = {
  name: "lists of services",
  steps: [
    get("/services"),
    post("/services/create", spec("alpha", { Labels: { tier: "front", "com.docker.stack.namespace": "s" } }), {
      keep: "alpha",
    }),
    post("/services/create", spec("beta", { Labels: { tier: "back" }, Mode: { Global: {} } }), { keep: "beta" }),
    ...[
      { name: ["alpha"] },
      { name: ["al"] },
      { name: ["AL"] },
      { name: ["lpha"] },
      { name: { beta: true } },
      { name: ["alpha", "beta"] },
      { name: [] },
      { id: ["{alpha}"] },
      { id: ["nope"] },
      { label: ["tier"] },
      { label: ["tier=front"] },
      { label: ["tier=front", "tier=back"] },
      { label: ["tier="] },
      { mode: ["replicated"] },
      { mode: ["global"] },
      { mode: ["nope"] },
      { mode: ["replicated-job"] },
      { runtime: ["container"] },
      { runtime: ["plugin"] },
      { runtime: ["nope"] },
      { nope: ["x"] },
      { name: "alpha" },
      { name: [1] },
      ["name"],
      "nonsense",
      "{}",
      "null",
    ].flatMap((filters) => [get(filtered("/services", filters))]),
    get("/services?status=true", { until: allWait }),
    get("/services?status=1"),
    get("/services?status=0"),
    get("/services?status=nope"),
    get("/services/nope"),
    get("/services/alpha?insertDefaults=nope"),
    get("/services/alph"),
    get("/services/ALPHA"),
    { ask: "HEAD /services", bodyless: true },
    { ask: "PUT /services", bodyless: true },
    { ask: "DELETE /services", bodyless: true },
    { ask: "GET /services/create", bodyless: false },
    { ask: "POST /services/alpha", bodyless: true },
    remove("/services/nope"),
    remove("/services/alpha"),
    remove("/services/alpha"),
    remove("/services/{beta}"),
  ],
};

function allWait(body: unknown): boolean {
  return (
    Array.isArray(body) &&
    body.every((one) => (one as { ServiceStatus?: { DesiredTasks: number } }).ServiceStatus !== undefined)
  );
}
