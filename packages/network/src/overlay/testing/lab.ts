import { nodeId } from "@murmur/base";
import { networkId, serviceId, taskId } from "@murmur/model";
import { bridgeOf } from "../../overlay-plane/overlay-state.ts";
import { macOf } from "../address.ts";
import { systemCommands } from "../kernel/commands.ts";
import { Overlay } from "../kernel/overlay.ts";
import type { OverlayPort, OverlayService, OverlayState } from "../state.ts";
import { Namespace } from "./namespace.ts";

export const NETWORK = networkId("blue");
export const BRIDGE = bridgeOf(NETWORK);

/** A host of the lab, with an overlay of its own. */
export interface Host {
  readonly namespace: Namespace;
  readonly overlay: Overlay;
  /** 1, 2, 3: the last part of its addresses. */
  readonly number: number;
}

export interface Container {
  readonly namespace: Namespace;
  readonly host: Host;
  /** The last part of its addresses in the segment. */
  readonly number: number;
}

export const underlayOf = ({ number }: { readonly number: number }, family: 4 | 6 = 4): string =>
  family === 4 ? `192.168.7.${String(number)}` : `fd07::${String(number)}`;
export const insideOf = (number: number) => ({
  ipv4: `10.9.0.${String(number)}`,
  ipv6: `fd09::${number.toString(16)}`,
});

/** What the tests vary of a state. */
export interface Wish {
  readonly tasks: readonly Container[];
  readonly services?: readonly (Pick<OverlayService, "balancing"> & { vip: number; endpoints: readonly Container[] })[];
  readonly ports?: readonly (Omit<OverlayPort, "networkId" | "endpoints"> & { endpoints: readonly Container[] })[];
}

/**
 * Three hosts and a client on one network, as namespaces: the hosts filter what they forward just as Docker's do, and their
 * containers hang on a bridge as Docker makes it.
 */
export class Lab implements AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly client: Namespace;
  readonly #wire: Namespace;
  readonly #containers: Container[] = [];

  private constructor(wire: Namespace, client: Namespace, hosts: readonly Host[]) {
    this.#wire = wire;
    this.client = client;
    this.hosts = hosts;
  }

  static async open(): Promise<Lab> {
    const wire = await Namespace.open("wire");
    await wire.ip("link add wire0 type bridge", "link set wire0 up");
    const client = await Namespace.open("client");
    await plug(wire, client, 9);
    const hosts = await Promise.all([1, 2, 3].map((number) => openHost(wire, number)));
    return new Lab(wire, client, hosts);
  }

  host(number: number): Host {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error("the lab has three hosts");
    return host;
  }

  async container(hostNumber: number, number: number): Promise<Container> {
    const host = this.host(hostNumber);
    const namespace = await Namespace.open(`task${String(number)}`);
    const { ipv4, ipv6 } = insideOf(number);
    const port = namespace.name;
    await host.namespace.ip(
      `link add ${port} type veth peer name eth0 netns ${String(namespace.pid)}`,
      `link set ${port} master ${BRIDGE} up`,
    );
    await namespace.ip(
      `link set eth0 address ${macOf(ipv4)} up`,
      `address add ${ipv4}/24 dev eth0`,
      `address add ${ipv6}/64 dev eth0 nodad`,
      "route add default via 10.9.0.1",
      "route add default via fd09::1",
    );
    await Promise.all([namespace.up("eth0"), host.namespace.up(BRIDGE)]);
    const container = { namespace, host, number };
    this.#containers.push(container);
    return container;
  }

  /** Tells every host the same; each has its own part in it. */
  async render(wish: Wish): Promise<void> {
    await Promise.all(
      this.hosts.map(async (host) => {
        const { problems } = await host.overlay.render(this.state(host, wish));
        if (problems.length > 0) throw new Error(problems.join("\n"));
      }),
    );
  }

  state(host: Host, { tasks, services = [], ports = [] }: Wish): OverlayState {
    const idOf = ({ number }: Container) => taskId(`task${String(number)}`);
    return {
      nodeId: nodeId(`host${String(host.number)}`),
      underlay: underlayOf(host),
      networks: [
        {
          id: NETWORK,
          name: "blue",
          vni: 4_097,
          vxlanPort: 4_789,
          subnet4: "10.9.0.0/24",
          subnet6: "fd09::/64",
          gateway: insideOf(1),
          mtu: 1_450,
          bridge: BRIDGE,
          nodes: this.hosts.map((node) => ({
            id: nodeId(`host${String(node.number)}`),
            underlay: underlayOf(node),
            gateway: insideOf(250 + node.number),
          })),
        },
      ],
      tasks: tasks.map((task) => ({
        id: idOf(task),
        nodeId: nodeId(`host${String(task.host.number)}`),
        attachments: [
          {
            networkId: NETWORK,
            ...insideOf(task.number),
            mac: macOf(insideOf(task.number).ipv4),
            ...(task.host === host && { port: task.namespace.name }),
          },
        ],
        ...(task.host === host && { netns: task.namespace.path }),
      })),
      services: services.map(({ vip, endpoints, balancing }) => ({
        id: serviceId(`service${String(vip)}`),
        vips: [{ networkId: NETWORK, ...insideOf(vip) }],
        endpoints: endpoints.map(idOf),
        balancing,
      })),
      ports: ports.map((port) => ({ ...port, networkId: NETWORK, endpoints: port.endpoints.map(idOf) })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { overlay } of this.hosts) await overlay[Symbol.asyncDispose]();
    const namespaces = [...this.#containers, ...this.hosts].map(({ namespace }) => namespace);
    await Promise.all([...namespaces, this.client, this.#wire].map((namespace) => namespace[Symbol.asyncDispose]()));
  }
}

async function plug(wire: Namespace, namespace: Namespace, number: number): Promise<void> {
  await wire.ip(
    `link add ${namespace.name} type veth peer name eth0 netns ${String(namespace.pid)}`,
    `link set ${namespace.name} master wire0 up`,
  );
  await namespace.ip(
    "link set eth0 up",
    `address add ${underlayOf({ number })}/24 dev eth0`,
    `address add ${underlayOf({ number }, 6)}/64 dev eth0 nodad`,
  );
  await namespace.up("eth0");
}

async function openHost(wire: Namespace, number: number): Promise<Host> {
  const namespace = await Namespace.open(`host${String(number)}`);
  await plug(wire, namespace, number);
  for (const setting of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    await namespace.feed(`dd of=/proc/sys/net/${setting} status=none`, "1\n");
  }
  await namespace.ip(
    `link add ${BRIDGE} type bridge`,
    `address add 10.9.0.1/24 dev ${BRIDGE}`,
    `address add fd09::1/64 dev ${BRIDGE} nodad`,
    `link set ${BRIDGE} up`,
  );
  for (const tool of ["iptables-restore", "ip6tables-restore"]) await namespace.feed(tool, DOCKER_RULES);
  const overlay = await Overlay.open({ commands: systemCommands, hostNetns: namespace.path });
  return { namespace, overlay, number };
}

/** What Docker sets up for a host with one bridge network. */
const DOCKER_RULES = `*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o ${BRIDGE} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i ${BRIDGE} ! -o ${BRIDGE} -j ACCEPT
-A FORWARD -i ${BRIDGE} -o ${BRIDGE} -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
`;
