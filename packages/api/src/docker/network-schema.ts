import { LOCAL_DRIVERS } from "@murmur/model";
import { z } from "zod";
import { textMap } from "./container-schema.ts";
import { dockerObject, unsupported } from "./lenient-object.ts";

export const MTU_OPTION = "com.docker.network.driver.mtu";
export const VXLAN_OPTION = "com.docker.network.driver.overlay.vxlanid_list";

/** Options of Docker's overlay driver that aren't honoured, and why. An empty value switches some of them on. */
const REFUSED_OPTIONS: Readonly<Record<string, string>> = {
  [VXLAN_OPTION]: "Murmur chooses the VXLAN identifiers itself; leave it out",
  encrypted: "Murmur doesn't encrypt the traffic between tasks; leave it out",
};

const options = textMap.superRefine((given, context) => {
  for (const [name, value] of Object.entries(given)) {
    const isMtu = name === MTU_OPTION;
    if (isMtu && /^\d{1,6}$/.test(value)) continue;
    const why = isMtu ? "must be a number of bytes" : REFUSED_OPTIONS[name];
    const message = why ?? "Murmur doesn't know this option; leave it out";
    context.addIssue({ code: "custom", path: [name], message });
  }
});

const address = z.string().max(64).optional();
const ipamConfig = dockerObject({
  Subnet: z.string("names no subnet").min(1, "names no subnet").max(64),
  IPRange: address,
  Gateway: address,
  AuxiliaryAddresses: textMap.optional(),
});

/** Docker's own limit on one network's ranges is far below that. */
const IPAM_CONFIGS_MAX = 64;

export const networkSchema = dockerObject(
  {
    Name: z.string().max(1_024).default(""),
    // Old clients ask for what is always done.
    CheckDuplicate: z.boolean().optional(),
    Driver: z
      .enum(
        ["", "overlay", ...LOCAL_DRIVERS],
        `a network of the cluster has the driver overlay, ${LOCAL_DRIVERS.join(", ")}`,
      )
      .optional(),
    Scope: z.enum(["", "swarm"], "a network of the cluster has the scope swarm").optional(),
    EnableIPv4: z.literal(true, "IPv4 cannot be disabled in a Swarm scoped network; leave it out").optional(),
    EnableIPv6: z.boolean().optional(),
    IPAM: dockerObject({
      Driver: unsupported("the cluster gives out the addresses itself; leave it out", ["default"]),
      Config: z.array(ipamConfig).max(IPAM_CONFIGS_MAX).optional(),
      Options: textMap.optional(),
    }).optional(),
    Internal: z.boolean().optional(),
    Attachable: z.boolean().optional(),
    Ingress: z.boolean().optional(),
    ConfigOnly: unsupported(
      "configuration network can only contain network specific fields. Network operator fields like " +
        "[ ingress | internal | attachable | scope ] are not supported: such a network is of one node",
    ),
    ConfigFrom: dockerObject({ Network: z.string().max(255).optional() }).nullish(),
    Options: options.optional(),
    Labels: textMap.optional(),
  },
  { passOverLowerCase: true },
);

/** Whether a body asks for a network of the cluster. Every other one is for the engine to read. */
export function wantsClusterNetwork(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  return Object.entries(body).some(([key, value]) => {
    const name = key.toLowerCase();
    return (name === "driver" && value === "overlay") || (name === "scope" && value === "swarm");
  });
}
