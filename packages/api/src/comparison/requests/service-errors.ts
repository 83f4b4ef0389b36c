import { clear, get, post, remove, type Step, type Topic } from "../step.ts";
import { IMAGE, NOWHERE, spec, task } from "./service-spec.ts";

const create = (body: unknown, more: object = {}) => post("/services/create", body, more);

/** No id begins like this, so that nothing else is removed by it. */
const X = "x-1";
/** What one of the two may make, and no other step needs. */
const isOfX = ({ ask, body }: Step): boolean =>
  ask === "POST /services/create" && (body as { readonly Name?: unknown } | undefined)?.Name === X;

export const serviceErrors: Topic = {
  name: "services that can't be",
  steps: [
    create("{"),
    create(""),
    create("[]"),
    create("null"),
    create('"text"'),
    create("{} {}"),
    create({}),
    create({ Name: X }),
    create({ Name: 7 }),
    create(spec(X), { headers: { "content-type": "text/plain" } }),
    create(spec(X), { headers: { "content-type": "" } }),
    create(spec("Two words")),
    create(spec("-x")),
    create(spec("x".repeat(64))),
    create(spec("a.b_c-d")),
    clear("/services/a.b_c-d"),
    create(spec(X, { TaskTemplate: {} })),
    create(spec(X, { TaskTemplate: { ContainerSpec: {} } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: "" } } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: "UPPER/case:x:y" } } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: 5 } } })),
    create(spec(X, { TaskTemplate: task({ Env: "A=B" }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "nope", Target: "/a" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "bind", Source: "relative", Target: "/a" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "volume", Source: "v", Target: "" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "tmpfs", Source: "v", Target: "/a" }] }) })),
    create(
      spec(X, {
        TaskTemplate: task({
          Mounts: [
            { Type: "bind", Source: "/a", Target: "/x" },
            { Type: "bind", Source: "/b", Target: "/x" },
          ],
        }),
      }),
    ),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Retries: -1 } }) })),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Interval: -1 } }) })),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Interval: 1_000 } }) })),
    create(spec(X, { TaskTemplate: task({ Isolation: "hyperv" }) })),
    create(
      spec(X, { TaskTemplate: task({ Secrets: [{ SecretID: "nope", SecretName: "nope", File: { Name: "a" } }] }) }),
    ),
    create(
      spec(X, { TaskTemplate: task({ Configs: [{ ConfigID: "nope", ConfigName: "nope", File: { Name: "a" } }] }) }),
    ),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { NanoCPUs: 1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { MemoryBytes: 1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { MemoryBytes: -1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { RestartPolicy: { Condition: "nope" } }) })),
    create(spec(X, { TaskTemplate: task({}, { RestartPolicy: { Delay: -1 } }) })),
    create(spec(X, { TaskTemplate: task({}, { Placement: { Constraints: ["nonsense"] } }) })),
    create(spec(X, { TaskTemplate: task({}, { Placement: { Constraints: ["node.nope == 1"] } }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "nope" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "bridge" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "host" }] }) }), { keep: "hosted" }),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "none" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "host" }, { Target: "bridge" }] }) })),
    create(
      spec(X, {
        TaskTemplate: task({}, { Networks: [{ Target: "host" }] }),
        EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_093 }] },
      }),
    ),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "ingress" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Runtime: "nope" }) })),
    create(spec(X, { Mode: { Replicated: {}, Global: {} } })),
    create(spec(X, { Mode: { Replicated: { Replicas: -1 } } })),
    create(spec(X, { Mode: { Replicated: { Replicas: "3" } } })),
    create(spec(X, { UpdateConfig: { FailureAction: "nope" } })),
    create(spec(X, { UpdateConfig: { Order: "nope" } })),
    create(spec(X, { UpdateConfig: { MaxFailureRatio: 2 } })),
    create(spec(X, { UpdateConfig: { Delay: -1 } })),
    create(spec(X, { RollbackConfig: { FailureAction: "rollback" } })),
    create(spec(X, { EndpointSpec: { Mode: "nope" } })),
    create(spec(X, { EndpointSpec: { Mode: "dnsrr", Ports: [{ TargetPort: 80, PublishedPort: 18_090 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ PublishedPort: 18_090 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 70_000 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, Protocol: "nope" }] } })),
    create(
      spec(X, {
        EndpointSpec: {
          Ports: [
            { TargetPort: 80, PublishedPort: 18_091 },
            { TargetPort: 81, PublishedPort: 18_091 },
          ],
        },
      }),
    ),
    create(spec("taken", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_092 }] } }), { keep: "taken" }),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_092 }] } })),
    create(spec("taken")),
    remove("/services/taken"),
    create({ ...spec("lower"), version: 3, skip_validation: true }),
    remove("/services/lower"),
    create({ name: "lower", tasktemplate: { containerspec: { image: IMAGE }, placement: NOWHERE } }),
    get("/services/lower"),
    remove("/services/lower"),
  ].flatMap((step) => (isOfX(step) ? [step, clear(`/services/${X}`)] : [step])),
};
