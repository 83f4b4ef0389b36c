import type { CliPorts } from "./ports.ts";

type Whose = Pick<CliPorts, "isRoot" | "env" | "home">;

/** Root's state is the machine's; another user's lies in the home directory. */
export const defaultDataDir = ({ isRoot, home }: Whose): string =>
  isRoot ? "/var/lib/murmur" : `${home}/.local/share/murmur`;

export function defaultSocket({ isRoot, env, home }: Whose): string {
  if (isRoot) return "/run/murmur/docker.sock";
  const runtime = env["XDG_RUNTIME_DIR"];
  return runtime === undefined || runtime === ""
    ? `${home}/.local/share/murmur/docker.sock`
    : `${runtime}/murmur/docker.sock`;
}

/** Where the clusters of `murmur dev` live. */
export const defaultDevDir = ({ isRoot, home }: Whose): string =>
  isRoot ? "/var/lib/murmur-dev" : `${home}/.local/state/murmur-dev`;
