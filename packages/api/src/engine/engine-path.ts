import { compareVersions, splitVersion } from "../http/api-version.ts";
import type { Engine } from "../ports.ts";

const FACTS_MS = 2_000;

/**
 * The path for the engine: a newer API version than it speaks becomes its own newest. What that version doesn't know, an
 * engine passes over. A client that talks to it directly knows its version and warns, or asks otherwise; here it can't, so
 * what must not be passed over is looked at before: `olderEngineWish`, `volume-prune-route.ts`.
 */
export async function enginePath(engine: Pick<Engine, "facts">, url: string): Promise<string> {
  const older = await olderVersion(engine, url);
  return older === undefined ? url : `/v${older}${splitVersion(url).path}`;
}

/** What the engine speaks, where a request is of a newer version; undefined: it knows that one, or doesn't answer. */
export async function olderVersion(engine: Pick<Engine, "facts">, path: string): Promise<string | undefined> {
  const { version } = splitVersion(path);
  if (version === undefined) return undefined;
  const facts = await engine.facts(AbortSignal.timeout(FACTS_MS)).catch(() => undefined);
  return facts === undefined || compareVersions(version, facts.apiVersion) <= 0 ? undefined : facts.apiVersion;
}
