import { nodeId, SeededRandom } from "@murmur/base";
import { networkId, serviceId, taskId, type EndpointTable } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { AskedType, NameAnswer } from "../world/dns-message.ts";
import { EventQueue, WorldClock } from "../world/event-queue.ts";
import { HOST_ASKER, type Lookup } from "../world/lookup.ts";
import { SimulatedNames } from "../world/names.ts";
import { NameChecks } from "./name-checks.ts";
import { Judge } from "./violation.ts";

const [T1, T2] = [taskId("t1"), taskId("t2")];
const N1 = nodeId("n1");
const NET = networkId("net1");
const FRONT = {
  id: NET,
  name: "front",
  addressing: {
    vni: 4_097,
    ipv4: { subnet: "10.200.1.0/24", gateway: "10.200.1.1" },
    ipv6: { subnet: "fd00::/64", gateway: "fd00::1" },
  },
};
const places = new Map([
  [T1, { networkId: NET, ipv4: "10.200.1.11", ipv6: "fd00::11" }],
  [T2, { networkId: NET, ipv4: "10.200.1.12", ipv6: "fd00::12" }],
]);

function table(version: number, tasks = [T1, T2]): EndpointTable {
  const endpoints = tasks.map((id, at) => ({ taskId: id, slot: at + 1, nodeId: N1, address: "10.0.0.1", ports: [] }));
  const attached = tasks.map((id) => ({
    taskId: id,
    nodeId: N1,
    addresses: [places.get(id)].flatMap((at) => at ?? []),
  }));
  const port = { protocol: "tcp", targetPort: 8080, publishedPort: 80 } as const;
  const web = {
    serviceId: serviceId("s1"),
    name: "web",
    networks: [{ networkId: NET, aliases: [] }],
    published: [port],
  };
  const vips = [{ networkId: NET, ipv4: "10.200.1.5", ipv6: "fd00::5" }];
  return { version, networks: [FRONT], services: [{ ...web, endpoints, attached, vips }] };
}

interface Scene {
  readonly queue: EventQueue;
  readonly checks: NameChecks;
  readonly host: { readonly name: string; readonly names: SimulatedNames };
}

/** A host that has been told of two tasks of `web`. */
function scene(): Scene {
  const queue = new EventQueue();
  const nothing = (): void => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const clock = new WorldClock(queue);
  const names = new SimulatedNames({ clock, random: new SeededRandom(1), log, ownAddresses: true });
  names.part.update(table(5));
  return { queue, checks: new NameChecks(new Judge(() => queue.now)), host: { name: "host1", names } };
}

function lookup(
  { queue, host: { names } }: Scene,
  by: Lookup["by"],
  { type = "A", answer }: { readonly type?: AskedType; readonly answer?: NameAnswer } = {},
): Lookup {
  const label = { service: "web", tasks: type === "SRV" ? "_8080._tcp.web" : "tasks.web" }[by];
  const name = `${label}.front.murmur.internal`;
  const asked = { names, service: "web", networkId: NET, by, name, type, from: HOST_ASKER, at: queue.now };
  return { ...asked, answer: answer ?? names.ask(name, type, HOST_ASKER) };
}

const saying = (type: AskedType, data: string): NameAnswer => ({
  rcode: 0,
  isTruncated: false,
  records: [{ type, ttlS: 1, data }],
});
const withdraw = { method: "withdraw", body: T1 };
const avoided = { withdrawn: new Set([T1]), deadNodes: new Set([]) };

const VIOLATIONS: readonly (readonly [check: string, story: string, break_: (all: Scene) => void])[] = [
  [
    "what a name answers is the service's in the node's own table",
    "an address that is nobody's",
    (all) => all.checks.named(all.host, lookup(all, "tasks", { answer: saying("A", "10.200.1.99") })),
  ],
  [
    "what a name answers is the service's in the node's own table",
    "a virtual address where only tasks are meant",
    (all) => all.checks.named(all.host, lookup(all, "tasks", { answer: saying("A", "10.200.1.5") })),
  ],
  [
    "what a name answers is the service's in the node's own table",
    "the host of a port that is gone",
    (all) => {
      const answer = lookup(all, "tasks", { type: "SRV" }).answer;
      all.host.names.part.update(table(6, [T2]));
      all.checks.named(all.host, lookup(all, "tasks", { type: "SRV", answer }));
    },
  ],
  [
    "a name doesn't answer a task whose withdrawal the node has acknowledged",
    "it acknowledges and answers as before",
    (all) => all.checks.answered(all.host, N1, withdraw),
  ],
  [
    "a name doesn't answer a task whose withdrawal the node has acknowledged",
    "an address of the other family comes back",
    (all) => {
      all.host.names.part.avoid(avoided);
      all.checks.answered(all.host, N1, withdraw);
      all.checks.named(all.host, lookup(all, "tasks", { type: "AAAA", answer: saying("AAAA", "fd00::11") }));
    },
  ],
  [
    "nobody uses an answer longer than a second after a withdrawal was acknowledged",
    "it says that it may be kept for a minute",
    (all) => {
      const kept = lookup(all, "tasks");
      all.checks.named(all.host, kept);
      all.host.names.part.avoid(avoided);
      all.checks.answered(all.host, N1, withdraw);
      all.queue.take(1_001);
      all.checks.used(all.host, kept);
    },
  ],
];

describe("each broken promise of names is found", () => {
  it.each(VIOLATIONS)("%s: %s", (check, _story, break_) => {
    const all = scene();
    expect(() => break_(all)).toThrow(check);
  });
});

it("finds nothing where names follow what the node has said", () => {
  const all = scene();
  const { queue, checks, host } = all;
  const kept = lookup(all, "tasks");
  checks.named(host, kept);
  for (const type of ["A", "AAAA", "SRV"] as const) checks.named(host, lookup(all, "tasks", { type }));
  checks.named(host, lookup(all, "service"));
  host.names.part.avoid(avoided);
  checks.answered(host, N1, withdraw);
  queue.take(999);
  checks.used(host, kept);
  for (const type of ["A", "AAAA", "SRV"] as const) {
    const now = lookup(all, "tasks", { type });
    expect(now.answer.records).toHaveLength(1);
    checks.named(host, now);
  }
  // Another life of the process has said nothing of it.
  const fresh = scene();
  checks.named(fresh.host, lookup(fresh, "tasks"));
});
