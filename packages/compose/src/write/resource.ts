import { ClusterError } from "@murmur/base";

import type { ComposeExternal, ComposeNetwork, ComposePayload, ComposeVolume } from "../project.ts";
import { decodeUtf8 } from "../utf8.ts";
import { filled, made, type Plain, type PlainObject } from "./plain.ts";

/** What is somebody else's has nothing but a name here. */
const externalPlain = ({ name }: ComposeExternal): PlainObject => ({ name, external: true });

export function networkPlain(network: ComposeNetwork): Plain {
  if (network.external) return externalPlain(network);
  const { ipam } = network;
  return {
    name: network.name,
    driver: network.driver,
    driver_opts: filled(network.driverOptions),
    ipam: made(ipam, ({ driver, config, options }) => ({
      driver,
      config: filled(
        config.map(({ subnet, gateway, ipRange, auxAddresses }) => ({
          subnet,
          gateway,
          ip_range: ipRange,
          aux_addresses: filled(auxAddresses),
        })),
      ),
      options: filled(options),
    })),
    internal: network.internal,
    attachable: network.attachable,
    enable_ipv4: network.enableIpv4,
    enable_ipv6: network.enableIpv6,
    labels: filled(network.labels),
  };
}

export function volumePlain(volume: ComposeVolume): Plain {
  if (volume.external) return externalPlain(volume);
  const { name, driver, driverOptions, labels } = volume;
  return { name, driver, driver_opts: filled(driverOptions), labels: filled(labels) };
}

/** A config or secret, with where its content is; only `content` is written out. */
export function payloadPlain(payload: ComposePayload, kind: "configs" | "secrets", key: string): Plain {
  return {
    name: payload.name,
    external: payload.external ? true : undefined,
    ...(payload.external ? {} : contentPlain(payload, kind, key)),
    labels: filled(payload.labels),
    template_driver: payload.templateDriver,
    driver: payload.driver,
    driver_opts: filled(payload.driverOptions),
  };
}

function contentPlain({ data, origin }: ComposePayload, kind: "configs" | "secrets", key: string): PlainObject {
  if (origin?.kind === "file") return { file: origin.path };
  if (origin?.kind === "environment") return { environment: origin.name };
  if (data === undefined) return {};
  const refused = (why: string): ClusterError =>
    new ClusterError("unsupported", `${kind}.${key}: ${why}: put it into a file of its own, and name that with file:`);
  if (kind === "secrets") throw refused("a Compose file has no place for the content of a secret");
  const text = decodeUtf8(data);
  if (text === undefined || text.includes("\uFEFF")) throw refused("what it holds isn't text");
  return { content: text };
}
