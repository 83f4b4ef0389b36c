import { ClusterError, codeOf } from "@murmur/base";
import { Hono } from "hono";
import { checkVersion, splitVersion } from "./http/api-version.ts";
import { ClusterNetworks } from "./http/cluster-networks.ts";
import { askedAgain } from "./http/body.ts";
import { addContainerListRoutes, mayAskForTasks } from "./http/container-list-routes.ts";
import { addContainerViewRoutes, shownContainersOf } from "./http/container-view-routes.ts";
import { createClusterApp } from "./http/cluster-app.ts";
import { isMisdirected } from "./error-status.ts";
import { errorResponse } from "./http/error-response.ts";
import { EventMemory } from "./events/event-memory.ts";
import { addDockerEventRoute } from "./http/docker-event-routes.ts";
import { addExecRoutes } from "./http/exec-routes.ts";
import { addLogRoutes } from "./http/log-routes.ts";
import { addHealthRoutes } from "./http/health-routes.ts";
import { addMembershipRoutes } from "./http/membership-routes.ts";
import { addNetworkRoutes } from "./http/network-routes.ts";
import { addRecoveryRoutes } from "./http/recovery-routes.ts";
import { dockerHeaders, EXPERIMENTAL, handleErrors } from "./http/respond.ts";
import { addStatsRoutes } from "./http/stats-routes.ts";
import { addSystemRoutes, type AskCluster } from "./http/system-routes.ts";
import { addVolumePruneRoute } from "./http/volume-prune-route.ts";
import { addVolumeRoutes } from "./http/volume-routes.ts";
import { LOCKED, NOT_IN_CLUSTER } from "./messages.ts";
import { settledStanding } from "./http/settled-standing.ts";
import type { ApiPorts } from "./ports.ts";
import { toEngineOf } from "./http/to-engine.ts";
import { createTaskDesk } from "./tasks/task-desk.ts";

export interface Api {
  /** Answers a request made to this node: itself, from its replica, or through a manager. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /**
   * Answers what another node forwarded, from the replica alone: it is never forwarded again, so that two nodes which
   * take each other for managers cannot send a request round in circles. Never rejects.
   */
  fetchForwarded(request: Request): Promise<Response>;
  /** Answers what another node asks about the containers of this one's tasks: see `ApiPorts.askNode`. Never rejects. */
  fetchAsked(request: Request): Promise<Response>;
  /** Whether a request is Murmur's to answer; every other one is the local engine's. `query` with its question mark. */
  owns(method: string, path: string, query?: string): boolean;
}

const OWNED = new Set([
  "_ping",
  "version",
  "info",
  "swarm",
  "nodes",
  "services",
  "tasks",
  "secrets",
  "configs",
  "events",
  "murmur",
]);

export function createApi(ports: ApiPorts): Api {
  const memory = new EventMemory(ports.clock);
  const clusterApp = createClusterApp(ports, { isForwarded: false, memory });
  const forwardedApp = createClusterApp(ports, { isForwarded: true, memory });
  const askCluster: AskCluster = async (request) => {
    const standing = await settledStanding(ports, request.signal);
    if (standing.state !== "active") return errorResponse(notActive(standing));
    if (ports.cluster() === undefined) return ports.forward(request).catch(errorResponse);
    const answer = await clusterApp.fetch(request);
    // Where the node's manager was taken out in the middle of it, another one is asked.
    const again = isMisdirected(answer) ? askedAgain(request) : undefined;
    if (again === undefined) return answer;
    return ports
      .forward(again)
      .catch((error: unknown) => (codeOf(error) === "unavailable" ? answer : errorResponse(error)));
  };
  const taskDesk = createTaskDesk(ports);
  const app = new Hono({ getPath: (request) => splitVersion(new URL(request.url).pathname).path });
  handleErrors(app, ports.log);
  addSystemRoutes(app, ports, askCluster);
  addMembershipRoutes(app, ports, askCluster);
  addRecoveryRoutes(app, ports, askCluster);
  addHealthRoutes(app, ports, askCluster);
  addNetworkRoutes(app, ports, askCluster);
  const [toEngine, shown] = [toEngineOf(ports), shownContainersOf(ports)];
  addContainerListRoutes(app, { networks: new ClusterNetworks(ports, askCluster), toEngine, shown });
  addContainerViewRoutes(app, toEngine, shown);
  addLogRoutes(app, ports, askCluster);
  addDockerEventRoute(app, ports, askCluster);
  addExecRoutes(app, ports, askCluster);
  addStatsRoutes(app, ports, askCluster);
  addVolumeRoutes(app, ports, askCluster);
  addVolumePruneRoute(app, ports, toEngine);
  app.all("*", (context) => askCluster(context.req.raw));

  const headers = Object.entries(dockerHeaders(ports.murmurVersion));
  return {
    async fetch(request) {
      memory.follow(ports.cluster());
      const response = await guarded(request, (checked) => app.fetch(checked));
      for (const [name, value] of headers) response.headers.set(name, value);
      // Where the engine was asked, it has said so itself.
      if (!response.headers.has(EXPERIMENTAL)) response.headers.set(EXPERIMENTAL, "false");
      return response;
    },
    fetchForwarded(request) {
      memory.follow(ports.cluster());
      // Nobody holds a peer to the length that it announced: the body is counted instead.
      request.headers.delete("content-length");
      return guarded(request, (checked) => forwardedApp.fetch(checked));
    },
    fetchAsked: (request) => guarded(request, (checked) => taskDesk.fetch(checked)),
    owns(method, path, query = "") {
      const segments = splitVersion(path).path.split("/");
      const [, first = "", second = ""] = segments;
      // Outside a cluster the engine's containers are in its own networks alone.
      const isMember = ports.node.status().state === "active";
      if (first === "containers" && segments.length === 3) {
        if (second === "json") return method === "GET" && (isMember || mayAskForTasks(query));
        return method === "POST" && second === "create";
      }
      if (first === "containers" && segments.length === 4 && segments[3] === "json")
        return isMember && method === "GET";
      if (first === "networks") return ownsNetworks(method, segments);
      if (first === "volumes") return method === "POST" && second === "prune" && segments.length === 3;
      return OWNED.has(first);
    },
  };
}

function ownsNetworks(method: string, [, , second = "", third, ...more]: readonly string[]): boolean {
  if (third !== undefined)
    return method === "POST" && more.length === 0 && (third === "connect" || third === "disconnect");
  if (method === "POST") return second === "create" || second === "prune";
  return (method === "GET" && second !== "prune") || (method === "DELETE" && second !== "");
}

async function guarded(
  request: Request,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<Response> {
  try {
    checkVersion(splitVersion(new URL(request.url).pathname).version);
    const response = await answer(request);
    // A forwarded response's headers can't be changed; the copy shares its body.
    return new Response(response.body, response);
  } catch (error) {
    return errorResponse(error);
  }
}

function notActive(standing: Exclude<ReturnType<ApiPorts["node"]["status"]>, { state: "active" }>): ClusterError {
  switch (standing.state) {
    case "outside":
      return new ClusterError("not_in_cluster", NOT_IN_CLUSTER);
    case "starting":
      return new ClusterError("unavailable", "this node is still starting: try again in a moment");
    case "joining":
      return new ClusterError("unavailable", "this node is still joining the cluster: try again in a moment");
    case "failed":
      return new ClusterError("unavailable", standing.message);
    case "locked":
      return new ClusterError("unavailable", LOCKED);
  }
}
