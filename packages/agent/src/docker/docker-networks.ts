import { ClusterError } from "@murmur/base";
import type Docker from "dockerode";
import type { NetworkInspectInfo } from "dockerode";
import type { Abortable, EngineNetwork } from "../ports.ts";
import { engineError, statusOf } from "./engine-error.ts";
import { creationError } from "./overlapping-networks.ts";
import { networkDifferences, networkOptions } from "./network-options.ts";

/** Somebody else may make or remove the same network meanwhile: it is looked at anew so many times. */
const ATTEMPTS_MAX = 3;

/** `NetworkRuntime.ensureNetwork` of an engine; its errors are dockerode's or `ClusterError`s. */
export async function ensureNetwork(docker: Docker, network: EngineNetwork, options: Abortable): Promise<void> {
  const { name } = network;
  for (let attempt = 1; ; attempt += 1) {
    const info = await find(docker, name, options);
    if (info !== undefined) {
      const differences = networkDifferences(network, info);
      if (differences.length === 0) return;
      await removeOther(docker, { id: info.Id, name, differences }, options);
    }
    try {
      await docker.createNetwork({ ...networkOptions(network), abortSignal: options.signal });
      return;
    } catch (error) {
      if (statusOf(error) !== 409 || attempt === ATTEMPTS_MAX) {
        throw await creationError(docker, network, { error, signal: options.signal });
      }
    }
  }
}

/** Removes a network by its name or id; one that isn't there is removed. */
export async function removeNetwork(docker: Docker, name: string, { signal }: Abortable): Promise<void> {
  await docker
    .getNetwork(name)
    .remove({ abortSignal: signal })
    .catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
    });
}

async function find(docker: Docker, name: string, { signal }: Abortable): Promise<NetworkInspectInfo | undefined> {
  // The filter takes parts of names, too.
  const found = await docker.listNetworks({ filters: { name: [name] }, abortSignal: signal });
  return found.find((info) => info.Name === name);
}

async function removeOther(
  docker: Docker,
  { id, name, differences }: { id: string; name: string; differences: readonly string[] },
  options: Abortable,
): Promise<void> {
  try {
    await removeNetwork(docker, id, options);
  } catch (error) {
    const { code, message } = engineError(error);
    if (code !== "failed_precondition") throw error;
    const text = `the engine has a network ${name} with other ${differences.join(", ")} and can't remove it: ${message}`;
    throw new ClusterError("in_use", text, { cause: error });
  }
}
