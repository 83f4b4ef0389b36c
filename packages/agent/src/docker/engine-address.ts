import { ClusterError } from "@murmur/base";

/** How to reach an engine, in the form that dockerode takes. */
export type EngineAddress =
  | { readonly socketPath: string; readonly host: ""; readonly protocol: "http" }
  | { readonly host: string; readonly port: number; readonly protocol: "http" };

/**
 * Reads an address of the form of DOCKER_HOST: `unix:///run/docker.sock`, an absolute path, `tcp://host:2375`. The
 * result is complete, so that dockerode takes nothing from the environment.
 */
export function engineAddress(text: string): EngineAddress {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text;
  if (path.startsWith("/")) return { socketPath: path, host: "", protocol: "http" };
  const url = URL.parse(text.includes("://") ? text : `tcp://${text}`);
  const known = url !== null && (url.protocol === "tcp:" || url.protocol === "http:") && url.hostname !== "";
  if (!known) {
    throw new ClusterError(
      "invalid_argument",
      `"${text}" is not the address of an engine; give unix:///path/to/docker.sock or tcp://HOST:PORT`,
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: url.port === "" ? 2375 : Number(url.port), protocol: "http" };
}
