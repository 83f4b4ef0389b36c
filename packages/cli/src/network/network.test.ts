import { describe, expect, it } from "vitest";
import { aNetwork, aService } from "../testing/objects.ts";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const bridge = aNetwork("bridge", { Id: "b".repeat(64), Scope: "local", Driver: "bridge", Labels: null });
const shop = aNetwork("shop", { EnableIPv6: true, Labels: { team: "a", tier: "b" } });
const ROUTES: Record<string, Route> = {
  "GET /networks": () => ({ json: [shop, aNetwork("db-2"), bridge] }),
  "GET /networks/shop": () => ({ json: shop }),
  "POST /networks/create": () => ({ json: { Id: "new-id", Warning: "" } }),
  "DELETE /networks/shop": () => ({ json: null }),
  "POST /networks/prune": () => ({ json: { NetworksDeleted: ["idle", "old"] } }),
};

async function murmur(line: string, routes: Record<string, Route> = {}): Promise<Ran & { daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ ...ROUTES, ...routes });
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...line.split(" ")])), daemon };
}
const NONE = { EnableIPv6: false, IPAM: { Config: [] }, Internal: false, Attachable: false, Options: {}, Labels: {} };

describe("network create", () => {
  it.each<readonly [string, object]>([
    ["shop", { Driver: "overlay" }],
    [
      "--internal --attachable --ipv6 --label a=b --label c --opt com.docker.network.driver.mtu=1400 -o encrypted shop",
      {
        Driver: "overlay",
        Internal: true,
        Attachable: true,
        EnableIPv6: true,
        Labels: { a: "b", c: "" },
        Options: { "com.docker.network.driver.mtu": "1400", encrypted: "" },
      },
    ],
    [
      "--gateway fd00::1 --subnet 10.9.0.0/24 --ip-range 10.9.0.0/25 --subnet fd00::/64 --gateway 10.9.0.1 shop",
      {
        Driver: "overlay",
        IPAM: {
          Config: [
            { Subnet: "10.9.0.0/24", IPRange: "10.9.0.0/25", Gateway: "10.9.0.1" },
            { Subnet: "fd00::/64", Gateway: "fd00::1" },
          ],
        },
      },
    ],
    [
      "--subnet 10.9.0.0/24 --subnet fd00::/64 --aux-address a=10.9.0.9 --aux-address b=fd00::9 --ipam-opt c=d shop",
      {
        Driver: "overlay",
        IPAM: {
          Config: [
            { Subnet: "10.9.0.0/24", AuxiliaryAddresses: { a: "10.9.0.9" } },
            { Subnet: "fd00::/64", AuxiliaryAddresses: { b: "fd00::9" } },
          ],
          Options: { c: "d" },
        },
      },
    ],
    ["--ipam-driver dhcp shop", { Driver: "overlay", IPAM: { Driver: "dhcp", Config: [] } }],
    ["-d bridge shop", { Driver: "bridge" }],
    [
      "-d macvlan --scope swarm --config-from conf shop",
      { Driver: "macvlan", Scope: "swarm", ConfigFrom: { Network: "conf" } },
    ],
    [
      "--config-only --subnet 10.9.0.0/24 -o parent=eth0 shop",
      { Driver: "", ConfigOnly: true, IPAM: { Config: [{ Subnet: "10.9.0.0/24" }] }, Options: { parent: "eth0" } },
    ],
  ])("%s", async (line, body) => {
    const { stdout, stderr, daemon } = await murmur(`network create ${line}`);
    expect([stdout, stderr]).toEqual(["new-id\n", ""]);
    expect(daemon.asked.at(-1)?.body).toEqual({ Name: "shop", ...NONE, ...body });
  });

  it.each([
    ["--gateway 10.9.0.1 shop", "no matching subnet for gateway 10.9.0.1: give one with --subnet"],
    [
      "--subnet fd00::/64 --ip-range 10.9.0.0/25 shop",
      "no matching subnet for range 10.9.0.0/25: give one with --subnet",
    ],
    ["--aux-address a=10.9.0.9 shop", "no matching subnet for aux-address 10.9.0.9: give one with --subnet"],
    ["--subnet 10.1.0.0/24 --subnet 10.2.0.0/24 shop", "10.2.0.0/24 is a second subnet of IPv4: a network has one"],
  ])("%s is refused", async (line, message) => {
    const { status, stderr, daemon } = await murmur(`network create ${line}`);
    expect([status, stderr, daemon.asked]).toEqual([2, `murmur: ${message}\n`, []]);
  });
});

describe("networks", () => {
  it("are listed as Docker lists them", async () => {
    expect((await murmur("network ls")).stdout.split("\n")).toEqual([
      "NETWORK ID     NAME      DRIVER    SCOPE",
      "bbbbbbbbbbbb   bridge    bridge    local",
      "db-2-idxxxxx   db-2      overlay   swarm",
      "shop-idxxxxx   shop      overlay   swarm",
      "",
    ]);
    expect((await murmur("network list -q --no-trunc")).stdout).toContain(`${shop.Id}\n`);
    const { stdout, daemon } = await murmur("network ls --format json --filter scope=swarm --filter name=s");
    expect(JSON.parse(stdout)).toContainEqual({
      ID: shop.Id,
      Name: "shop",
      Driver: "overlay",
      Scope: "swarm",
      IPv6: "true",
      Internal: "false",
      Labels: "team=a,tier=b",
      CreatedAt: shop.Created,
    });
    expect(daemon.asked[0]?.query.get("filters")).toBe('{"scope":["swarm"],"name":["s"]}');
  });

  it("are inspected, with what is in them on demand", async () => {
    const { stdout, daemon } = await murmur("network inspect shop");
    expect(JSON.parse(stdout)).toEqual([shop]);
    expect(daemon.asked[0]?.query.has("verbose")).toBe(false);
    const verbose = await murmur("network inspect -v shop");
    expect(verbose.daemon.asked[0]?.query.get("verbose")).toBe("true");
    expect((await murmur("network inspect nope")).status).toBe(4);
  });

  it("are removed, and one that isn't there is no error where that was said", async () => {
    expect(await murmur("network rm shop")).toMatchObject({ status: 0, stdout: "shop\n" });
    const message = "network nope not found";
    const routes: Record<string, Route> = {
      "DELETE /networks/nope": () => ({ status: 404, code: "not_found", message }),
    };
    expect(await murmur("network rm nope shop", routes)).toMatchObject({ status: 4, stdout: "shop\n" });
    expect((await murmur("network rm --force nope shop", routes)).status).toBe(0);
    const inUse = { "DELETE /networks/shop": () => ({ status: 400, code: "in_use", message: "in use by web" }) };
    expect(await murmur("network rm --force shop", inUse)).toMatchObject({
      status: 5,
      stderr: "murmur: in use by web\n",
    });
  });

  it("are pruned without a question", async () => {
    const { stdout, daemon } = await murmur("network prune -f --filter until=24h --filter label!=keep=yes");
    expect(stdout).toBe("Deleted Networks:\nidle\nold\n");
    expect(daemon.asked[0]?.query.get("filters")).toBe('{"until":["24h"],"label!":["keep=yes"]}');
    const nothing = await murmur("network prune", {
      "POST /networks/prune": () => ({ json: { NetworksDeleted: null } }),
    });
    expect([nothing.status, nothing.stdout]).toEqual([0, ""]);
  });

  it("are named for people who look at a service", async () => {
    const web = aService("web", {
      Endpoint: { Spec: { Mode: "vip" }, VirtualIPs: [{ NetworkID: shop.Id, Addr: "10.9.0.2/24" }] },
    });
    web.Spec.TaskTemplate.Networks = [{ Target: shop.Id, Aliases: ["www", "web1"] }, { Target: "gone" }];
    const { stdout } = await murmur("service inspect --pretty web", { "GET /services/web": () => ({ json: web }) });
    expect(stdout).toMatch(/Networks:\n shop: +10\.9\.0\.2\/24 \(as www, web1\)\n gone:\nEndpoint Mode: +vip\n/);
  });
});
