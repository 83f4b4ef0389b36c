import { boolean, integer, object, oneOf, optional, text, type Check, type CrossCheck } from "./check.ts";
import { LIMITS } from "./limits.ts";
import { canonicalHostIp, portsOverlap, servedByProxy } from "./published-port.ts";
import { BALANCINGS, PORT_PROTOCOLS, type PortConfig, type ServiceSpec } from "./service-spec.ts";

/** An address of a node. Only one spelling of each is let in, so that nobody has to compare but texts. */
export const hostIp: Check = (value, path, report) => {
  const isRight = typeof value === "string" && value.length <= 39 && canonicalHostIp(value) === value;
  if (!isRight) report(path, "must be an IP address in its shortest form, such as 10.0.0.1 or fd00::1");
};

/** Options that can't be had, or not together, must not look as if they were. */
const optionsFit: CrossCheck<PortConfig> = (config, path, report) => {
  const { protocol, mode, balancing, proxyProtocol } = config;
  if (mode === "host") {
    for (const key of ["balancing", "proxyProtocol", "localFirst"] as const) {
      if (config[key] !== undefined) report(`${path}.${key}`, "is for ports in mode ingress: a host port has one task");
    }
    return;
  }
  if (protocol !== "tcp" && proxyProtocol === true) {
    report(`${path}.proxyProtocol`, `must be left out for ${protocol}: the header is sent on TCP connections only`);
  }
  if (protocol !== "tcp" && balancing === "peak-ewma") {
    report(`${path}.balancing`, `must not be peak-ewma for ${protocol}: it measures TCP connections`);
  }
  if (protocol === "sctp" && balancing !== "peak-ewma" && proxyProtocol !== true && servedByProxy(config)) {
    report(
      `${path}.protocol`,
      "must be tcp or udp for this balancing or address: the proxy that serves it has no SCTP",
    );
  }
};

export const port = object<PortConfig>(
  {
    name: optional(text({ max: LIMITS.nameLength, pattern: /^[a-zA-Z0-9_.-]*$/, says: "a port's name" })),
    protocol: oneOf(PORT_PROTOCOLS),
    targetPort: integer(1, 65_535),
    publishedPort: integer(0, 65_535),
    mode: oneOf(["ingress", "host"]),
    hostIp: optional(hostIp),
    balancing: optional(oneOf(BALANCINGS)),
    proxyProtocol: optional(boolean),
    localFirst: optional(boolean),
  },
  optionsFit,
);

export const portsFit: CrossCheck<ServiceSpec["endpoint"]> = (endpoint, path, report) => {
  const seen = new Map<string, number[]>();
  for (const [at, config] of endpoint.ports.entries()) {
    const { protocol, publishedPort, mode: published } = config;
    if (endpoint.mode === "dnsrr" && published === "ingress") {
      report(`${path}.ports[${at}].mode`, "must be host when the endpoint mode is dnsrr");
    }
    if (publishedPort === 0) continue;
    const key = `${protocol} ${publishedPort}`;
    const before = seen.get(key) ?? [];
    const first = before.find((other) => {
      const earlier = endpoint.ports[other];
      return earlier !== undefined && portsOverlap(earlier, config);
    });
    if (first !== undefined) report(`${path}.ports[${at}].publishedPort`, `must differ from that of ports[${first}]`);
    seen.set(key, [...before, at]);
  }
};
