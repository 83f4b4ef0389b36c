import { compareVersions, splitVersion } from "../http/api-version.ts";
import type { Engine } from "../ports.ts";

const FACTS_MS = 2_000;

/** A client's version of the API, and the older one that the engine speaks. */
export interface VersionGap {
  readonly client: string;
  readonly engine: string;
}

/**
 * The path for the engine: a newer API version than it speaks becomes its own newest. What that version doesn't know, an
 * engine passes over. A client that talks to it directly knows its version and warns, or asks otherwise; here it can't, so
 * what must not be passed over is looked at before, by whoever asks for the `versionGap`.
 */
export async function enginePath(engine: Pick<Engine, "facts">, url: string): Promise<string> {
  const gap = await versionGap(engine, url);
  return gap === undefined ? url : `/v${gap.engine}${splitVersion(url).path}`;
}

/**
 * Undefined: the engine knows the version that a request is of, or has never answered. One that is too busy to answer now
 * speaks no other version than it said last, and would refuse a newer one.
 */
export async function versionGap(engine: Pick<Engine, "facts">, path: string): Promise<VersionGap | undefined> {
  const { version } = splitVersion(path);
  if (version === undefined) return undefined;
  const facts = await engine.facts(AbortSignal.timeout(FACTS_MS)).catch(() => undefined);
  if (facts === undefined || compareVersions(version, facts.apiVersion) <= 0) return undefined;
  return { client: version, engine: facts.apiVersion };
}

/** Whether the client means what a version of the API brought, and the engine doesn't know it yet. */
export const isNewIn = (gap: VersionGap | undefined, since: string): gap is VersionGap =>
  gap !== undefined && compareVersions(gap.client, since) >= 0 && compareVersions(gap.engine, since) < 0;
