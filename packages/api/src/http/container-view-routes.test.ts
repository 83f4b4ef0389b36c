import { beforeEach, describe, expect, it } from "vitest";
import { Asker } from "../testing/asker.ts";
import { MemoryCluster } from "../testing/memory-cluster.ts";

const SIDE = "a".repeat(64);
const OTHER = "b".repeat(64);
let asker: Asker;
let id: string;
beforeEach(async () => {
  asker = new Asker();
  asker.ports.replica = new MemoryCluster({ dataPlane: "overlay" });
  const wish = { Name: "back.end", Driver: "overlay", Attachable: true };
  id = (await asker.ask<{ Id: string }>("/networks/create", "POST", wish)).body.Id;
  asker.engine.networks.push({ label: "io.murmur.network", Id: SIDE, Labels: { "io.murmur.network": id } });
});

/** As the engine has it, and as the cluster does. */
const container = (network: string, networkId: string) => ({
  Id: "c",
  HostConfig: { NetworkMode: network },
  NetworkSettings: {
    Networks: { [network]: { NetworkID: networkId, IPAddress: "10.9.0.9" }, mine: { NetworkID: OTHER } },
  },
});
const side = (): string => `murmur.back.end.${id.slice(0, 12)}`;

describe("a container in a network of the cluster", () => {
  it("is shown with its name and id there", async () => {
    asker.engine.answers.set("/v1.41/containers/c/json", container(side(), SIDE));
    expect((await asker.ask("/v1.41/containers/c/json?size=1")).body).toEqual(container("back.end", id));
    expect(asker.engine.sent.at(-1)?.path).toBe("/v1.41/containers/c/json?size=1");
  });

  it("is listed with them, and by them", async () => {
    asker.engine.answers.set("/v1.41/containers/json", [container(side(), SIDE)]);
    const asked = async (filters: object) => {
      const { body } = await asker.ask(`/v1.41/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}`);
      expect(body).toEqual([container("back.end", id)]);
      return JSON.parse(new URL(asker.engine.sent.at(-1)?.path ?? "", "http://x").searchParams.get("filters") ?? "");
    };
    expect(await asked({ network: ["back.end"], name: ["c"] })).toEqual({ network: [side()], name: ["c"] });
    expect(await asked({ network: { [id]: true, bridge: true } })).toEqual({ network: [side(), "bridge"] });
    expect(await asked({ network: ["bridge"] })).toEqual({ network: ["bridge"] });
    expect(await asked({ network: ["back.end"], "is-task": ["false"] })).toEqual({ network: [side()] });
  });

  it("is refused in the cluster's words when it is connected again", async () => {
    asker.engine.networks.push({ label: `io.murmur.network=${id}`, Name: side() });
    const refused = (message: string) => {
      asker.engine.refusal = { status: 403, message };
      return asker.ask("/networks/back.end/connect", "POST", { Container: "c" });
    };
    expect(await refused(`endpoint with name web already exists in network ${side()}`)).toMatchObject({
      status: 403,
      body: { message: "web is already attached to network back.end" },
    });
    expect((await refused(`network ${side()} has no room, says ${side()}.`)).body.message).toBe(
      "network back.end has no room, says back.end.",
    );
  });
});

describe("every other container", () => {
  it("is shown as the engine shows it, outside of a cluster always", async () => {
    const odd = '{ "Id" : "c", "Memory": 9223372036854775807, "Env":["a=murmur.x.0123456789ab"] }';
    asker.engine.texts.set("/v1.41/containers/c/json", odd);
    const response = await asker.api.fetch(new Request("http://x/v1.41/containers/c/json"));
    expect(await response.text()).toBe(odd);
    expect(asker.api.owns("GET", "/v1.41/containers/c/json")).toBe(true);
    for (const path of ["/containers/c/logs", "/containers/c/json/x"]) expect(asker.api.owns("GET", path)).toBe(false);
    asker.ports.leave();
    expect(asker.api.owns("GET", "/v1.41/containers/c/json")).toBe(false);
    expect(asker.api.owns("GET", "/v1.41/containers/json")).toBe(false);
  });
});
