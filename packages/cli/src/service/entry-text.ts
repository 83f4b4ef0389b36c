import type { Mount, PortConfig } from "@murmur/api";
import { optionWords, publishedText } from "./publish-options.ts";

/** `80 → 8080/tcp (ingress)`; `any` where the cluster chooses the port. */
export function portText(port: PortConfig): string {
  const { PublishedPort = 0, TargetPort, Protocol = "tcp", PublishMode = "ingress", Murmur = {} } = port;
  const published = publishedText(PublishedPort === 0 ? "any" : String(PublishedPort), Murmur.HostIP);
  return `${published} → ${String(TargetPort)}/${Protocol} (${[PublishMode, ...optionWords(Murmur)].join(", ")})`;
}

/** `volume data → /data (read only)`. */
export const mountText = ({ Type, Source = "", Target, ReadOnly }: Mount): string =>
  `${Source === "" ? Type : `${Type} ${Source}`} → ${Target}${ReadOnly === true ? " (read only)" : ""}`;

/**
 * An entry of a list of ports or mounts, by the field's path (`EndpointSpec.Ports[]`), with all that it differs in from
 * another; undefined: the field is none of these, or the value isn't.
 */
export function entryText(field: string, value: unknown): string | undefined {
  if (field.endsWith("Ports[]") && isPort(value)) return portText(value);
  if (!field.endsWith("Mounts[]") || !isMount(value)) return undefined;
  const { BindOptions, VolumeOptions, TmpfsOptions } = value;
  const options = [BindOptions, VolumeOptions, TmpfsOptions].filter((some) => some !== undefined);
  return [mountText(value), ...options.map((some) => JSON.stringify(some))].join(" ");
}

const isPort = (value: unknown): value is PortConfig => hasAll(value, { TargetPort: "number" });
const isMount = (value: unknown): value is Mount => hasAll(value, { Type: "string", Target: "string" });

const hasAll = (value: unknown, types: Readonly<Record<string, string>>): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(types).every(([name, type]) => typeof Reflect.get(value, name) === type);
