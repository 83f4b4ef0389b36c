import { ClusterError, messageOf, type Millis } from "@murmur/base";
import type { Context, Hono } from "hono";
import type { Node } from "../docker/node-types.ts";
import { hostOf } from "../docker/node.ts";
import type { ClusterInfo, Info, Swarm, SwarmInfo, VersionInfo } from "../docker/swarm-types.ts";
import { codeOfAnswer, ERROR_CODE_HEADER } from "../error-status.ts";
import { LOCKED } from "../messages.ts";
import type { ApiPorts, NodeStanding } from "../ports.ts";
import { within } from "./context.ts";
import { API_VERSION, MIN_API_VERSION } from "./api-version.ts";
import { EXPERIMENTAL } from "./respond.ts";
import { startedStanding } from "./settled-standing.ts";

/** Asks the cluster's routes, here or on a manager. */
export type AskCluster = (request: Request) => Promise<Response>;

/** The engine, or the cluster, may take this long to add its part to an answer that can do without. */
const PART_MS: Millis = 3_000;

/** `/_ping`, `/version` and `/info`: the local engine's answers with Murmur's part in them. */
export function addSystemRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const part = { clock: ports.clock, limitMs: PART_MS };
  const fromEngine = (context: Context, path: string): Promise<EnginePart> =>
    within(context, part, (signal) => engineAnswer(ports, path, signal));

  app.on(["GET", "HEAD"], "/_ping", async (context: Context) => {
    const facts = await within(context, part, (signal) => ports.engine.facts(signal));
    const headers = {
      // Docker 23 made BuildKit the default builder and says so here; the clients choose by it.
      "Builder-Version": facts?.builderVersion ?? "1",
      [EXPERIMENTAL]: String(facts?.experimental ?? false),
      Swarm: swarmHeader(ports.node.status()),
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-cache, no-store, must-revalidate",
      Pragma: "no-cache",
    };
    return context.req.method === "HEAD" ? context.body(null, 200, headers) : context.body("OK", 200, headers);
  });

  app.get("/version", async (context) => {
    const engine = await fromEngine(context, "/version");
    return context.json(versionInfo(engine, ports.murmurVersion));
  });

  app.get("/info", async (context) => {
    const [engine, swarm] = await Promise.all([
      fromEngine(context, "/info"),
      within(context, part, async (signal) => swarmInfo(await startedStanding(ports, signal), askCluster, signal)),
    ]);
    const info: Info = { Warnings: null, ...engine.fields, Swarm: swarm };
    if (engine.error !== undefined) info.Warnings = [`WARNING: the engine doesn't answer: ${engine.error}`];
    return context.json(info);
  });
}

/** `active/manager` on every node: each answers for the cluster. */
const swarmHeader = (standing: NodeStanding): string => {
  const state = LOCAL_STATE[standing.state];
  return state === "active" ? "active/manager" : state;
};

interface EnginePart {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

async function engineAnswer(ports: ApiPorts, path: string, signal: AbortSignal): Promise<EnginePart> {
  try {
    const { status, body } = await ports.engine.get(path, signal);
    if (status === 200 && isRecord(body)) return { fields: body };
    return { fields: {}, error: `it answered ${path} with status ${String(status)}` };
  } catch (error) {
    return { fields: {}, error: messageOf(error) };
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function versionInfo({ fields }: EnginePart, murmurVersion: string): VersionInfo {
  const components = Array.isArray(fields["Components"]) ? fields["Components"].filter(isComponent) : [];
  const engineVersion = typeof fields["Version"] === "string" ? fields["Version"] : murmurVersion;
  const murmur = {
    Name: "Murmur",
    Version: murmurVersion,
    Details: { ApiVersion: API_VERSION, MinAPIVersion: MIN_API_VERSION },
  };
  return {
    ...fields,
    Platform: { Name: `Murmur ${murmurVersion}` },
    Version: engineVersion,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Os: typeof fields["Os"] === "string" ? fields["Os"] : "linux",
    Components: [...components, murmur],
  };
}

const isComponent = (value: unknown): value is VersionInfo["Components"][number] =>
  isRecord(value) && typeof value["Name"] === "string" && typeof value["Version"] === "string";

const LOCAL_STATE = {
  outside: "inactive",
  starting: "pending",
  joining: "pending",
  active: "active",
  failed: "error",
  locked: "locked",
} as const;

/**
 * The `Swarm` part of `/info`. Without a leader, or a manager to ask, it says what the node itself knows. Every node takes
 * commands, but one that was made a worker by hand is shown as one.
 */
async function swarmInfo(standing: NodeStanding, askCluster: AskCluster, signal: AbortSignal): Promise<SwarmInfo> {
  const own: SwarmInfo = {
    NodeID: standing.state === "active" ? standing.nodeId : "",
    NodeAddr: standing.state === "active" ? hostOf(standing.address) : "",
    LocalNodeState: LOCAL_STATE[standing.state],
    ControlAvailable: standing.state === "active",
    Error: problemOf(standing),
    RemoteManagers: null,
  };
  if (standing.state !== "active") return own;
  own.RemoteManagers = standing.managers.map(({ id, address }) => ({ NodeID: id, Addr: address }));
  try {
    const [swarm, nodes] = await Promise.all([
      askJson<Swarm>(askCluster, "/swarm?consistency=local", signal),
      askJson<Node[]>(askCluster, "/nodes?consistency=local", signal),
    ]);
    const managers = nodes.filter((node) => node.ManagerStatus !== undefined).length;
    const isWorker = nodes.some(({ ID, Spec }) => ID === standing.nodeId && Spec.Murmur?.PinnedRole === "worker");
    return {
      ...own,
      ControlAvailable: !isWorker,
      Nodes: nodes.length,
      Managers: managers,
      Cluster: withoutTokens(swarm),
    };
  } catch (error) {
    return { ...own, Error: messageOf(error) };
  }
}

function problemOf(standing: NodeStanding): string {
  if (standing.state === "failed") return standing.message;
  return standing.state === "locked" ? LOCKED : "";
}

function withoutTokens(swarm: Swarm): ClusterInfo {
  const { JoinTokens: _tokens, ...info } = swarm;
  return info;
}

/** A request to the cluster's routes, or a node's; a GET unless `init` says otherwise. Rejects with what a refusal says, and its code. */
export async function askJson<T>(
  ask: AskCluster,
  path: string,
  signal: AbortSignal,
  init: RequestInit = {},
): Promise<T> {
  const response = await ask(new Request(`http://murmur${path}`, { ...init, signal }));
  const body: unknown = response.status === 204 ? undefined : await response.json();
  // Written by this package's own routes.
  if (response.ok) return body as T;
  const message = isRecord(body) && typeof body["message"] === "string" ? body["message"] : undefined;
  const code = codeOfAnswer(response.headers.get(ERROR_CODE_HEADER) ?? undefined, response.status);
  throw new ClusterError(code, message ?? `status ${String(response.status)}`);
}
