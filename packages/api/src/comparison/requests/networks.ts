import { clear, filtered, get, post, remove, type Topic } from "../step.ts";

const make = (body: unknown, keep = "made") => post("/networks/create", body, { keep });
const overlay = (Name: string, more: object = {}) => ({ Name, Driver: "overlay", CheckDuplicate: true, ...more });
/** The engine's own differ from host to host. */
const ofSwarm = (filters: object): string => filtered("/networks", { scope: ["swarm"], ...filters });

/** Docker gives out subnets a moment after it has answered. */
const isAllocated = (body: unknown): boolean => (body as { readonly Driver?: string }).Driver !== "";

const MADE: readonly (readonly [string, object])[] = [
  ["plain", {}],
  ["attachable", { Attachable: true }],
  ["internal", { Internal: true }],
  ["labelled", { Labels: { a: "b" } }],
  ["optioned", { Options: { "com.docker.network.driver.mtu": "1400" } }],
  ["subnet", { IPAM: { Driver: "default", Config: [{ Subnet: "10.231.0.0/24" }] } }],
  ["gateway", { IPAM: { Config: [{ Subnet: "10.232.0.0/24", Gateway: "10.232.0.9" }] } }],
  ["range", { IPAM: { Config: [{ Subnet: "10.233.0.0/16", IPRange: "10.233.4.0/24" }] } }],
  ["scope", { Scope: "swarm" }],
  ["ipam-options", { IPAM: { Driver: "default", Options: { foo: "bar" } } }],
  ["auxiliary", { IPAM: { Config: [{ Subnet: "10.237.0.0/24", AuxiliaryAddresses: { a: "10.237.0.9" } }] } }],
  ["ipam-empty", { IPAM: { Driver: "", Config: [], Options: {} } }],
];

/** Networks that each node makes for itself. */
const LOCAL: readonly (readonly [string, { readonly Driver: string; readonly [field: string]: unknown }])[] = [
  ["lan", { Driver: "macvlan", ConfigFrom: { Network: "lan-conf" } }],
  ["lan-bridge", { Driver: "bridge", Labels: { a: "b" }, Internal: true }],
  ["lan-ipvlan", { Driver: "ipvlan", ConfigFrom: { Network: "lan-conf" } }],
];

/** What one of the two may make, and no other step needs. */
const UNWANTED = ["bad", "conf", "second-ingress"].map((name) => clear(`/networks/${name}`));

/** Docker's node hears of its own task's endpoint a moment after the task runs. */
const isShown = (body: unknown): boolean => {
  const { shown } =
    (body as { readonly Services?: Readonly<Record<string, { readonly Tasks?: unknown }>> }).Services ?? {};
  return Array.isArray(shown?.Tasks) && shown.Tasks.length > 0;
};

/** No plugins that aren't there: Docker looks for one for 15 s. */
export const networks: Topic = {
  name: "networks",
  steps: [
    ...MADE.flatMap(([name, more]) => [
      make(overlay(name, more), name),
      get(`/networks/${name}`, { until: isAllocated }),
      get(`/networks/{${name}}?verbose=true`),
      get(`/networks/${name}?scope=swarm`),
      clear(`/networks/${name}`),
    ]),
    make(overlay("one", { Labels: { a: "b" } }), "one"),
    make(overlay("one")),
    make(overlay("onetwo", { Attachable: true }), "onetwo"),
    get("/networks/one", { until: isAllocated }),
    get("/networks/onetwo", { until: isAllocated }),
    ...[
      { name: ["one"] },
      { name: ["onetwo"] },
      { name: ["ONE"] },
      { name: ["wo"] },
      { id: ["{one}"] },
      { id: ["nope"] },
      { label: ["a"] },
      { label: ["a=b"] },
      { label: ["a=c"] },
      { driver: ["overlay"], name: ["one"] },
      { driver: ["bridge"] },
      { type: ["custom"], name: ["one"] },
      { type: ["builtin"], name: ["one"] },
      { type: ["nope"] },
      { dangling: ["true"], name: ["one"] },
      { dangling: ["nope"] },
      { dangling: ["1"], name: ["onetwo"] },
      { dangling: ["true", "false"] },
      { driver: ["nope"] },
      { driver: ["bridge", "overlay"], name: ["one"] },
      { name: ["one", "onetwo"] },
      { label: ["a", "b"] },
      { scope: ["global"] },
      { scope: ["nope"] },
      { scope: ["swarm", "global"], name: ["one"] },
      { nope: ["x"] },
    ].map((filters) => get(ofSwarm(filters))),
    get(filtered("/networks", "nonsense")),
    get("/networks/nope"),
    get("/networks/one?verbose=nope"),
    get("/networks/one?scope=local"),
    get("/networks/one?scope=nope"),
    remove("/networks/nope"),
    make("{"),
    make(""),
    make({ Driver: "overlay" }),
    make(overlay("with space")),
    make(overlay("-x")),
    make(overlay("bad", { IPAM: { Config: [{ Subnet: "nope" }] } })),
    make(overlay("bad", { IPAM: { Config: [{ Subnet: "10.234.0.0/24", Gateway: "10.235.0.1" }] } })),
    make(overlay("bad", { IPAM: { Config: [{ Subnet: "10.234.0.0/24", IPRange: "10.235.0.0/28" }] } })),
    make(overlay("bad", { Options: { "com.docker.network.driver.mtu": "nope" } })),
    make(overlay("bad", { IPAM: { Config: [{ Subnet: "10.234.0.0/24", Gateway: "10.234.0.254" }] } })),
    make(overlay("host")),
    make(overlay("bridge")),
    make(overlay("none")),
    make(overlay("default")),
    make(overlay("bad", { ConfigFrom: { Network: "nope" } })),
    make(overlay("bad", { Scope: "local" })),
    make(overlay("second-ingress", { Ingress: true })),
    ...LOCAL.flatMap(([name, more]) => [
      make({ Name: name, Scope: "swarm", ...more }, name),
      get(`/networks/${name}`, { until: isAllocated }),
      get(`/networks/{${name}}?verbose=true`),
      get(ofSwarm({ name: [name] })),
      get(ofSwarm({ driver: [more.Driver], name: [name] })),
      remove(`/networks/${name}`),
    ]),
    make({ Name: "bad", Scope: "swarm", Driver: "host" }),
    make({ Name: "bad", Scope: "swarm", Driver: "nope" }),
    make({ Name: "conf", ConfigOnly: true, Scope: "swarm", IPAM: { Config: [{ Subnet: "10.236.0.0/24" }] } }),
    get("/networks/ingress"),
    post(
      "/services/create",
      {
        Name: "uses",
        TaskTemplate: {
          ContainerSpec: { Image: "murmur/web:latest" },
          Networks: [{ Target: "one", Aliases: ["u"] }],
          Placement: { Constraints: ["node.labels.nowhere==true"] },
        },
      },
      { keep: "uses" },
    ),
    get("/services/uses"),
    remove("/networks/one"),
    get(ofSwarm({ dangling: ["false"], name: ["one"] })),
    post("/networks/one/connect", { Container: "nope" }),
    post("/networks/onetwo/connect", { Container: "nope" }),
    post("/networks/nope/connect", { Container: "nope" }),
    post("/networks/onetwo/disconnect", { Container: "nope" }),
    remove("/services/uses"),
    remove("/networks/one"),
    // Who is in it, with a task that runs.
    make(overlay("seen", { Attachable: true }), "seen"),
    get("/networks/seen", { until: isAllocated }),
    post(
      "/services/create",
      {
        Name: "shown",
        TaskTemplate: { ContainerSpec: { Image: "murmur/web:latest" }, Networks: [{ Target: "seen", Aliases: ["u"] }] },
      },
      { keep: "shown" },
    ),
    get("/networks/seen?verbose=true", { until: isShown }),
    get(ofSwarm({ dangling: ["true"], name: ["seen"] })),
    post(filtered("/networks/prune", { label: ["nobody=has"] })),
    remove("/networks/seen"),
    remove("/services/shown"),
    clear("/networks/seen"),
    // Pruned by what they are labelled with; nothing else of the two hosts is touched.
    make(overlay("pruned", { Labels: { p: "1" } }), "pruned"),
    make(overlay("spared", { Labels: { p: "2" } }), "spared"),
    post(filtered("/networks/prune", { label: ["p"], until: ["24h"] })),
    post(filtered("/networks/prune", { label: ["p"], "label!": ["p=2"] })),
    get(ofSwarm({ label: ["p"] })),
    post(filtered("/networks/prune", { label: ["p=2"] })),
    post(filtered("/networks/prune", { until: ["nope"] })),
    post(filtered("/networks/prune", { dangling: ["true"] })),
    post(filtered("/networks/prune", { nope: ["x"] })),
    remove("/networks/{onetwo}"),
    remove("/networks/onetwo"),
  ].flatMap((step) => (step.ask === "POST /networks/create" ? [step, ...UNWANTED] : [step])),
};
