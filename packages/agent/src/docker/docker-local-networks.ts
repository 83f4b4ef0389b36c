import type Docker from "dockerode";
import type { NetworkInspectInfo } from "dockerode";
import type { Abortable, LocalNetwork } from "../ports.ts";

/**
 * Tells what was made here from others. A network that takes its settings from another one has that one's labels and none of
 * its own, so there its name has to do.
 */
const LABEL = "murmur.network.local";

/** `LocalNetworkRuntime.ensureLocalNetwork` of an engine; its errors are dockerode's. */
export async function ensureLocalNetwork(docker: Docker, network: LocalNetwork, { signal }: Abortable): Promise<void> {
  const { name, driver, internal, configFrom } = network;
  const found = await docker.listNetworks({ filters: { name: [name] }, abortSignal: signal });
  if (found.some((info) => info.Name === name)) return;
  const settings = configFrom === undefined ? { Labels: { [LABEL]: "true" } } : { ConfigFrom: { Network: configFrom } };
  const wish = { Name: name, CheckDuplicate: true, Driver: driver, Internal: internal, ...settings };
  await docker.createNetwork({ ...wish, abortSignal: signal });
}

/** `LocalNetworkRuntime.localNetworks` of an engine; its errors are dockerode's. */
export async function localNetworks(docker: Docker, prefix: string, { signal }: Abortable): Promise<readonly string[]> {
  const found = await docker.listNetworks({ filters: { name: [prefix] }, abortSignal: signal });
  return found.filter((info) => info.Name.startsWith(prefix) && isLocal(info)).map(({ Name }) => Name);
}

const isLocal = ({ ConfigFrom, Labels }: Pick<NetworkInspectInfo, "ConfigFrom" | "Labels">): boolean =>
  (ConfigFrom?.Network ?? "") !== "" || Labels?.[LABEL] !== undefined;
