import { ClusterError } from "@murmur/base";

import { loadProject, type LoadOptions } from "../load-project.ts";
import type { ComposeSource } from "../ports.ts";
import type { ComposeService, Project } from "../project.ts";
import { encodeUtf8 } from "../utf8.ts";

/** Files in memory, below /app; names are relative to it or absolute. */
export function sourceOf(files: Readonly<Record<string, string>>, env: ComposeSource["env"] = {}): ComposeSource {
  const all = new Map(
    Object.entries(files).map(([name, text]) => [name.startsWith("/") ? name : `/app/${name}`, text]),
  );
  return {
    readFile: (path) => {
      const text = all.get(path);
      if (text === undefined) throw new ClusterError("not_found", `can't read ${path}: no such file`);
      return encodeUtf8(text);
    },
    exists: (path) => all.has(path),
    env,
    cwd: "/app",
  };
}

export interface LoadedOptions extends Partial<LoadOptions> {
  readonly env?: ComposeSource["env"];
}

/** The application of `compose.yaml` among the files, or of the file that is the text. */
export function load(files: string | Readonly<Record<string, string>>, options: LoadedOptions = {}): Project {
  const all = typeof files === "string" ? { "compose.yaml": files } : files;
  return loadProject(sourceOf(all, options.env), { files: ["compose.yaml"], profiles: [], ...options });
}

/** The service `web` of a file that has only what `fields` says of it; lines of `fields` aren't indented. */
export function web(fields: string, options: LoadedOptions = {}): ComposeService {
  const project = load(webFile(fields), options);
  const service = project.services.get("web");
  if (service === undefined) throw new Error("there is no service web");
  return service;
}

export function webFile(fields: string): string {
  const indented = fields.trim().replaceAll(/^/gm, "    ");
  return `services:\n  web:\n    image: nginx\n${indented}\n`;
}
