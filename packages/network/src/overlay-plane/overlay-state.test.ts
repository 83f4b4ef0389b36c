import { nodeId } from "@murmur/base";
import { NO_SUSPECTS } from "@murmur/discovery";
import {
  networkId,
  serviceId,
  taskId,
  type ClusterFacts,
  type EndpointTable,
  type ServiceEndpoints,
  type TaskId,
} from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plan } from "../overlay/plan/plan.ts";
import { neededNetworks } from "./needed-networks.ts";
import { bridgeOf, overlayState } from "./overlay-state.ts";
import type { AttachedContainer, OverlayView } from "./overlay-view.ts";

const NODES = [1, 2, 3] as const;
const NETWORKS = [1, 2, 3] as const;
const SELF = nodeId("n1");

const inside = (network: number, last: number) => ({
  networkId: networkId(`net${String(network)}`),
  ipv4: `10.${String(network)}.0.${String(last)}`,
});

/** Services of up to three tasks each, somewhere, in some of three networks; some publish a port of their own. */
const anyService = (service: number): fc.Arbitrary<ServiceEndpoints> =>
  fc
    .record({
      networks: fc.subarray([...NETWORKS], { minLength: 1 }),
      isPublished: fc.boolean(),
      tasks: fc.array(fc.record({ node: fc.constantFrom(...NODES), isReady: fc.boolean() }), { maxLength: 3 }),
      port: fc.constantFrom(
        {},
        { localFirst: true },
        { balancing: "source-hash" } as const,
        { balancing: "peak-ewma" } as const,
        { hostIp: "0.0.0.0" },
        { hostIp: "127.0.0.1" },
      ),
    })
    .map(({ networks, isPublished, tasks, port }) => {
      const made = tasks.map(({ node, isReady }, at) => ({
        taskId: taskId(`s${String(service)}t${String(at)}`),
        nodeId: nodeId(`n${String(node)}`),
        addresses: networks.map((network) => inside(network, 20 + service * 3 + at)),
        isReady,
      }));
      return {
        serviceId: serviceId(`s${String(service)}`),
        name: `s${String(service)}`,
        networks: networks.map((network) => ({ networkId: networkId(`net${String(network)}`), aliases: [] })),
        published: isPublished
          ? [{ ...port, protocol: "tcp" as const, targetPort: 8_080, publishedPort: 80 + service }]
          : [],
        vips: networks.map((network) => inside(network, 2 + service)),
        endpoints: made
          .filter(({ isReady }) => isReady)
          .map(({ taskId: id, nodeId: node, addresses: [first] }) => ({
            taskId: id,
            slot: 1,
            nodeId: node,
            address: first?.ipv4 ?? "",
            ports: [],
          })),
        attached: made.map(({ taskId: id, nodeId: node, addresses }) => ({ taskId: id, nodeId: node, addresses })),
      };
    });

const table = (services: readonly ServiceEndpoints[]): EndpointTable => ({
  version: 1,
  networks: NETWORKS.map((network) => ({
    id: networkId(`net${String(network)}`),
    name: `net${String(network)}`,
    addressing: {
      vni: 4_096 + network,
      ipv4: { subnet: `10.${String(network)}.0.0/24`, gateway: `10.${String(network)}.0.1` },
    },
  })),
  services,
});

const FACTS: ClusterFacts = {
  nodes: NODES.map((node) => ({
    id: nodeId(`n${String(node)}`),
    hostname: "",
    address: `172.16.0.${String(node)}:7373`,
    raftRole: "none",
    number: node,
  })),
  gossipKeys: [],
};

const anyView: fc.Arbitrary<OverlayView> = fc
  .record({
    services: fc.tuple(anyService(1), anyService(2), anyService(3)),
    dead: fc.subarray(NODES.map((node) => nodeId(`n${String(node)}`))),
    withdrawn: fc.subarray([taskId("s1t0"), taskId("s2t1"), taskId("s3t2")]),
    isUp: fc.boolean(),
    isUnlisted: fc.boolean(),
  })
  .map(({ services, dead, withdrawn, isUp, isUnlisted }) => {
    const own = services.flatMap(({ attached = [] }) => attached.filter(({ nodeId: node }) => node === SELF));
    const containers: [TaskId, AttachedContainer][] = own.map(({ taskId: id, addresses }) => [
      id,
      { netns: `/run/${id}`, addresses, ports: new Map() },
    ]);
    const unlisted: [TaskId, AttachedContainer] = [
      taskId("unlisted"),
      { netns: "/run/unlisted", addresses: [inside(2, 100)], ports: new Map() },
    ];
    return {
      self: SELF,
      underlay: "172.16.0.1",
      publishAddress: "0.0.0.0",
      table: table(services),
      facts: FACTS,
      suspects: { withdrawn: new Set(withdrawn), deadNodes: new Set(dead) },
      containers: new Map([...(isUp ? containers : []), ...(isUnlisted ? [unlisted] : [])]),
    };
  });

const stateOf = (view: OverlayView) => overlayState(view, neededNetworks(view).networks);

describe("what a node's overlay should be", () => {
  it("can always be rendered", () => {
    fc.assert(fc.property(anyView, (view) => void plan(stateOf(view), { dockerFilters: [4, 6] })));
  });

  it("sends its packets to the cluster's data path port", () => {
    fc.assert(
      fc.property(anyView, fc.option(fc.integer({ min: 1_024, max: 49_151 }), { nil: undefined }), (view, port) => {
        const facts = { ...view.facts, ...(port !== undefined && { dataPathPort: port }) };
        const used = stateOf({ ...view, facts }).networks.map(({ vxlanPort }) => vxlanPort);
        expect(used.filter((each) => each !== (port ?? 4_789))).toEqual([]);
      }),
    );
  });

  it("has the networks of the node's own tasks and of all published ports, and no others", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const { services } = view.table;
        const own = services
          .flatMap(({ attached = [] }) => attached)
          .filter((task) => task.nodeId === SELF)
          .flatMap(({ addresses }) => addresses);
        const wanted = [
          ...[...own, ...[...view.containers.values()].flatMap(({ addresses }) => addresses)].map((at) => at.networkId),
          ...services.flatMap(({ published, networks: [first] }) =>
            published.length > 0 && first !== undefined ? [first.networkId] : [],
          ),
        ];
        const networks = stateOf(view).networks.map(({ id }) => id);
        expect(networks).toEqual([...new Set(wanted)].toSorted());
      }),
    );
  });

  it("sends nothing new to who is suspected, and still knows where they are", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const [suspicious, calm] = [stateOf(view), stateOf({ ...view, suspects: NO_SUSPECTS })];
        expect(suspicious.tasks).toEqual(calm.tasks);
        expect(suspicious.networks).toEqual(calm.networks);
        const nodes = new Map(suspicious.tasks.map(({ id, nodeId: node }) => [id, node]));
        for (const { endpoints } of [...suspicious.services, ...suspicious.ports]) {
          for (const id of endpoints) {
            expect(view.suspects.withdrawn.has(id)).toBe(false);
            expect(view.suspects.deadNodes.has(nodes.get(id) ?? SELF)).toBe(false);
          }
        }
      }),
    );
  });

  it("knows all nodes where clients are let in, else those with tasks", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const state = stateOf(view);
        const published = new Set(state.ports.map(({ networkId: id }) => id));
        for (const { id, nodes } of state.networks) {
          const present = state.tasks
            .filter(({ attachments }) => attachments.some((at) => at.networkId === id))
            .map((task) => task.nodeId);
          const known = nodes.map((node) => node.id);
          expect(known).toEqual(expect.arrayContaining([SELF, ...(published.has(id) ? [] : present)]));
          if (published.has(id)) expect(known).toHaveLength(NODES.length);
        }
      }),
    );
  });

  it("is nothing at all before the node knows its number", () => {
    const facts = { ...FACTS, nodes: FACTS.nodes.filter(({ id }) => id !== SELF) };
    fc.assert(
      fc.property(anyView, (view) => {
        expect(neededNetworks({ ...view, facts }).networks).toEqual([]);
      }),
    );
  });

  it("says which network has no gateway for the node", () => {
    const [first, ...others] = FACTS.nodes;
    const facts = { ...FACTS, nodes: [...(first === undefined ? [] : [{ ...first, number: 64 }]), ...others] };
    const containers = new Map([[taskId("t"), { netns: "/run/t", addresses: [inside(1, 9)], ports: new Map() }]]);
    const view = { self: SELF, underlay: "172.16.0.1", publishAddress: "::", table: table([]), facts, containers };
    expect(neededNetworks({ ...view, suspects: NO_SUSPECTS })).toEqual({
      networks: [],
      problems: ["network net1 is too small to have a gateway for node number 64"],
    });
  });

  it("gives an address that was given to another task to that one", () => {
    const held = { netns: "/run/old", addresses: [inside(1, 23)], ports: new Map() };
    const service: ServiceEndpoints = {
      serviceId: serviceId("s"),
      name: "s",
      networks: [{ networkId: networkId("net1"), aliases: [] }],
      published: [],
      endpoints: [],
      attached: [{ taskId: taskId("new"), nodeId: nodeId("n2"), addresses: [inside(1, 23)] }],
    };
    const containers = new Map([[taskId("old"), held]]);
    const view = { self: SELF, underlay: "172.16.0.1", publishAddress: "::", facts: FACTS, suspects: NO_SUSPECTS };
    const state = stateOf({ ...view, table: table([service]), containers });
    expect(state.tasks.map(({ id, attachments }) => [id, attachments.length])).toEqual([
      ["new", 1],
      ["old", 0],
    ]);
  });

  // Seed 733783124: it went on sending by the rules of a network that had been removed while its node was away.
  it("empties the namespace of a container whose networks are gone, not of one whose network can't be rendered now", () => {
    const gone = { netns: "/run/gone", addresses: [inside(7, 2)], ports: new Map() };
    const waiting = { netns: "/run/waiting", addresses: [inside(1, 2)], ports: new Map() };
    const containers = new Map([
      [taskId("gone"), gone],
      [taskId("waiting"), waiting],
    ]);
    const view = { self: SELF, underlay: "172.16.0.1", publishAddress: "::", facts: FACTS, suspects: NO_SUSPECTS };
    const state = overlayState({ ...view, table: table([]), containers }, []);
    expect(state.tasks).toEqual([{ id: "gone", nodeId: SELF, attachments: [], netns: "/run/gone" }]);
  });
});

it("names bridges so that the kernel takes them", () => {
  expect(bridgeOf(networkId("0123456789abcdefghijklmno"))).toBe("mm0123456789ab");
});
