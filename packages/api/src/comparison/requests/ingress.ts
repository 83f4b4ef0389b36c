import { filtered, get, post, remove, type Topic } from "../step.ts";

const create = (Name: string, more: object) => post("/networks/create", { Name, Driver: "overlay", ...more });
const publishing = (PublishMode: string) => ({
  Name: "publishes",
  TaskTemplate: {
    ContainerSpec: { Image: "murmur/web:latest" },
    Placement: { Constraints: ["node.labels.nowhere==true"] },
  },
  EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 18_200, PublishMode }] },
});

/** The last topic: Docker takes up a new ingress network only a while after the old one is gone. */
export const ingress: Topic = {
  name: "the ingress network",
  steps: [
    get("/networks/ingress"),
    create("second", { Ingress: true }),
    create("second", { Ingress: true, Attachable: true }),
    create("ingress", {}),
    post("/services/create", publishing("ingress"), { keep: "publishes" }),
    remove("/networks/ingress"),
    remove("/services/publishes"),
    remove("/networks/ingress"),
    get("/networks/ingress?scope=swarm", { until: (body) => !("Id" in (body as object)) }),
    post("/services/create", publishing("ingress")),
    post("/services/create", publishing("host"), { keep: "publishes" }),
    post("/services/publishes/update?version={version:/services/publishes}", publishing("ingress")),
    remove("/services/publishes"),
    create("again", { Ingress: true, Labels: { a: "b" }, IPAM: { Config: [{ Subnet: "10.238.0.0/24" }] } }),
    get("/networks/again", { until: (body) => (body as { readonly Driver?: string }).Driver !== "" }),
    get(filtered("/networks", { scope: ["swarm"], name: ["again"] })),
    create("third", { Ingress: true }),
    remove("/networks/again"),
  ],
};
