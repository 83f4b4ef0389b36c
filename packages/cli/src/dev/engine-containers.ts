import { request } from "node:http";
import { parseDaemonAddress } from "@murmur/api";
import { ClusterError, messageOf } from "@murmur/base";

const TIMEOUT_MS = 60_000;
const LABEL = "murmur.cluster.id";

/** Whether the engine answers. Errors: `unavailable` in one line that says what to do. */
export async function checkEngine(dockerHost: string): Promise<void> {
  await call(dockerHost, "GET", "/_ping");
}

/** Removes all containers of a cluster from an engine; how many there were. */
export async function removeContainers(dockerHost: string, clusterId: string): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABEL}=${clusterId}`] }));
  const listed: unknown = JSON.parse(await call(dockerHost, "GET", `/containers/json?all=1&filters=${filters}`));
  const ids = Array.isArray(listed) ? listed.flatMap(idOf) : [];
  for (const id of ids) await call(dockerHost, "DELETE", `/containers/${id}?force=1&v=1`);
  return ids.length;
}

const idOf = (container: unknown): string[] =>
  typeof container === "object" && container !== null && "Id" in container && typeof container.Id === "string"
    ? [container.Id]
    : [];

function call(dockerHost: string, method: "GET" | "DELETE", path: string): Promise<string> {
  const address = parseDaemonAddress(dockerHost);
  const target = "socketPath" in address ? { socketPath: address.socketPath } : address;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        new ClusterError(
          "unavailable",
          `the container engine at ${dockerHost} doesn't answer (${messageOf(error)}): start Docker, or say --docker-host`,
        ),
      );
    const outgoing = request(
      { ...target, method, path, headers: { host: "docker" }, signal: AbortSignal.timeout(TIMEOUT_MS) },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (text += chunk));
        answer.on("error", fail);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          // One that is gone already, or that the engine is removing, is as good as removed.
          if (status < 400 || (method === "DELETE" && (status === 404 || status === 409))) resolve(text);
          else fail(new Error(text.trim()));
        });
      },
    );
    outgoing.on("error", fail);
    outgoing.end();
  });
}
