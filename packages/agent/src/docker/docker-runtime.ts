import { ClusterError, messageOf } from "@murmur/base";
import Docker from "dockerode";
import type {
  Abortable,
  Container,
  ContainerEvent,
  ContainerRequest,
  ContainerSummary,
  EngineGuest,
  EngineInfo,
  EngineNetwork,
  EngineVolume,
  EvictOptions,
  GuestRuntime,
  LocalNetwork,
  LocalNetworkRuntime,
  NetworkRuntime,
  PullOptions,
  Runtime,
} from "../ports.ts";
import { containerOptions, endpointsOf, type NamedEndpoint } from "./container-options.ts";
import { evict, guests } from "./docker-guests.ts";
import { ensureLocalNetwork, localNetworks } from "./docker-local-networks.ts";
import { ensureNetwork, removeNetwork } from "./docker-networks.ts";
import { engineAddress } from "./engine-address.ts";
import { engineError, statusOf } from "./engine-error.ts";
import { engineInfo } from "./engine-info.ts";
import { inspected, listed } from "./inspection.ts";
import { jsonLines } from "./json-lines.ts";
import { checkMounts, type ApiVersion } from "./mount-settings.ts";

/** The newest version of the engine's API that this adapter was written for. */
const API_VERSION_MAX = [1, 48] as const;

/** How long the removal of a container that could not be finished may take. */
const REMOVAL_LIMIT_MS = 10_000;
/** What the engine says in a 404 for a network. */
const NO_NETWORK = /network .*not found|no such network/i;

/** Everything that changes what an inspection shows. Not the `exec_…` events, of which each health check makes three. */
const EVENTS = ["start", "die", "oom", "pause", "unpause", "restart", "destroy", "health_status"];

/** What changes who is in a network, and by which names. A container that is started is connected before it runs. */
const GUEST_EVENTS = ["connect", "disconnect", "rename", "start"];

/** A Docker engine, over its socket. The API version is agreed anew at each subscription: an engine may be upgraded. */
export class DockerRuntime implements Runtime, NetworkRuntime, LocalNetworkRuntime, GuestRuntime {
  readonly #address: ReturnType<typeof engineAddress>;
  #docker: Docker;
  /** What was agreed on at the last subscription. */
  #version: ApiVersion | undefined;

  /** `address` has the form of DOCKER_HOST. Nothing is connected to yet. */
  constructor(address: string) {
    this.#address = engineAddress(address);
    this.#docker = new Docker(this.#address);
  }

  async ping({ signal }: Abortable): Promise<void> {
    await get(this.#docker, "/_ping", signal);
  }

  async info({ signal }: Abortable): Promise<EngineInfo> {
    return engineInfo(await get(this.#docker, "/info", signal));
  }

  async pull(image: string, { signal, login }: PullOptions): Promise<void> {
    try {
      const options = { abortSignal: signal, ...(login !== undefined && { authconfig: { base64: login } }) };
      for await (const line of jsonLines(await this.#docker.pull(image, options))) {
        if (typeof line !== "object" || line === null || !("error" in line)) continue;
        throw new ClusterError("internal", messageOf(line.error));
      }
    } catch (error) {
      const known = engineError(error);
      // The engine has answered: it is the registry that can't be reached.
      const answered = known.code === "unavailable" && statusOf(error) !== undefined;
      throw answered ? new ClusterError("internal", known.message, { cause: error }) : known;
    }
  }

  create(request: ContainerRequest, { signal }: Abortable): Promise<string> {
    return asked(async () => {
      checkMounts(request.task.spec.container, this.#version ?? API_VERSION_MAX);
      try {
        const options = { ...containerOptions(request), abortSignal: signal };
        const { id } = await this.#docker.createContainer(options);
        const [, ...others] = endpointsOf(request.networks);
        if (others.length > 0) await this.#connect(id, others, signal);
        return id;
      } catch (error) {
        const isNetwork = statusOf(error) === 404 && NO_NETWORK.test(messageOf(error));
        throw isNetwork ? new ClusterError("unavailable", engineError(error).message, { cause: error }) : error;
      }
    });
  }

  start(containerId: string, { signal }: Abortable): Promise<void> {
    return asked(async () => {
      try {
        await this.#docker.getContainer(containerId).start({ abortSignal: signal });
      } catch (error) {
        if (statusOf(error) !== 304) throw error; // 304: it runs already
      }
    });
  }

  kill(containerId: string, signalName: string, { signal }: Abortable): Promise<void> {
    return asked(async () => {
      await this.#docker.getContainer(containerId).kill({ signal: signalName, abortSignal: signal });
    });
  }

  remove(containerId: string, { signal }: Abortable): Promise<void> {
    return asked(async () => {
      await this.#docker.getContainer(containerId).remove({ force: true, v: true, abortSignal: signal });
    });
  }

  inspect(idOrName: string, { signal }: Abortable): Promise<Container> {
    return asked(async () => inspected(await this.#docker.getContainer(idOrName).inspect({ abortSignal: signal })));
  }

  list(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly ContainerSummary[]> {
    return asked(async () => {
      const options = { all: true, filters: { label: filters(labels) }, abortSignal: signal };
      return (await this.#docker.listContainers(options)).map(listed);
    });
  }

  volumes({ signal }: Abortable): Promise<readonly EngineVolume[]> {
    return asked(async () => {
      const { Volumes } = await this.#docker.listVolumes({ filters: { driver: ["local"] }, abortSignal: signal });
      // Null when there are none, whatever the types say.
      return ((Volumes as typeof Volumes | null) ?? []).map(({ Name, Labels }) => ({
        name: Name,
        labels: (Labels as typeof Labels | null) ?? {},
      }));
    });
  }

  async events(
    labels: Readonly<Record<string, string>>,
    { signal }: Abortable,
  ): Promise<AsyncIterable<ContainerEvent>> {
    await this.#agreeOnVersion(signal);
    const stream = await asked(() =>
      this.#docker.getEvents({
        filters: { type: ["container"], label: filters(labels), event: EVENTS },
        abortSignal: signal,
      }),
    );
    return containerEvents(stream);
  }

  ensureNetwork(network: EngineNetwork, options: Abortable): Promise<void> {
    return asked(() => ensureNetwork(this.#docker, network, options));
  }

  removeNetwork(name: string, options: Abortable): Promise<void> {
    return asked(() => removeNetwork(this.#docker, name, options));
  }

  networks(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly string[]> {
    return asked(async () => {
      const options = { filters: { label: filters(labels) }, abortSignal: signal };
      return (await this.#docker.listNetworks(options)).map((network) => network.Name);
    });
  }

  ensureLocalNetwork(network: LocalNetwork, options: Abortable): Promise<void> {
    return asked(() => ensureLocalNetwork(this.#docker, network, options));
  }

  localNetworks(prefix: string, options: Abortable): Promise<readonly string[]> {
    return asked(() => localNetworks(this.#docker, prefix, options));
  }

  evict(network: string, options: EvictOptions): Promise<void> {
    return asked(() => evict(this.#docker, network, options));
  }

  guests(labels: Readonly<Record<string, string>>, options: Abortable): Promise<readonly EngineGuest[]> {
    return asked(() => guests(this.#docker, filters(labels), options));
  }

  async guestEvents({ signal }: Abortable): Promise<AsyncIterable<unknown>> {
    const stream = await asked(() =>
      this.#docker.getEvents({ filters: { type: ["network", "container"], event: GUEST_EVENTS }, abortSignal: signal }),
    );
    return jsonLines(stream);
  }

  /** A container that can't be connected to all of its networks is removed: it must not be started like that. */
  async #connect(id: string, networks: readonly NamedEndpoint[], signal: AbortSignal): Promise<void> {
    try {
      for (const { name, settings } of networks) {
        const options = { Container: id, EndpointConfig: settings, abortSignal: signal };
        await this.#docker.getNetwork(name).connect(options);
      }
    } catch (error) {
      // What is left nevertheless is seen to be incomplete.
      await this.remove(id, { signal: AbortSignal.timeout(REMOVAL_LIMIT_MS) }).catch(() => undefined);
      throw error;
    }
  }

  async #agreeOnVersion(signal: AbortSignal): Promise<void> {
    const body = await get(new Docker(this.#address), "/version", signal);
    const version = typeof body === "object" && body !== null && "ApiVersion" in body ? body.ApiVersion : undefined;
    const [major = 0, minor = 0] = typeof version === "string" ? version.split(".").map(Number) : [];
    const [majorMax, minorMax] = API_VERSION_MAX;
    const newer = major > majorMax || (major === majorMax && minor > minorMax);
    this.#version = newer ? API_VERSION_MAX : [major, minor];
    this.#docker = new Docker({ ...this.#address, version: `v${this.#version.join(".")}` });
  }
}

/** For calls whose dockerode methods take no signal by their types. */
function get(docker: Docker, path: string, signal: AbortSignal): Promise<unknown> {
  const dial = new Promise((resolve, reject) => {
    const call = { path, method: "GET", abortSignal: signal, statusCodes: { 200: true } };
    docker.modem.dial(call, (error: Error | null, body: unknown) => {
      if (error === null) resolve(body);
      else reject(error);
    });
  });
  return asked(() => dial);
}

const filters = (labels: Readonly<Record<string, string>>): string[] =>
  Object.entries(labels).map(([name, value]) => `${name}=${value}`);

/** Gives every error the port's form. */
async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw engineError(error);
  }
}

async function* containerEvents(stream: NodeJS.ReadableStream): AsyncGenerator<ContainerEvent> {
  try {
    for await (const line of jsonLines(stream)) {
      const event = containerEvent(line);
      if (event !== undefined) yield event;
    }
  } catch (error) {
    throw engineError(error);
  }
}

/** `{"Action": "die", "Actor": {"ID": "…", "Attributes": {LABEL: VALUE, …}}}` */
function containerEvent(line: unknown): ContainerEvent | undefined {
  if (typeof line !== "object" || line === null || !("Action" in line) || !("Actor" in line)) return undefined;
  const { Action: action, Actor: actor } = line;
  if (typeof action !== "string" || typeof actor !== "object" || actor === null) return undefined;
  if (!("ID" in actor) || typeof actor.ID !== "string") return undefined;
  const attributes: object = "Attributes" in actor && actor.Attributes instanceof Object ? actor.Attributes : {};
  const labels = Object.entries(attributes).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return { containerId: actor.ID, labels: Object.fromEntries(labels), action };
}
