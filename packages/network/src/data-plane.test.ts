import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { ManualClock } from "@murmur/base";
import type { PortConfig } from "@murmur/model";
import { openDataPlane, type DataPlane, type DataPlaneOptions } from "./data-plane.ts";
import {
  endpoint,
  exchange,
  freePort,
  namedTask,
  ports,
  received,
  service,
  table,
  tcpTask,
  udpTask,
  until,
  withOptions,
} from "./fixture.ts";

let plane: DataPlane;
afterEach(() => plane[Symbol.asyncDispose]());

async function open(options: Partial<DataPlaneOptions> = {}): Promise<void> {
  plane = await openDataPlane({
    publishAddress: "127.0.0.1",
    dnsAddress: undefined,
    upstreams: [],
    ...ports(),
    ...options,
  });
}
const published = (publishedPort: number, rest: Partial<PortConfig> = {}): PortConfig => ({
  protocol: "tcp",
  targetPort: 80,
  publishedPort,
  mode: "ingress",
  ...rest,
});

it("listens on the published ports and answers names, from one table", async () => {
  await using task = await namedTask("hello");
  const port = await freePort();
  await open({ dnsAddress: "127.0.0.1:0" });
  plane.update(table(service("web", port, [endpoint({ task: "t1", hostPort: task.port })])));
  await until(() => plane.listeners().every(({ state }) => state === "listening"));
  expect(plane.listeners().map(({ protocol }) => protocol)).toEqual(["tcp", "dns"]);
  expect(await exchange(port)).toBe("hello");
  plane.update(table());
  expect(plane.listeners().map(({ protocol }) => protocol)).toEqual(["dns"]);
  expect(plane.stats()).toMatchObject({ proxies: { connectionsTotal: 1 }, dns: { queries: 0 } });
});

it("opens although the DNS server's address is in use", async () => {
  await using blocker = await udpTask(() => undefined);
  await open({ dnsAddress: `127.0.0.1:${String(blocker.port)}` });
  await until(() => plane.listeners()[0]?.state === "failed");
  expect(plane.listeners()).toMatchObject([{ protocol: "dns", port: blocker.port, state: "failed" }]);
});

it("says which ports are not open, and opens at once those that can be, when it is told to mend", async () => {
  const [blocked, free] = [await udpTask(() => undefined, await freePort()), await freePort()];
  await using tcp = await tcpTask(() => {});
  const clock = new ManualClock();
  await open({ dnsAddress: `127.0.0.1:${String(blocked.port)}`, clock });
  plane.update(table(service("web", tcp.port, []), service("api", free, [])));
  await until(() => plane.listeners().every(({ state }) => state !== "opening"));
  const [port, dns] = [`port ${String(tcp.port)}/tcp`, `port ${String(blocked.port)}/dns`];
  const found = await plane.check();
  expect(found.map(({ where }) => where)).toEqual([port, dns]);
  expect(found[0]?.what).toContain(String(tcp.port));
  expect(await plane.repair()).toMatchObject([
    { where: port, mended: false },
    { where: dns, mended: false },
  ]);
  await blocked[Symbol.asyncDispose]();
  expect(await plane.repair()).toMatchObject([
    { where: port, mended: false },
    { where: dns, mended: true },
  ]);
  expect((await plane.check()).map(({ where }) => where)).toEqual([port]);
});

it.each(["localhost:53", "53", "127.0.0.1"])("refuses %s as the DNS server's address", async (dnsAddress) => {
  await expect(
    openDataPlane({ publishAddress: "127.0.0.1", dnsAddress, upstreams: [], ...ports() }),
  ).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await open();
});

it("says which ports other programs have, but not of those that it listens on itself", async () => {
  await using tcp = await tcpTask(() => {});
  await using udp = await udpTask(() => undefined);
  const [own, free] = [await freePort(), await freePort()];
  await open();
  plane.update(table(service("web", own, [])));
  await until(() => plane.listeners().every(({ state }) => state === "listening"));
  const asked = [
    published(own),
    published(free),
    published(tcp.port),
    published(tcp.port, { mode: "host" }),
    published(udp.port, { protocol: "udp" }),
    published(9, { protocol: "sctp" }),
  ];
  expect(await plane.portsInUse(asked)).toEqual([
    `port ${String(tcp.port)}/tcp is in use by another program`,
    `port ${String(udp.port)}/udp is in use by another program`,
  ]);
});

it("finds nothing wrong with a port on an address that the node doesn't have", async () => {
  const port = await freePort();
  await open({ publishAddress: "0.0.0.0" });
  plane.update(table(withOptions(service("web", port, []), { hostIp: "192.0.2.77" })));
  await until(() => plane.listeners().every(({ state }) => state === "elsewhere"));
  expect(await plane.check()).toEqual([]);
  expect(await plane.repair()).toEqual([]);
  expect(await plane.portsInUse([published(port, { hostIp: "192.0.2.77" })])).toEqual([]);
});

it("names the address of a port that another program has there", async () => {
  await using other = await tcpTask(() => {});
  await open({ publishAddress: "0.0.0.0" });
  const bound = { hostIp: "127.0.0.1" };
  const problem = `port 127.0.0.1:${String(other.port)}/tcp is in use by another program`;
  expect(await plane.portsInUse([published(other.port, bound)])).toEqual([problem]);
  expect(await plane.portsInUse([published(other.port, { hostIp: "127.0.0.2" })])).toEqual([]);
  plane.update(table(withOptions(service("web", other.port, []), bound)));
  await until(() => plane.listeners().every(({ state }) => state === "failed"));
  expect(await plane.check()).toEqual([{ where: `port 127.0.0.1:${String(other.port)}/tcp`, what: problem }]);
});

it.each(["0.0.0.0", "::"])("listens on every address of both families for %s", async (publishAddress) => {
  await using task = await namedTask("hello");
  const port = await freePort();
  await open({ publishAddress });
  plane.update(table(service("web", port, [endpoint({ task: "t1", hostPort: task.port })])));
  await until(() => plane.listeners().every(({ state }) => state === "listening"));
  for (const host of ["127.0.0.1", "::1"]) {
    expect((await received(connect({ host, port }))).toString()).toBe("hello");
  }
});

it("opens nothing any more once it is closed", async () => {
  const port = await freePort();
  await open();
  await plane[Symbol.asyncDispose]();
  plane.update(table(service("web", port, [])));
  expect(plane.listeners()).toEqual([]);
});

it("says that SCTP can't be published so", async () => {
  await open();
  plane.update(table(service("signal", 2_905, [], "sctp")));
  expect(plane.listeners()).toMatchObject([{ protocol: "sctp", port: 2_905, state: "failed" }]);
});
