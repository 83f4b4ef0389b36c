import { get, post, remove, type Topic } from "../step.ts";
import { spec, task } from "./service-spec.ts";

export const serviceUpdates: Topic = {
  name: "services that change",
  steps: [
    post("/services/create", spec("web", { Labels: { a: "1" }, Mode: { Replicated: { Replicas: 1 } } }), {
      keep: "web",
    }),
    post("/services/web/update", spec("web")),
    post("/services/web/update?version=nope", spec("web")),
    post("/services/web/update?version=-1", spec("web")),
    post("/services/web/update?version=1", spec("web")),
    post("/services/nope/update?version=1", spec("nope")),
    post("/services/web/update?version={version:/services/web}", "{"),
    post("/services/web/update?version={version:/services/web}", {}),
    post("/services/web/update?version={version:/services/web}", spec("other")),
    post("/services/web/update?version={version:/services/web}", spec("web", { Mode: { Global: {} } })),
    get("/services/web"),
    post(
      "/services/web/update?version={version:/services/web}",
      spec("web", { Labels: { a: "2" }, Mode: { Replicated: { Replicas: 2 } } }),
    ),
    get("/services/web", { until: (body) => (body as { UpdateStatus?: unknown }).UpdateStatus === undefined }),
    post(
      "/services/web/update?version={version:/services/web}",
      spec("web", { TaskTemplate: task({ Env: ["A=B"] }), Mode: { Replicated: { Replicas: 0 } } }),
    ),
    get("/services/web", {
      until: (body) => (body as { UpdateStatus?: { State: string } }).UpdateStatus?.State !== "updating",
    }),
    post("/services/web/update?version={version:/services/web}&rollback=nope", spec("web")),
    post("/services/web/update?version={version:/services/web}&registryAuthFrom=nope", spec("web")),
    post("/services/web/update?version={version:/services/web}&registryAuthFrom=previous-spec", spec("web")),
    post("/services/web/update?version={version:/services/web}&rollback=previous", spec("web")),
    get("/services/{web}", {
      until: (body) =>
        !/updating|started/.test((body as { UpdateStatus?: { State: string } }).UpdateStatus?.State ?? ""),
    }),
    post(
      "/services/web/update?version={version:/services/web}",
      { ...spec("web"), UpdateConfig: { Parallelism: 1 } },
      { headers: { "x-registry-auth": "bm90aGluZw==" } },
    ),
    remove("/services/web"),
    post("/services/create", spec("fresh"), { keep: "fresh" }),
    post("/services/fresh/update?version={version:/services/fresh}&rollback=previous", spec("fresh")),
    remove("/services/fresh"),
    get("/services/web/logs?stdout=1"),
    get("/services/nope/logs?stdout=1"),
    get("/services/nope/logs"),
  ],
};
