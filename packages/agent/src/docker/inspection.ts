import { ClusterError } from "@murmur/base";
import { PORT_PROTOCOLS, type Health, type PublishedPort } from "@murmur/model";
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import { networksOf } from "../labels.ts";
import type { Container, ContainerState, ContainerSummary } from "../ports.ts";

/** An engine's inspection in the port's words. */
export function inspected(info: ContainerInspectInfo): Container {
  const { State: state, Config: config, NetworkSettings: network } = info;
  const labels = config.Labels;
  const isIncomplete = state.Status === "created" && Object.keys(network.Networks).length < networksOf({ labels });
  const stopSignal = "StopSignal" in config ? config.StopSignal : undefined;
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    labels,
    state: containerState(state.Status),
    health: health(state.Health?.Status),
    pid: state.Pid,
    exitCode: state.ExitCode,
    error: state.Error,
    oomKilled: state.OOMKilled,
    ports: publishedPorts(network.Ports),
    ...runOf(network.Networks),
    ...(state.Pid > 0 && network.SandboxKey !== "" && { netns: network.SandboxKey }),
    ...(isIncomplete && { incomplete: true }),
    ...(typeof stopSignal === "string" && stopSignal !== "" && { stopSignal }),
  };
}

/** A line of the engine's list in the port's words; the health is in its text only: `Up 2 minutes (healthy)`. */
export function listed(info: ContainerInfo): ContainerSummary {
  const state = containerState(info.State);
  const word = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(info.Status)?.[1];
  return {
    id: info.Id,
    name: (info.Names[0] ?? "").replace(/^\//, ""),
    labels: info.Labels,
    state,
    health: health(word),
    ...runOf(info.NetworkSettings.Networks),
  };
}

/** The engine makes the endpoints of a container anew each time that it starts. */
function runOf(networks: Readonly<Record<string, { readonly EndpointID: string }>>): Pick<ContainerSummary, "run"> {
  const ids = Object.values(networks).flatMap(({ EndpointID: id }) => (id === "" ? [] : [id]));
  return ids.length === 0 ? {} : { run: ids.toSorted().join(" ") };
}

const STATES: readonly ContainerState[] = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

function containerState(text: string): ContainerState {
  const state = STATES.find((known) => known === text);
  if (state === undefined) throw new ClusterError("unsupported", `the engine told of a container state "${text}"`);
  return state;
}

const health = (text: string | undefined): Health =>
  text === "starting" || text === "healthy" || text === "unhealthy" ? text : "none";

/** `{"80/tcp": [{HostIp, HostPort}]}`; IPv4 and IPv6 have an entry each, usually with the same port. */
function publishedPorts(ports: ContainerInspectInfo["NetworkSettings"]["Ports"] | null): readonly PublishedPort[] {
  const published = new Map<string, PublishedPort>();
  for (const [target, bindings] of Object.entries(ports ?? {})) {
    const [targetPort, word] = target.split("/");
    const protocol = PORT_PROTOCOLS.find((known) => known === word);
    if (protocol === undefined) continue;
    for (const { HostPort } of bindings ?? []) {
      const port = { protocol, targetPort: Number(targetPort), hostPort: Number(HostPort) };
      published.set(`${target} ${HostPort}`, port);
    }
  }
  return [...published.values()];
}
