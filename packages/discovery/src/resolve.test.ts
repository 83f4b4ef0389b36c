import * as fc from "fast-check";
import { nodeId } from "@murmur/base";
import { networkId, serviceId, taskId, type Endpoint, type EndpointTable, type ServiceEndpoints } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { NameIndex } from "./name-index.ts";
import type { Resolution } from "./record.ts";
import { resolveName } from "./resolve.ts";
import { NO_SUSPECTS, type Suspects } from "./suspects.ts";

const endpoint = (id: string, slot: number, node: string, address: string): Endpoint => ({
  taskId: taskId(id),
  slot,
  nodeId: nodeId(node),
  address,
  ports: [
    { protocol: "tcp", targetPort: 80, hostPort: 30_000 + slot },
    { protocol: "udp", targetPort: 53, hostPort: 31_000 + slot },
  ],
});

const service = (name: string, more: Partial<ServiceEndpoints> = {}): ServiceEndpoints => ({
  serviceId: serviceId(name),
  name,
  networks: [{ networkId: networkId("d"), aliases: [] }],
  published: [],
  endpoints: [],
  ...more,
});

const inBack = [{ networkId: networkId("b"), aliases: ["db", "store"] }];
const table: EndpointTable = {
  version: 7,
  networks: [
    { id: networkId("d"), name: "default" },
    { id: networkId("b"), name: "back.end" },
  ],
  services: [
    service("web", {
      named: [{ name: "http", protocol: "tcp", targetPort: 80 }],
      endpoints: [
        endpoint("ta", 1, "n1", "10.0.0.1"),
        endpoint("tb", 2, "n2", "10.0.0.2"),
        endpoint("tc", 3, "n2", "10.0.0.2"),
        endpoint("td", 4, "n3", "fd00::3"),
      ],
    }),
    service("idle"),
    service("default", { endpoints: [endpoint("th", 1, "n1", "10.0.0.6")] }),
    service("a.b", { endpoints: [endpoint("te", 1, "n1", "10.0.0.1")] }),
    service("mysql", { networks: inBack, endpoints: [endpoint("tf", 1, "n1", "10.0.0.4")] }),
    service("both", { endpoints: [endpoint("ti", 1, "n1", "10.0.0.7")] }),
    service("both-back", {
      networks: [{ networkId: networkId("b"), aliases: ["both", "b"] }],
      endpoints: [endpoint("tj", 1, "n1", "10.0.0.8")],
    }),
    service("postgres", { networks: inBack, endpoints: [endpoint("tg", 1, "n1", "10.0.0.5")] }),
  ],
};
const index = new NameIndex(table);

const ask = (name: string, type = "A", suspects: Suspects = NO_SUSPECTS, turn = 0): Resolution =>
  resolveName(index, { name, type }, { suspects, turn });

/** As somebody in these networks does, where each task has an address of its own. */
const named = new NameIndex(table, { ownAddresses: true });
const askIn = (scope: readonly string[], name: string, type = "A", suspects = NO_SUSPECTS): unknown =>
  short(resolveName(named, { name, type }, { suspects, turn: 0, scope: { networks: scope.map(networkId) } }));

/** The answer in short: the data of each record, or the code, or NODATA. */
function short(resolution: Resolution): unknown {
  if (resolution.kind === "outside") return "outside";
  if (resolution.answers.length > 0) return resolution.answers.map(({ data }) => data);
  return resolution.rcode === "NXDOMAIN" ? "NXDOMAIN" : "NODATA";
}

describe("addresses", () => {
  it.each<[string, string, unknown]>([
    ["web.murmur.internal", "A", ["10.0.0.1", "10.0.0.2"]],
    ["web.murmur.internal", "AAAA", ["fd00::3"]],
    ["web.default.murmur.internal", "A", ["10.0.0.1", "10.0.0.2"]],
    ["tasks.web.murmur.internal", "A", ["10.0.0.1", "10.0.0.2"]],
    ["2.web.murmur.internal", "A", ["10.0.0.2"]],
    ["td.web.default.murmur.internal", "AAAA", ["fd00::3"]],
    ["a.b.murmur.internal", "A", ["10.0.0.1"]],
    ["1.a.b.murmur.internal", "A", ["10.0.0.1"]],
    ["mysql.back.end.murmur.internal", "A", ["10.0.0.4"]],
    ["db.back.end.murmur.internal", "A", ["10.0.0.4", "10.0.0.5"]],
    ["mysql.murmur.internal", "A", "NXDOMAIN"],
    ["web.back.end.murmur.internal", "A", "NXDOMAIN"],
    ["9.web.murmur.internal", "A", "NXDOMAIN"],
    ["0.web.murmur.internal", "A", "NXDOMAIN"],
    ["nothing.murmur.internal", "A", "NXDOMAIN"],
    ["idle.murmur.internal", "A", "NODATA"],
    ["default.murmur.internal", "A", ["10.0.0.6"]],
    ["2.web.murmur.internal", "AAAA", "NODATA"],
    ["web.murmur.internal", "TXT", "NODATA"],
    ["_tcp.web.murmur.internal", "A", "NODATA"],
    ["back.end.murmur.internal", "A", "NODATA"],
    ["murmur.internal", "A", "NODATA"],
    ["web.example.com", "A", "outside"],
    ["web", "A", ["10.0.0.1", "10.0.0.2"]],
    ["tasks.web", "AAAA", ["fd00::3"]],
    ["2.web", "A", ["10.0.0.2"]],
    ["db.back.end", "A", ["10.0.0.4", "10.0.0.5"]],
    ["web", "TXT", "NODATA"],
    ["_http._tcp.web", "A", "NODATA"],
    ["9.web", "A", "outside"],
    ["mysql", "A", "outside"],
    ["default", "A", ["10.0.0.6"]],
    ["back.end", "A", "outside"],
    ["1.0.0.10.in-addr.arpa", "PTR", "outside"],
    ["xmurmur.internal", "A", "outside"],
    ["", "A", "outside"],
  ])("%s %s", (name, type, expected) => expect(short(ask(name, type))).toEqual(expected));

  it("keeps the case of the question and ignores it", () => {
    const answer = ask("WeB.Murmur.INTERNAL");
    expect(answer.kind === "answer" && answer.answers.map(({ name }) => name)).toEqual([
      "WeB.Murmur.INTERNAL",
      "WeB.Murmur.INTERNAL",
    ]);
  });

  it("leaves out what gossip reports, at once; the name stays", () => {
    const withdrawn = { ...NO_SUSPECTS, withdrawn: new Set([taskId("ta")]) };
    expect(short(ask("web.murmur.internal", "A", withdrawn))).toEqual(["10.0.0.2"]);
    expect(short(ask("1.web.murmur.internal", "A", withdrawn))).toBe("NODATA");
    const dead = { ...withdrawn, deadNodes: new Set([nodeId("n2")]) };
    expect(short(ask("web.murmur.internal", "A", dead))).toBe("NODATA");
  });

  it("goes round, and shows no more than fit", () => {
    expect(short(ask("web.murmur.internal", "A", NO_SUSPECTS, 1))).toEqual(["10.0.0.2", "10.0.0.1"]);
    const endpoints = Array.from({ length: 200 }, (_, at) => endpoint(`t${at}`, at + 1, "n", `10.1.0.${at}`));
    const big = new NameIndex({ ...table, services: [service("big", { endpoints })] });
    const seen = new Set<string>();
    for (let turn = 0; turn < 200; turn += 1) {
      const answer = resolveName(big, { name: "big.murmur.internal", type: "A" }, { suspects: NO_SUSPECTS, turn });
      const shown = short(answer) as string[];
      expect(shown).toHaveLength(64);
      for (const address of shown) seen.add(address);
    }
    expect(seen.size).toBe(200);
  });
});

describe("whoever asks from within networks", () => {
  it.each<[readonly string[], string, unknown]>([
    [["b"], "mysql", ["10.0.0.4"]],
    [["b"], "mysql.murmur.internal", ["10.0.0.4"]],
    [["b"], "mysql.back.end.murmur.internal", ["10.0.0.4"]],
    [["b"], "web", "outside"],
    [["b"], "web.murmur.internal", "NXDOMAIN"],
    [["b"], "web.default", "outside"],
    [["b"], "web.default.murmur.internal", "NXDOMAIN"],
    [["b"], "back.end.murmur.internal", "NODATA"],
    [["d"], "back.end.murmur.internal", "NXDOMAIN"],
    [["b", "d"], "both", ["10.0.0.8"]],
    [["d", "b"], "both", ["10.0.0.7"]],
    [["d", "b"], "both.back.end", ["10.0.0.8"]],
    [["b", "d"], "web", ["10.0.0.1", "10.0.0.2"]],
    // The service `a.b` goes before what may lie below a service `b` in an earlier network.
    [["b", "d"], "a.b", ["10.0.0.1"]],
    [["gone"], "web", "outside"],
    [[], "web.murmur.internal", "NXDOMAIN"],
  ])("in %j: %s", (scope, name, expected) => expect(askIn(scope, name)).toEqual(expected));

  it("hears the names of tasks' addresses, as long as they may be used", () => {
    expect(askIn(["d"], "2.0.0.10.in-addr.arpa", "PTR")).toEqual([
      "2.web.default.murmur.internal",
      "3.web.default.murmur.internal",
    ]);
    const reverse = `3.${"0.".repeat(27)}0.0.d.f.ip6.arpa`;
    expect(askIn(["d"], reverse, "PTR")).toEqual(["4.web.default.murmur.internal"]);
    expect(askIn(["d"], reverse.toUpperCase(), "PTR")).toEqual(["4.web.default.murmur.internal"]);
    expect(askIn(["d"], reverse, "A")).toBe("NODATA");
    const suspects = { ...NO_SUSPECTS, withdrawn: new Set([taskId("td")]) };
    expect(askIn(["d"], reverse, "PTR", suspects)).toBe("NODATA");
    expect(askIn(["b"], reverse, "PTR")).toBe("NODATA");
    expect(askIn(["d"], "99.0.0.10.in-addr.arpa", "PTR")).toBe("outside");
  });
});

it("says how many turns an answer takes to come again", () => {
  const turnsOf = (name: string, type: string): unknown => {
    const answer = ask(name, type);
    return answer.kind === "answer" && answer.turns;
  };
  expect(turnsOf("web", "A")).toBe(2);
  expect(turnsOf("web", "SRV")).toBe(8);
  expect(turnsOf("web", "TXT")).toBe(1);
  for (let turn = 0; turn < 8; turn += 1) {
    expect(ask("web", "SRV", NO_SUSPECTS, turn + 8)).toEqual(ask("web", "SRV", NO_SUSPECTS, turn));
  }
});

describe("services", () => {
  it("answers host and port by the port's name or its number", () => {
    for (const port of ["_http", "_80", "_HTTP"]) {
      const answer = ask(`${port}._tcp.web.murmur.internal`, "SRV");
      if (answer.kind !== "answer") throw new Error("outside");
      expect(answer.answers).toHaveLength(4);
      expect(answer.answers[0]).toMatchObject({
        type: "SRV",
        data: { priority: 0, weight: 1, port: 30_001, target: "ta.web.default.murmur.internal" },
      });
      expect(answer.additionals[0]).toMatchObject({
        name: "ta.web.default.murmur.internal",
        type: "A",
        data: "10.0.0.1",
      });
    }
  });

  it("names targets that it resolves itself", () => {
    const answer = ask("_53._udp.web.murmur.internal", "SRV");
    for (const additional of answer.kind === "answer" ? answer.additionals : []) {
      expect(short(ask(additional.name, additional.type))).toEqual([additional.data]);
    }
  });

  it.each<[string, string, unknown]>([
    ["_http._udp.web.murmur.internal", "SRV", "NXDOMAIN"],
    ["_81._tcp.web.murmur.internal", "SRV", "NXDOMAIN"],
    ["_http._tcp.nothing.murmur.internal", "SRV", "NXDOMAIN"],
    ["_http._tcp.web.murmur.internal", "A", "NODATA"],
    ["idle.murmur.internal", "SRV", "NODATA"],
  ])("%s %s", (name, type, expected) => expect(short(ask(name, type))).toEqual(expected));

  it("lists every port for the plain name", () => {
    const answer = ask("tasks.web.murmur.internal", "SRV");
    expect(answer.kind === "answer" && answer.answers).toHaveLength(8);
  });
});

describe("the rest of the protocol", () => {
  it("answers ANY with one HINFO (RFC 8482), where the name exists", () => {
    expect(short(ask("web.murmur.internal", "ANY"))).toEqual([{ cpu: "RFC8482", os: "" }]);
    expect(short(ask("_http._tcp.web.murmur.internal", "ANY"))).toEqual([{ cpu: "RFC8482", os: "" }]);
    expect(short(ask("9.web.murmur.internal", "ANY"))).toBe("NXDOMAIN");
    expect(short(ask("nothing.murmur.internal", "ANY"))).toBe("NXDOMAIN");
  });

  it("gives every negative answer the SOA, with a short time to live", () => {
    for (const name of ["nothing.murmur.internal", "idle.murmur.internal", "9.web.murmur.internal"]) {
      const answer = ask(name);
      if (answer.kind !== "answer") throw new Error("outside");
      expect(answer.authorities).toMatchObject([
        { type: "SOA", name: "murmur.internal", ttl: 1, data: { serial: 7, minimum: 1 } },
      ]);
    }
    expect(ask("murmur.internal", "SOA")).toMatchObject({ answers: [{ type: "SOA" }] });
  });

  it("answers any question, with names that are the question's own", () => {
    const label = fc.oneof(
      fc.constantFrom(
        "web",
        "tasks",
        "1",
        "_http",
        "_tcp",
        "default",
        "back",
        "end",
        "a",
        "b",
        "murmur",
        "internal",
        "",
      ),
      fc.string({ maxLength: 4 }),
    );
    const name = fc.array(label, { maxLength: 7 }).map((labels) => `${labels.join(".")}.murmur.internal`);
    fc.assert(
      fc.property(name, fc.constantFrom("A", "AAAA", "SRV", "ANY", "SOA", "TXT", "TYPE65"), (name, type) => {
        const answer = ask(name, type);
        if (answer.kind !== "answer") throw new Error("outside");
        expect(answer.answers.every((record) => record.name === name)).toBe(true);
        expect(answer.authorities).toHaveLength(answer.answers.length === 0 ? 1 : 0);
        if (answer.rcode === "NXDOMAIN") expect(answer.answers).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
