import type Docker from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { taskOf } from "../labels.ts";
import type { Abortable, EngineGuest, EvictOptions } from "../ports.ts";
import { statusOf } from "./engine-error.ts";

/** More are left out: what is told of one node stays small. */
const GUESTS_MAX = 512;
/** Names of one container in one network; more are left out. */
const NAMES_MAX = 32;
/** A name in DNS has no more characters (RFC 1035, 3.1); engines take longer aliases. */
const NAME_LENGTH_MAX = 253;
const SHORT_ID = 12;

/** `GuestRuntime.guests` of an engine; its errors are dockerode's. */
export async function guests(
  docker: Docker,
  labels: readonly string[],
  { signal }: Abortable,
): Promise<readonly EngineGuest[]> {
  const networks = await docker.listNetworks({ filters: { label: [...labels] }, abortSignal: signal });
  const names = new Set(networks.map(({ Name }) => Name));
  if (names.size === 0) return [];
  const filters = { network: networks.map(({ Id }) => Id), status: ["running", "paused"] };
  const containers = await docker.listContainers({ filters, abortSignal: signal });
  const found: EngineGuest[] = [];
  for (const { Id, Labels } of containers) {
    if (taskOf({ labels: Labels }) !== undefined) continue;
    if (found.length >= GUESTS_MAX) break;
    const info = await docker.getContainer(Id).inspect({ abortSignal: signal }).catch(goneIsNothing);
    if (info !== undefined) found.push(...guestsOf(info, names));
  }
  return found.slice(0, GUESTS_MAX);
}

/** `GuestRuntime.evict` of an engine; its errors are dockerode's. */
export async function evict(docker: Docker, name: string, { signal, guestsOnly = false }: EvictOptions): Promise<void> {
  const network = docker.getNetwork(name);
  for (const { Id, Labels } of await docker.listContainers({ filters: { network: [name] }, abortSignal: signal })) {
    if (guestsOnly && taskOf({ labels: Labels }) !== undefined) continue;
    await network.disconnect({ Container: Id, Force: true, abortSignal: signal }).catch(goneIsNothing);
  }
}

/** It has ended since it was listed. */
function goneIsNothing(error: unknown): undefined {
  if (statusOf(error) !== 404) throw error;
}

/** A container in each of the networks that are named. */
export function guestsOf(
  { Id, Name, Config, NetworkSettings }: Pick<ContainerInspectInfo, "Id" | "Name" | "Config" | "NetworkSettings">,
  networks: ReadonlySet<string>,
): readonly EngineGuest[] {
  return Object.entries(NetworkSettings.Networks).flatMap(([network, endpoint]): readonly EngineGuest[] => {
    const { IPAddress: ipv4, GlobalIPv6Address: ipv6 } = endpoint;
    if (!networks.has(network) || ipv4 === "") return [];
    // Older engines say null, newer ones have the whole list beside it.
    const aliases = [...(endpoint.Aliases ?? []), ...("DNSNames" in endpoint ? textsIn(endpoint.DNSNames) : [])];
    const all = new Set([Name.replace(/^\//, ""), ...aliases, Id.slice(0, SHORT_ID), Config.Hostname]);
    const names = [...all].filter((name) => name !== "" && name.length <= NAME_LENGTH_MAX).slice(0, NAMES_MAX);
    return [{ network, names, ipv4, ...(ipv6 !== "" && { ipv6 }) }];
  });
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
