import { isIP } from "node:net";
import type { ContainerSpec, ServiceSpec } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import type { ListFlag } from "../flag.ts";
import { withAdded, without } from "../list-edit.ts";
import { containerOf } from "../spec-parts.ts";

type Dns = NonNullable<ContainerSpec["DNSConfig"]>;
const dnsOf = (spec: ServiceSpec): Dns => (containerOf(spec).DNSConfig ??= {});

function dnsFlag(name: string, field: keyof Dns, says: { value: string; add: string; remove: string }): ListFlag {
  return {
    kind: "list",
    name,
    value: says.value,
    help: says.add,
    add(spec, texts) {
      const odd = field === "Nameservers" ? texts.find((text) => isIP(text) === 0) : undefined;
      if (odd !== undefined) throw invalid(`'${odd}' is not an IP address`);
      const dns = dnsOf(spec);
      dns[field] = withAdded(dns[field], texts);
    },
    remove: {
      value: says.value,
      help: says.remove,
      from(spec, texts) {
        const dns = dnsOf(spec);
        dns[field] = without(dns[field], texts);
      },
    },
  };
}

export const DNS_FLAGS: readonly ListFlag[] = [
  dnsFlag("dns", "Nameservers", { value: "ip", add: "Custom DNS servers", remove: "Remove a custom DNS server" }),
  dnsFlag("dns-search", "Search", {
    value: "domain",
    add: "Custom DNS search domains",
    remove: "Remove a DNS search domain",
  }),
  dnsFlag("dns-option", "Options", { value: "option", add: "DNS options", remove: "Remove a DNS option" }),
];
