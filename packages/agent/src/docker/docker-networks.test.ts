import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { clusterId, taskId, taskName } from "@murmur/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { networkContract, type NetworkFixture } from "../network-contract.ts";
import type { ContainerNetwork, ContainerRequest, EngineNetwork, NodeContext } from "../ports.ts";
import { ADDRESS, closeDocker, docker, IMAGE, openDocker, RUN } from "../testing/docker-fixture.ts";
import { SAMPLE_NODE, sampleTask } from "../testing/sample-task.ts";
import { DockerRuntime } from "./docker-runtime.ts";

const NEVER = { signal: new AbortController().signal };
const NODE: NodeContext = { ...SAMPLE_NODE, clusterId: clusterId(RUN), dataPlane: "overlay" };
/** Somewhere in 10.0.0.0/8, away from what else may run on this machine. */
const SECOND = 128 + randomInt(100);
const THIRD = randomInt(60) * 4;
/** The same in fd00::/16. */
const SITE = `fd00:${(1 + randomInt(0xffff)).toString(16)}`;

beforeAll(openDocker);

afterAll(async () => expect(await closeDocker()).toEqual([]));

const runtime = new DockerRuntime(ADDRESS);
let number = 0;

function open(): NetworkFixture {
  const fixture = (number += 1);
  const made: string[] = [];
  const labels = { "murmur.cluster.id": RUN, fixture: String(fixture) };
  const network = (index: number): EngineNetwork => {
    const start = `10.${String(SECOND)}.${String(THIRD + index)}`;
    const name = `${RUN}.${String(index)}`;
    const bridge = `mm${RUN.slice(-8)}${String(index)}`;
    return {
      name,
      labels,
      bridge,
      ipv4: { subnet: `${start}.0/24`, gateway: `${start}.1`, range: `${start}.128/29` },
      mtu: 1450,
      internal: false,
    };
  };
  return {
    runtime,
    labels,
    network,
    place: ({ name, ipv4 }, host) => {
      const address = ipv4.gateway.replace(/1$/, String(host));
      const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
      return { name, ipv4: address, mac: `02:42:${bytes.join(":")}` };
    },
    request: (attached) => {
      const wish = request(attached);
      made.push(taskName(wish.task));
      return wish;
    },
    pass: async (ms) => setTimeout(ms),
    close: async () => {
      for (const name of made) await runtime.remove(name, NEVER).catch(() => undefined);
      for (const name of await runtime.networks(labels, NEVER)) await runtime.removeNetwork(name, NEVER);
    },
  };
}

function request(attached: readonly ContainerNetwork[]): ContainerRequest {
  const sample = sampleTask((number += 1), {
    container: { image: IMAGE, command: ["/bin/busybox", "sleep", "60"] },
    serviceName: RUN,
    endpointPorts: [],
  });
  const task = { ...sample, id: taskId(`${RUN}-n${String(number)}`) };
  return { task, node: NODE, image: IMAGE, networks: { attached } };
}

networkContract("Docker", () => Promise.resolve(open()));

describe("a container of Docker in networks", () => {
  const using = async (test: (fixture: NetworkFixture) => Promise<void>): Promise<void> => {
    const fixture = open();
    try {
      await test(fixture);
    } finally {
      await fixture.close();
    }
  };
  const inside = (id: string, ...command: readonly string[]): Promise<string> =>
    docker("exec", id, "/bin/busybox", ...command);

  it("has the addresses, MAC addresses and resolver that were given to it", () =>
    using(async ({ network, place, request: wish }) => {
      const first = network(1);
      const second = {
        ...network(2),
        ipv6: { subnet: `${SITE}:0::/64`, gateway: `${SITE}::1`, range: `${SITE}::80/125` },
      };
      // Twice: what the engine says of an IPv6 subnet is found to be the same.
      for (const one of [first, second, first, second]) await runtime.ensureNetwork(one, NEVER);
      const attached = [place(first, 7), { ...place(second, 9), ipv6: `${SITE}::9` }];
      const folder = await mkdtemp(join(tmpdir(), "murmur-agent-test-"));
      const resolvConf = join(folder, "resolv.conf");
      await writeFile(resolvConf, "nameserver 10.9.9.9\n");
      const id = await runtime.create({ ...wish(attached), networks: { attached, resolvConf } }, NEVER);
      await runtime.start(id, NEVER);
      const links = (await inside(id, "ip", "-o", "addr")) + (await inside(id, "ip", "-o", "link"));
      for (const { ipv4, mac } of attached) {
        expect(links).toContain(`inet ${ipv4}/24`);
        expect(links).toContain(`link/ether ${mac}`);
      }
      expect(links).toContain(`inet6 ${SITE}::9/64`);
      expect(links.match(/mtu 1450/g)).toHaveLength(2);
      expect(await inside(id, "cat", "/etc/resolv.conf")).toBe("nameserver 10.9.9.9\n");
      await rm(folder, { recursive: true });
    }));

  it("keeps the addresses of its network from another one, which is told whose they are and what frees them", () =>
    using(async ({ network, place, request: wish }) => {
      const [first, second] = [network(1), network(2)];
      await runtime.ensureNetwork(first, NEVER);
      const other = { ...second, ipv4: { ...first.ipv4, subnet: first.ipv4.subnet.replace("/24", "/25") } };
      const refusal = (): Promise<unknown> => runtime.ensureNetwork(other, NEVER).catch((error: unknown) => error);
      const taken = `addresses of ${other.ipv4.subnet} are taken by the engine's network ${first.name}`;
      expect(await refusal()).toMatchObject({
        code: "failed_precondition",
        message: `${taken}: \`docker network rm ${first.name}\` frees them`,
      });
      const asked = wish([place(first, 7)]);
      const id = await runtime.create(asked, NEVER);
      await runtime.start(id, NEVER);
      const name = taskName(asked.task);
      expect(await refusal()).toMatchObject({
        code: "failed_precondition",
        message: `${taken}, with ${name} in it: stop them, or \`docker network disconnect ${first.name} ${name}\``,
      });
    }));

  it("isn't made when it can't be connected to all of them", () =>
    using(async ({ network, place, request: wish }) => {
      const one = network(1);
      await runtime.ensureNetwork(one, NEVER);
      const asked = wish([place(one, 7), { ...place(one, 8), name: "host" }]);
      await expect(runtime.create(asked, NEVER)).rejects.toThrow(/network/);
      await expect(runtime.inspect(taskName(asked.task), NEVER)).rejects.toMatchObject({ code: "not_found" });
    }));

  it("is taken out by force, and runs on, so that the network can be removed", () =>
    using(async ({ network, place, request: wish }) => {
      const [first, second] = [network(1), network(2)];
      for (const one of [first, second]) await runtime.ensureNetwork(one, NEVER);
      const id = await runtime.create(wish([place(first, 7), place(second, 7)]), NEVER);
      await runtime.start(id, NEVER);
      await runtime.evict(first.name, NEVER);
      await runtime.removeNetwork(first.name, NEVER);
      await runtime.evict(first.name, NEVER);
      expect(await runtime.inspect(id, NEVER)).toMatchObject({ state: "running" });
      const links = await inside(id, "ip", "-o", "-4", "addr");
      expect(links).toContain(place(second, 7).ipv4);
      expect(links).not.toContain(place(first, 7).ipv4);
    }));

  it("is seen to be incomplete when the call that made it has ended halfway", () =>
    using(async ({ network, place, request: wish }) => {
      const [first, second] = [network(1), network(2)];
      for (const one of [first, second]) await runtime.ensureNetwork(one, NEVER);
      const id = await runtime.create(wish([place(first, 7), place(second, 7)]), NEVER);
      await docker("network", "disconnect", second.name, id);
      expect(await runtime.inspect(id, NEVER)).toMatchObject({ state: "created", incomplete: true });
    }));
});

describe("networks of the engine's own", () => {
  it("take their settings from one that is there, are made once, and told from others", async () => {
    const [conf, lan] = [`${RUN}-conf`, `${RUN}.lan.0123456789ab`];
    const own = { name: lan, driver: "bridge", internal: false, configFrom: conf };
    await expect(runtime.ensureLocalNetwork(own, NEVER)).rejects.toMatchObject({ code: "not_found" });
    const subnet = `10.${String(SECOND)}.${String(THIRD + 3)}.0/24`;
    await docker("network", "create", "--config-only", "--subnet", subnet, "--label", `murmur.cluster.id=${RUN}`, conf);
    try {
      await runtime.ensureLocalNetwork(own, NEVER);
      await runtime.ensureLocalNetwork(own, NEVER);
      const plain = { name: `${RUN}.plain.0123456789ab`, driver: "bridge", internal: true };
      await runtime.ensureLocalNetwork(plain, NEVER);
      expect((await runtime.localNetworks(`${RUN}.`, NEVER)).toSorted()).toEqual([lan, plain.name]);
      expect(await docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", lan)).toContain(
        subnet,
      );
      expect(await docker("network", "inspect", "--format", "{{.Internal}}", plain.name)).toBe("true\n");
    } finally {
      for (const name of await runtime.localNetworks(`${RUN}.`, NEVER)) await runtime.removeNetwork(name, NEVER);
      await runtime.removeNetwork(conf, NEVER);
    }
    expect(await runtime.localNetworks(`${RUN}.`, NEVER)).toEqual([]);
  });
});
