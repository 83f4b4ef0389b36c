import { nodeId } from "@murmur/base";
import {
  networkId,
  serviceId,
  taskId,
  type EndpointTable,
  type NetworkAddress,
  type NetworkAddressing,
  type ServiceEndpoints,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { NameIndex } from "./name-index.ts";
import type { Resolution } from "./record.ts";
import { resolveName } from "./resolve.ts";
import { NO_SUSPECTS, type Suspects } from "./suspects.ts";

/** `front` is 10.1.0.0/16 and fd00:1::/64, `back` is 10.2.0.0/16. */
const addressing = (number: number): NetworkAddressing => ({
  vni: 4_096 + number,
  ipv4: { subnet: `10.${number}.0.0/16`, gateway: `10.${number}.0.1` },
  ...(number === 1 && { ipv6: { subnet: "fd00:1::/64", gateway: "fd00:1::1" } }),
});
const inFront = (last: number): NetworkAddress => ({ ipv4: `10.1.0.${last}`, ipv6: `fd00:1::${last}` });
const inBack = (last: number): NetworkAddress => ({ ipv4: `10.2.0.${last}` });

const [front, back] = [networkId("f"), networkId("b")];
const at = (id: typeof front, aliases: readonly string[] = []) => ({ networkId: id, aliases });

/** A service with tasks in slots 1, 2, …; `web`'s first is `web1`, at 10.1.0.11 and 10.2.0.11. */
function service(name: string, first: number, more: Partial<ServiceEndpoints> = {}): ServiceEndpoints {
  const tasks = [1, 2].map((slot) => ({ taskId: taskId(`${name}${slot}`), slot, nodeId: nodeId(`n${slot}`) }));
  const networks = more.networks ?? [at(front), at(back)];
  return {
    serviceId: serviceId(name),
    name,
    published: [{ protocol: "tcp", targetPort: 80, publishedPort: 8080 }],
    endpoints: tasks.map((task) => ({ ...task, address: "192.0.2.1", ports: [] })),
    attached: tasks.map(({ taskId: id, slot, nodeId: on }) => ({
      taskId: id,
      nodeId: on,
      addresses: networks.map(({ networkId: of }) => ({
        networkId: of,
        ...(of === front ? inFront(first + slot) : inBack(first + slot)),
      })),
    })),
    ...more,
    networks,
  };
}

const table: EndpointTable = {
  version: 7,
  networks: [
    { id: front, name: "default", addressing: addressing(1) },
    { id: back, name: "back", addressing: addressing(2) },
  ],
  services: [
    service("web", 10, {
      vips: [
        { networkId: front, ...inFront(9) },
        { networkId: back, ...inBack(9) },
      ],
    }),
    service("rr", 20, { networks: [at(front, ["any"])] }),
    service("idle", 30, { networks: [at(front)], vips: [{ networkId: front, ...inFront(29) }], endpoints: [] }),
    service("other", 40, { networks: [at(front, ["any"])], vips: [{ networkId: front, ...inFront(39) }] }),
    // Being removed: its task still has an address, its name is gone.
    service("gone", 50, {
      networks: [],
      endpoints: [],
      attached: [{ taskId: taskId("gone1"), nodeId: nodeId("n1"), addresses: [{ networkId: back, ...inBack(51) }] }],
    }),
  ],
};
const index = new NameIndex(table);

function ask(name: string, type = "A", scope?: readonly (typeof front)[], suspects: Suspects = NO_SUSPECTS): unknown {
  return short(resolveName(index, { name, type }, { suspects, turn: 0, ...(scope && { scope: { networks: scope } }) }));
}

function short(resolution: Resolution): unknown {
  if (resolution.kind === "outside") return "outside";
  if (resolution.answers.length > 0) return resolution.answers.map(({ data }) => data);
  return resolution.rcode === "NXDOMAIN" ? "NXDOMAIN" : "NODATA";
}

const reverse = (address: string): string => `${address.split(".").toReversed().join(".")}.in-addr.arpa`;

describe("a name", () => {
  it.each<[string, string, unknown]>([
    ["web", "A", ["10.1.0.9"]],
    ["web.murmur.internal", "AAAA", ["fd00:1::9"]],
    ["web.back", "A", ["10.2.0.9"]],
    ["web.back", "AAAA", "NODATA"],
    ["tasks.web", "A", ["10.1.0.11", "10.1.0.12"]],
    ["tasks.web", "AAAA", ["fd00:1::11", "fd00:1::12"]],
    ["tasks.web.back.murmur.internal", "A", ["10.2.0.11", "10.2.0.12"]],
    ["2.web", "A", ["10.1.0.12"]],
    ["2.web.back", "A", ["10.2.0.12"]],
    ["web1.web", "AAAA", ["fd00:1::11"]],
    ["3.web.murmur.internal", "A", "NXDOMAIN"],
    ["rr", "A", ["10.1.0.21", "10.1.0.22"]],
    ["rr.back.murmur.internal", "A", "NXDOMAIN"],
    ["idle", "A", ["10.1.0.29"]],
    ["tasks.idle", "A", "NODATA"],
    ["any", "A", ["10.1.0.21", "10.1.0.22", "10.1.0.39"]],
    ["gone.murmur.internal", "A", "NXDOMAIN"],
  ])("%s %s, asked by a host", (name, type, answer) => expect(ask(name, type)).toEqual(answer));

  it("is of the asker's network, the first that has it", () => {
    expect(ask("web", "A", [back])).toEqual(["10.2.0.9"]);
    expect(ask("web", "A", [back, front])).toEqual(["10.2.0.9"]);
    expect(ask("rr", "A", [back, front])).toEqual(["10.1.0.21", "10.1.0.22"]);
    expect(ask("1.web", "A", [back])).toEqual(["10.2.0.11"]);
    expect(ask("rr.murmur.internal", "A", [back])).toBe("NXDOMAIN");
    expect(ask("web.default.murmur.internal", "A", [back])).toBe("NXDOMAIN");
  });

  it("gives no task that is suspected; a virtual address stays", () => {
    const suspects = { withdrawn: new Set([taskId("web1"), taskId("rr1")]), deadNodes: new Set([nodeId("n2")]) };
    expect(ask("web", "A", undefined, suspects)).toEqual(["10.1.0.9"]);
    expect(ask("tasks.web", "A", undefined, suspects)).toBe("NODATA");
    expect(ask("rr", "A", undefined, suspects)).toBe("NODATA");
  });
});

describe("SRV", () => {
  it("has the tasks' own addresses and ports, in the network of the name", () => {
    const found = resolveName(
      index,
      { name: "web", type: "SRV" },
      { suspects: NO_SUSPECTS, turn: 0, scope: { networks: [back] } },
    );
    if (found.kind !== "answer") return expect.fail();
    expect(found.answers.map(({ data }) => data)).toEqual(
      ["web1", "web2"].map((id) => ({ priority: 0, weight: 1, port: 80, target: `${id}.web.back.murmur.internal` })),
    );
    expect(found.additionals.map(({ name, data }) => [name, data])).toEqual([
      ["web1.web.back.murmur.internal", "10.2.0.11"],
      ["web2.web.back.murmur.internal", "10.2.0.12"],
    ]);
    const both = resolveName(index, { name: "_80._tcp.rr", type: "SRV" }, { suspects: NO_SUSPECTS, turn: 0 });
    expect(both.kind === "answer" && both.additionals.map(({ data }) => data)).toEqual([
      "10.1.0.21",
      "fd00:1::21",
      "10.1.0.22",
      "fd00:1::22",
    ]);
    expect(ask("_81._tcp.rr.murmur.internal", "SRV")).toBe("NXDOMAIN");
  });
});

describe("a reverse name", () => {
  it.each<[string, unknown]>([
    ["10.1.0.11", ["1.web.default.murmur.internal"]],
    ["10.2.0.12", ["2.web.back.murmur.internal"]],
    ["10.1.0.9", ["web.default.murmur.internal"]],
    ["10.1.0.31", ["idle1.idle.default.murmur.internal"]],
    ["10.2.0.51", ["gone1.gone.back.murmur.internal"]],
    ["10.2.9.9", "NXDOMAIN"],
    ["10.3.0.1", "outside"],
  ])("of %s", (address, answer) => expect(ask(reverse(address), "PTR")).toEqual(answer));

  it("of IPv6, of either case", () => {
    const name = `2.1.0.0.${"0.".repeat(20)}1.0.0.0.0.0.d.f.ip6.arpa`;
    expect(ask(name, "PTR")).toEqual(["2.web.default.murmur.internal"]);
    expect(ask(name.toUpperCase(), "PTR")).toEqual(["2.web.default.murmur.internal"]);
    expect(ask(`f.${name.slice(2)}`, "PTR")).toBe("NXDOMAIN");
    expect(ask(`2.1.0.0.${"0.".repeat(20)}2.0.0.0.0.0.d.f.ip6.arpa`, "PTR")).toBe("outside");
  });

  it("tells nobody of networks that are not theirs", () => {
    expect(ask(reverse("10.1.0.11"), "PTR", [back])).toBe("NODATA");
    expect(ask(reverse("10.2.0.11"), "PTR", [back])).toEqual(["1.web.back.murmur.internal"]);
  });
});

describe("a name of a stack", () => {
  // As `docker stack deploy` makes them: each has its short name as an alias.
  const vip = (last: number) => [{ networkId: front, ...inFront(last) }];
  const stacks = new NameIndex({
    ...table,
    services: [
      service("web", 10, { vips: vip(9), networks: [at(front)] }),
      service("Blog_web", 20, { stack: "Blog", vips: vip(19), networks: [at(front, ["web"])] }),
      service("shop_web", 30, { stack: "shop", vips: vip(29), networks: [at(front, ["web", "shared"])] }),
      service("shop_db", 40, { stack: "shop", vips: vip(39), networks: [at(front, ["shared"])] }),
      service("back_api", 50, { stack: "back", vips: vip(49), networks: [at(front)] }),
      service("odd", 60, { stack: "shop", vips: vip(59), networks: [at(front)] }),
    ],
  });
  const from = (stack: string | undefined, name: string): unknown => {
    const scope = { networks: [front], ...(stack !== undefined && { stack }) };
    return short(resolveName(stacks, { name, type: "A" }, { suspects: NO_SUSPECTS, turn: 0, scope }));
  };

  it.each<[string | undefined, string, unknown]>([
    // For everybody: SHORT.STACK, and what lies below it.
    [undefined, "web.shop", ["10.1.0.29"]],
    [undefined, "WEB.blog.murmur.internal", ["10.1.0.19"]],
    ["blog", "web.shop", ["10.1.0.29"]],
    [undefined, "tasks.db.shop", ["10.1.0.41", "10.1.0.42"]],
    [undefined, "2.db.shop", ["10.1.0.42"]],
    [undefined, "db", "outside"],
    [undefined, "db.blog", "outside"],
    [undefined, "odd.shop", ["10.1.0.59"]],
    // A network goes before a stack of its name, which is still found where the network has no such service.
    [undefined, "api.back", ["10.1.0.49"]],
    // An own stack's names go before others'.
    ["shop", "web", ["10.1.0.29"]],
    ["blog", "web", ["10.1.0.19"]],
    ["back", "web", ["10.1.0.9", "10.1.0.19", "10.1.0.29"]],
    [undefined, "web", ["10.1.0.9", "10.1.0.19", "10.1.0.29"]],
    ["shop", "db", ["10.1.0.39"]],
    ["shop", "tasks.db.murmur.internal", ["10.1.0.41", "10.1.0.42"]],
    ["shop", "1.web", ["10.1.0.31"]],
    ["shop", "web.default", ["10.1.0.29"]],
    ["shop", "shared", ["10.1.0.29", "10.1.0.39"]],
    ["shop", "shop_web", ["10.1.0.29"]],
    ["shop", "Blog_web", ["10.1.0.19"]],
  ])("asked by a container of stack %s: %s", (stack, name, answer) => expect(from(stack, name)).toEqual(answer));
});

it("finds services by a network's name in the one that has it, not in one that is being removed", () => {
  const removing: EndpointTable = {
    version: 8,
    networks: [
      { id: back, name: "back", addressing: addressing(2) },
      { id: front, name: "back", addressing: addressing(1), removing: true },
    ],
    services: [service("web", 10, { networks: [at(back)] }), service("old", 20, { networks: [at(front)] })],
  };
  const names = new NameIndex(removing);
  const found = (name: string): unknown =>
    short(resolveName(names, { name, type: "A" }, { suspects: NO_SUSPECTS, turn: 0 }));
  expect([found("1.web.back"), found("1.old.back")]).toEqual([["10.2.0.11"], "outside"]);
});

describe("guests of a network", () => {
  const hand = (last: number, on: string, names: readonly string[], more: object = inFront(last)) => {
    return { networkId: front, nodeId: nodeId(on), names, ...inFront(last), ...more };
  };
  const guests = [
    hand(130, "n1", ["Hand", "db", "0123456789ab"]),
    hand(140, "n2", ["other", "db", "web", "1.web"]),
    { networkId: back, nodeId: nodeId("n2"), names: ["hind"], ...inBack(140) },
  ];
  const names = new NameIndex(table, { ownAddresses: true, guests });
  const found = (name: string, type = "A", scope: readonly (typeof front)[] = [front], dead: readonly string[] = []) =>
    short(
      resolveName(
        names,
        { name, type },
        { turn: 0, scope: { networks: scope }, suspects: { ...NO_SUSPECTS, deadNodes: new Set(dead.map(nodeId)) } },
      ),
    );

  it.each<[string, string, unknown]>([
    ["hand", "A", ["10.1.0.130"]],
    ["HAND.murmur.internal", "AAAA", ["fd00:1::130"]],
    ["hand.default", "A", ["10.1.0.130"]],
    ["0123456789ab", "A", ["10.1.0.130"]],
    ["db", "A", ["10.1.0.130", "10.1.0.140"]],
    ["db", "AAAA", ["fd00:1::130", "fd00:1::140"]],
    ["db", "SRV", "NODATA"],
    ["db", "ANY", [{ cpu: "RFC8482", os: "" }]],
    // A service has the name first.
    ["web", "A", ["10.1.0.9"]],
    ["1.web", "A", ["10.1.0.140"]],
    ["hind", "A", "outside"],
    [reverse("10.1.0.130"), "PTR", "NXDOMAIN"],
  ])("%s %s", (name, type, answer) => expect(found(name, type)).toEqual(answer));

  it("are found in their network alone, and not on a node that is dead", () => {
    expect([found("hind", "A", [back]), found("hand", "A", [back])]).toEqual([["10.2.0.140"], "outside"]);
    expect([found("db", "A", [front], ["n1"]), found("hand", "A", [front], ["n1"])]).toEqual([
      ["10.1.0.140"],
      "NODATA",
    ]);
  });
});
