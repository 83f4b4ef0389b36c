import { compareVersions, splitVersion } from "../http/api-version.ts";
import type { Engine } from "../ports.ts";

const FACTS_MS = 2_000;

/**
 * The path for the engine: a newer API version than it speaks becomes its own newest. What that version doesn't know, an
 * engine passes over; the same happens to a client that talks to it directly.
 */
export async function enginePath(engine: Pick<Engine, "facts">, url: string): Promise<string> {
  const { version, path } = splitVersion(url);
  if (version === undefined) return url;
  const facts = await engine.facts(AbortSignal.timeout(FACTS_MS)).catch(() => undefined);
  if (facts === undefined || compareVersions(version, facts.apiVersion) <= 0) return url;
  return `/v${facts.apiVersion}${path}`;
}
