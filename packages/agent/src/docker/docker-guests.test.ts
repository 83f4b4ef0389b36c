import type Docker from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { describe, expect, it } from "vitest";
import { evict, guestsOf } from "./docker-guests.ts";

const ID = "0123456789abcdef".repeat(4);

/** A container as engines show it; `endpoint` is its own in `murmur.open`. */
const inspection = (endpoint: object): ContainerInspectInfo =>
  ({
    Id: ID,
    Name: "/hand",
    Config: { Hostname: "myhost" },
    NetworkSettings: {
      Networks: {
        "murmur.open": { IPAddress: "10.1.0.130", GlobalIPv6Address: "", Aliases: null, ...endpoint },
        bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "", Aliases: null },
      },
    },
  }) as unknown as ContainerInspectInfo;
const open = new Set(["murmur.open"]);

describe("a container's names in a network", () => {
  it("are its own, its aliases, its short id and its host name, by engines before 25 and since", () => {
    const names = ["hand", "db", "0123456789ab", "myhost"];
    const older = guestsOf(inspection({ Aliases: ["db", "0123456789ab"] }), open);
    expect(older).toEqual([{ network: "murmur.open", names, ipv4: "10.1.0.130" }]);
    const DNSNames = ["hand", "db", "0123456789ab", "myhost"];
    const newer = guestsOf(inspection({ Aliases: ["db"], DNSNames, GlobalIPv6Address: "fd00::5" }), open);
    expect(newer[0]?.names.toSorted()).toEqual(names.toSorted());
    expect(newer[0]?.ipv6).toBe("fd00::5");
    expect(guestsOf(inspection({}), open)[0]?.names).toEqual(["hand", "0123456789ab", "myhost"]);
  });

  it("leave out what nobody could ask for, which others would refuse with all that this node tells", () => {
    const Aliases = ["db", "x".repeat(254), "y".repeat(253)];
    expect(guestsOf(inspection({ Aliases }), open)[0]?.names).toEqual([
      "hand",
      "db",
      "y".repeat(253),
      "0123456789ab",
      "myhost",
    ]);
  });

  it("are none in other networks, and where it has no address", () => {
    expect(guestsOf(inspection({}), new Set(["other"]))).toEqual([]);
    expect(guestsOf(inspection({ IPAddress: "" }), open)).toEqual([]);
  });
});

it("everybody is taken out of a network, or whoever isn't a task's", async () => {
  const out: string[] = [];
  const containers = [
    { Id: "task", Labels: { "murmur.task.id": "t1" } },
    { Id: "hand", Labels: {} },
  ];
  const docker = {
    listContainers: async () => containers,
    getNetwork: () => ({
      disconnect: async ({ Container }: { readonly Container: string }) => void out.push(Container),
    }),
  } as unknown as Docker;
  const { signal } = new AbortController();
  await evict(docker, "open", { signal, guestsOnly: true });
  expect(out.splice(0)).toEqual(["hand"]);
  await evict(docker, "open", { signal });
  expect(out).toEqual(["task", "hand"]);
});
