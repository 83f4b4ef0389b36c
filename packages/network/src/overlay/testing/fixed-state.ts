import { nodeId } from "@murmur/base";
import { networkId, serviceId, taskId } from "@murmur/model";
import { macOf } from "../address.ts";
import type { OverlayState } from "../state.ts";

const net = networkId("net");
const attachment = (last: number) => {
  const ipv4 = `10.9.0.${String(last)}`;
  return { networkId: net, ipv4, ipv6: `fd09::${String(last)}`, mac: macOf(ipv4) };
};
const [near, far] = [taskId("near"), taskId("far")];
/** Where the container of `near` is. */
export const NETNS = "/run/near";

/** A small state, to be read beside what comes of it: two nodes, a task on each, one service and one port. */
export const FIXED_STATE: OverlayState = {
  nodeId: nodeId("n1"),
  underlay: "172.16.0.1",
  networks: [
    {
      id: net,
      name: "net",
      vni: 4_097,
      vxlanPort: 4_789,
      subnet4: "10.9.0.0/24",
      subnet6: "fd09::/64",
      gateway: { ipv4: "10.9.0.1", ipv6: "fd09::1" },
      mtu: 1_450,
      bridge: "br-net",
      nodes: [
        { id: nodeId("n1"), underlay: "172.16.0.1", gateway: { ipv4: "10.9.0.251" } },
        { id: nodeId("n2"), underlay: "172.16.0.2", gateway: { ipv4: "10.9.0.252" } },
      ],
    },
  ],
  tasks: [
    { id: near, nodeId: nodeId("n1"), attachments: [{ ...attachment(11), port: "veth1" }], netns: NETNS },
    { id: far, nodeId: nodeId("n2"), attachments: [attachment(12)] },
  ],
  services: [
    {
      id: serviceId("web"),
      vips: [{ networkId: net, ipv4: "10.9.0.2", ipv6: "fd09::2" }],
      endpoints: [near, far],
      balancing: "roundRobin",
    },
  ],
  ports: [
    {
      protocol: "udp",
      port: 53,
      targetPort: 5_353,
      networkId: net,
      endpoints: [far],
      balancing: "random",
      localFirst: true,
    },
  ],
};
