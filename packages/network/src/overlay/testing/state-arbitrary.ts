import { nodeId } from "@murmur/base";
import { networkId, serviceId, taskId, type PortProtocol } from "@murmur/model";
import * as fc from "fast-check";
import { macOf } from "../address.ts";
import type { OverlayNetwork, OverlayPort, OverlayService, OverlayState, OverlayTask } from "../state.ts";

const NODES = [1, 2, 3, 4];
const TASKS = [1, 2, 3, 4, 5, 6];
const NETWORKS = [1, 2, 3];
/** Without IPv6. */
const SINGLE = 1;

const inside = (network: number, last: number) => ({
  ipv4: `10.${String(network)}.0.${String(last)}`,
  ...(network !== SINGLE && { ipv6: `FD00:0:${String(network)}:0::${last.toString(16)}` }),
});
const behind = (network: number, first: number) => ({
  ipv4: `10.${String(network)}.0.${String(first)}/29`,
  ...(network !== SINGLE && { ipv6: `fd00:0:${String(network)}::${first.toString(16)}/125` }),
});
const balancing = fc.constantFrom("random", "roundRobin", "sourceHash");
const subset = <T>(items: readonly T[]) => fc.subarray([...items]);

/** States of node 1 over a small world, so that two of them have much in common. Lists come in any order. */
export const anyState: fc.Arbitrary<OverlayState> = subset(NETWORKS).chain((networks) =>
  fc
    .record({
      underlays: fc.tuple(...NODES.map((node) => fc.constantFrom(`172.16.0.${String(node)}`, `fd01::${String(node)}`))),
      networks: fc.tuple(...networks.map(anyNetwork)),
      tasks: subset(TASKS).chain((tasks) => fc.tuple(...tasks.map((task) => anyTask(task, networks)))),
    })
    .chain(({ underlays, networks: made, tasks }) =>
      fc.record({
        nodeId: fc.constant(nodeId("n1")),
        underlay: fc.constant(underlays[0] ?? ""),
        networks: shuffled(made.map((network) => withUnderlays(network, underlays))),
        tasks: shuffled(tasks),
        services: anyServices(networks, tasks),
        ports: anyPorts(networks, tasks),
      }),
    ),
);

const shuffled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...items], { minLength: items.length });

const anyNetwork = (network: number): fc.Arbitrary<OverlayNetwork> =>
  fc
    .record({ others: subset([2, 3, 4]), mtu: fc.constantFrom(1_450, 1_400), internal: fc.boolean() })
    .map(({ others, mtu, internal }) => ({
      id: networkId(`net${String(network)}`),
      name: `net${String(network)}`,
      vni: 4_096 + network,
      vxlanPort: 4_789,
      subnet4: `10.${String(network)}.0.0/24`,
      ...(network !== SINGLE && { subnet6: `fd00:0:${String(network)}::/64` }),
      gateway: inside(network, 1),
      mtu,
      internal,
      bridge: `br-${String(network)}`,
      nodes: [1, ...others].map((node) => ({
        id: nodeId(`n${String(node)}`),
        underlay: String(node),
        gateway: inside(network, 250 + node),
        ...(node % 2 === 0 && { behind: behind(network, 128 + 8 * node) }),
      })),
    }));

const withUnderlays = (network: OverlayNetwork, underlays: readonly string[]): OverlayNetwork => ({
  ...network,
  nodes: network.nodes.map((node) => ({ ...node, underlay: underlays[Number(node.underlay) - 1] ?? "" })),
});

const anyTask = (task: number, networks: readonly number[]): fc.Arbitrary<OverlayTask> =>
  fc
    .record({
      node: fc.constantFrom(...NODES),
      joined: fc.shuffledSubarray([...networks]),
      mac: fc.boolean(),
      isUp: fc.boolean(),
    })
    .map(({ node, joined, mac, isUp }) => ({
      id: taskId(`t${String(task)}`),
      nodeId: nodeId(`n${String(node)}`),
      attachments: joined.map((network) => ({
        networkId: networkId(`net${String(network)}`),
        ...inside(network, 100 + task),
        mac: mac ? macOf(inside(network, 100 + task).ipv4) : `02:00:00:00:0${String(network)}:0${String(task)}`,
        ...(node === 1 && isUp && { port: `veth${String(task)}-${String(network)}` }),
      })),
      ...(node === 1 && isUp && { netns: `/run/t${String(task)}` }),
    }));

const anyServices = (networks: readonly number[], tasks: readonly OverlayTask[]): fc.Arbitrary<OverlayService[]> =>
  subset([1, 2]).chain((services) =>
    fc.tuple(
      ...services.map((service) =>
        fc.record({
          id: fc.constant(serviceId(`s${String(service)}`)),
          vips: subset(networks).map((joined) =>
            joined.map((network) => ({
              networkId: networkId(`net${String(network)}`),
              ...inside(network, 10 + service),
            })),
          ),
          endpoints: subset(tasks).map((some) => some.map(({ id }) => id)),
          balancing,
        }),
      ),
    ),
  );

const PORTS: readonly (Pick<OverlayPort, "protocol" | "port"> & { address?: string })[] = [
  { protocol: "tcp", port: 80 },
  { protocol: "udp", port: 80 },
  { protocol: "sctp", port: 80 },
  { protocol: "tcp", port: 80, address: "172.16.0.1" },
  { protocol: "udp", port: 53, address: "FD01:0::1" },
];

const anyPorts = (networks: readonly number[], tasks: readonly OverlayTask[]): fc.Arbitrary<OverlayPort[]> =>
  networks.length === 0
    ? fc.constant([])
    : subset(PORTS).chain((ports) =>
        fc.tuple(
          ...ports.map((port) =>
            fc.record({
              protocol: fc.constant<PortProtocol>(port.protocol),
              port: fc.constant(port.port),
              ...(port.address !== undefined && { address: fc.constant(port.address) }),
              targetPort: fc.constantFrom(8_080, 9_090),
              networkId: fc.constantFrom(...networks).map((network) => networkId(`net${String(network)}`)),
              endpoints: subset(tasks).map((some) => some.map(({ id }) => id)),
              balancing,
              localFirst: fc.boolean(),
            }),
          ),
        ),
      );
