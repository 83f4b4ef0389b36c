import { describe, expect, it } from "vitest";
import { HOST, type KernelState } from "../kernel-object.ts";
import { plan } from "../plan/plan.ts";
import type { OverlayState } from "../state.ts";
import { FIXED_STATE, NETNS } from "../testing/fixed-state.ts";
import { difference } from "./difference.ts";
import { CONTAINER_TABLE, HOST_TABLE } from "./nft-table.ts";
import { render } from "./render.ts";

const FACTS = { dockerFilters: [4] } as const;
const PLANNED = plan(FIXED_STATE, FACTS);
const withEndpoints = (endpoints: readonly string[], tasks = FIXED_STATE.tasks): OverlayState => {
  const some = FIXED_STATE.tasks.flatMap(({ id }) => (endpoints.includes(id) ? [id] : []));
  return {
    ...FIXED_STATE,
    tasks,
    services: FIXED_STATE.services.map((service) => ({ ...service, endpoints: some })),
    ports: FIXED_STATE.ports.map((port) => ({ ...port, endpoints: some })),
  };
};

/** A batch as `PLACE TOOL` and its lines, phase by phase. */
const read = (from: KernelState, to: KernelState) =>
  render(from, to).map((phase) =>
    phase.flatMap(({ place, steps }) => steps.map(({ tool, lines }) => [`${place} ${tool}`, ...lines])),
  );

describe("the lines of a small state", () => {
  it("makes the segment first, and then whoever is sent there", () => {
    expect(read(new Map(), PLANNED)).toEqual([
      [
        [
          "host ip",
          "link set dev br-net address 02:42:0a:09:00:fb",
          "link add name murmur-4097 mtu 1450 type vxlan id 4097 local 172.16.0.1 dstport 4789 nolearning proxy",
          "link set dev murmur-4097 master br-net",
          "link set dev murmur-4097 type bridge_slave learning off flood off",
          "link set dev murmur-4097 up",
          "address replace 10.9.0.251/32 dev br-net",
          "link set dev veth1 type bridge_slave hairpin on",
        ],
        ["host sysctl", "net/ipv6/conf/murmur-4097/disable_ipv6 0"],
        [
          "host ip",
          "neighbour replace 10.9.0.12 lladdr 02:42:0a:09:00:0c dev murmur-4097 nud permanent",
          "neighbour replace 10.9.0.252 lladdr 02:42:0a:09:00:fc dev murmur-4097 nud permanent",
          "neighbour replace fd09::12 lladdr 02:42:0a:09:00:0c dev murmur-4097 nud permanent",
        ],
        [
          "host bridge",
          "fdb replace 02:42:0a:09:00:0c dev murmur-4097 self dst 172.16.0.2 static",
          "fdb replace 02:42:0a:09:00:fc dev murmur-4097 self dst 172.16.0.2 static",
          "fdb replace 02:42:0a:09:00:0c dev murmur-4097 master static",
          "fdb replace 02:42:0a:09:00:fc dev murmur-4097 master static",
        ],
      ],
      [
        [
          "host iptables",
          "*filter",
          "-I DOCKER-USER -o br-net -m conntrack --ctstate DNAT -m comment --comment murmur -j ACCEPT",
          "-I DOCKER-USER -i br-net -m conntrack --ctstate DNAT -m comment --comment murmur -j ACCEPT",
          "COMMIT",
        ],
        [
          "host nft",
          "add table inet murmur",
          "delete table inet murmur",
          ...HOST_TABLE,
          "add chain inet murmur any4_17_53",
          "flush chain inet murmur any4_17_53",
          "add rule inet murmur any4_17_53 meta l4proto udp dnat ip to numgen random mod 1 map { 0 : 10.9.0.12 } : 5353",
          "add chain inet murmur any6_17_53",
          "flush chain inet murmur any6_17_53",
          "add rule inet murmur any6_17_53 meta l4proto udp dnat ip6 to numgen random mod 1 map { 0 : fd09::12 } : 5353",
          "add element inet murmur any4 { 17 . 53 : goto any4_17_53 }",
          "add element inet murmur any6 { 17 . 53 : goto any6_17_53 }",
          "add element inet murmur live4 { 10.9.0.11, 10.9.0.12 }",
          "add element inet murmur live6 { fd09::11, fd09::12 }",
          "add element inet murmur nets4 { 10.9.0.0/24 }",
          "add element inet murmur nets6 { fd09::/64 }",
          "add element inet murmur self4 { 10.9.0.11 . 10.9.0.11 }",
          "add element inet murmur self6 { fd09::11 . fd09::11 }",
        ],
        [
          `${NETNS} ip`,
          "route replace default via 10.9.0.251 table 168362235",
          "route replace default via 10.9.0.252 table 168362236",
          "rule add fwmark 168362235 table 168362235 preference 10042",
          "rule add fwmark 168362236 table 168362236 preference 10042",
        ],
        [
          `${NETNS} nft`,
          "add table inet murmur",
          "delete table inet murmur",
          ...CONTAINER_TABLE,
          "add chain inet murmur vip4_10.9.0.2",
          "flush chain inet murmur vip4_10.9.0.2",
          "add rule inet murmur vip4_10.9.0.2 dnat ip to numgen inc mod 2 map { 0 : 10.9.0.12, 1 : 10.9.0.11 }",
          "add chain inet murmur vip6_fd09__2",
          "flush chain inet murmur vip6_fd09__2",
          "add rule inet murmur vip6_fd09__2 dnat ip6 to numgen inc mod 2 map { 0 : fd09::12, 1 : fd09::11 }",
          "add element inet murmur entry { 02:42:0a:09:00:fb : 168362235, 02:42:0a:09:00:fc : 168362236 }",
          "add element inet murmur live4 { 10.9.0.11, 10.9.0.12 }",
          "add element inet murmur live6 { fd09::11, fd09::12 }",
          "add element inet murmur nets4 { 10.9.0.0/24 }",
          "add element inet murmur nets6 { fd09::/64 }",
          "add element inet murmur vip4 { 10.9.0.2 : goto vip4_10.9.0.2 }",
          "add element inet murmur vip6 { fd09::2 : goto vip6_fd09__2 }",
        ],
      ],
      [["host conntrack", "-D -p udp --dport 53", "-D -p udp -f ipv6 --dport 53"]],
    ]);
  });

  it("withdraws a task by its rules alone, and forgets its UDP flows and no others", () => {
    expect(read(PLANNED, plan(withEndpoints(["near"]), FACTS))).toEqual([
      [
        [
          "host nft",
          "add chain inet murmur any4_17_53",
          "flush chain inet murmur any4_17_53",
          "add rule inet murmur any4_17_53 meta l4proto udp dnat ip to numgen random mod 1 map { 0 : 10.9.0.11 } : 5353",
          "add chain inet murmur any6_17_53",
          "flush chain inet murmur any6_17_53",
          "add rule inet murmur any6_17_53 meta l4proto udp dnat ip6 to numgen random mod 1 map { 0 : fd09::11 } : 5353",
        ],
        [
          `${NETNS} nft`,
          "add chain inet murmur vip4_10.9.0.2",
          "flush chain inet murmur vip4_10.9.0.2",
          "add rule inet murmur vip4_10.9.0.2 dnat ip to numgen inc mod 1 map { 0 : 10.9.0.11 }",
          "add chain inet murmur vip6_fd09__2",
          "flush chain inet murmur vip6_fd09__2",
          "add rule inet murmur vip6_fd09__2 dnat ip6 to numgen inc mod 1 map { 0 : fd09::11 }",
        ],
      ],
      [
        ["host conntrack", "-D -p udp --dport 53 -r 10.9.0.12", "-D -p udp -f ipv6 --dport 53 -r fd09::12"],
        [`${NETNS} conntrack`, "-D -p udp -d 10.9.0.2 -r 10.9.0.12", "-D -p udp -f ipv6 -d fd09::2 -r fd09::12"],
      ],
    ]);
  });

  it("refuses what is sent to a task that is gone, everywhere, and then takes out its entries", () => {
    const withdrawn = plan(withEndpoints([]), FACTS);
    const tasks = FIXED_STATE.tasks.filter(({ id }) => id === "near");
    expect(read(withdrawn, plan(withEndpoints([], tasks), FACTS))).toEqual([
      [
        ["host nft", "delete element inet murmur live4 { 10.9.0.12 }", "delete element inet murmur live6 { fd09::12 }"],
        [
          `${NETNS} nft`,
          "delete element inet murmur live4 { 10.9.0.12 }",
          "delete element inet murmur live6 { fd09::12 }",
        ],
      ],
      [
        [
          "host bridge",
          "fdb delete 02:42:0a:09:00:0c dev murmur-4097 self dst 172.16.0.2",
          "fdb delete 02:42:0a:09:00:0c dev murmur-4097 master",
        ],
        ["host ip", "neighbour delete 10.9.0.12 dev murmur-4097", "neighbour delete fd09::12 dev murmur-4097"],
      ],
    ]);
  });
});

describe("difference", () => {
  it("says in words what is missing, what is different and what should not be there", () => {
    const host = new Map(PLANNED.get(HOST));
    host.delete("neighbour murmur-4097 10.9.0.12");
    host.set("forward murmur-4097 02:42:0a:09:00:fc", {
      kind: "forward",
      device: "murmur-4097",
      mac: "02:42:0a:09:00:fc",
      underlay: "172.16.0.9",
    });
    host.set("rule 4 7", { kind: "rule", family: 4, mark: 7 });
    expect(difference(PLANNED, new Map([[HOST, host]])).map(({ place, kind, text }) => [place, kind, text])).toEqual([
      [
        "host",
        "different",
        "the forwarding entry of 02:42:0a:09:00:fc on murmur-4097 to 172.16.0.9 is there in place of the forwarding entry of 02:42:0a:09:00:fc on murmur-4097 to 172.16.0.2",
      ],
      ["host", "missing", "the neighbour entry of 10.9.0.12 (02:42:0a:09:00:0c) on murmur-4097 is missing"],
      ["host", "unexpected", "the IPv4 routing rule of mark 7 should not be there"],
      [NETNS, "missing", `container ${NETNS}: its network namespace can't be entered`],
    ]);
  });
});
