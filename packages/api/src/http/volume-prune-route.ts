import type { Log, Millis } from "@murmur/base";
import type { Hono } from "hono";
import { fieldsIn } from "../docker/attach-by-hand.ts";
import { parseVolumePrune, type VolumePrune } from "../docker/volume-prune.ts";
import { isNewIn, versionGap } from "../engine/engine-path.ts";
import type { ApiPorts, Engine } from "../ports.ts";
import { within } from "./context.ts";
import { pathOf, type ToEngine } from "./to-engine.ts";

/** The engine adds up what the volumes hold, and removes them one by one. */
const PRUNE_MS: Millis = 120_000;
const ANONYMOUS_SINCE = "1.42";
const UNUSED = `/volumes?filters=${encodeURIComponent(JSON.stringify({ dangling: ["true"] }))}`;

/**
 * Since API 1.42 a prune takes only volumes that nobody named, unless it is told `all`; before, whatever is unused. Clients
 * go by the version that Murmur speaks, and promise their users the former; an older engine would do the latter, and remove
 * what somebody had named to keep it. So for such an engine it is done here.
 */
export function addVolumePruneRoute(app: Hono, ports: ApiPorts, toEngine: ToEngine): void {
  app.post("/volumes/prune", async (context) => {
    const gap = await versionGap(ports.engine, pathOf(context, ""));
    if (!isNewIn(gap, ANONYMOUS_SINCE)) return toEngine(context, { method: "POST" });
    const prune = parseVolumePrune(context.req.query("filters"));
    if (prune.all)
      return toEngine(context, { method: "POST" }, pathOf(context, `?filters=${encodeURIComponent(prune.older)}`));
    const limits = { clock: ports.clock, limitMs: PRUNE_MS };
    return context.json(await within(context, limits, (signal) => prunedAnonymous(ports, prune, signal)));
  });
}

interface Pruned {
  readonly VolumesDeleted: readonly string[];
  /** 0 where the engine doesn't say what they held. */
  readonly SpaceReclaimed: number;
}

async function prunedAnonymous(
  { engine, log }: { readonly engine: Engine; readonly log: Log },
  prune: VolumePrune,
  signal: AbortSignal,
): Promise<Pruned> {
  const unused = volumesIn((await engine.get(UNUSED, signal)).body).filter((volume) => prune.isMeant(volume));
  const sizes = unused.length === 0 ? new Map<string, number>() : await sizesOf(engine, signal);
  const deleted: string[] = [];
  for (const { Name } of unused) {
    if (typeof Name !== "string") continue;
    const path = `/volumes/${encodeURIComponent(Name)}`;
    const { status } = await engine.send({ method: "DELETE", path }, signal);
    // One that was taken into use or removed meanwhile stays out of it, as with Docker.
    if (status < 300) deleted.push(Name);
    else log.debug("a volume was not pruned", { volume: Name, status });
  }
  return { VolumesDeleted: deleted, SpaceReclaimed: deleted.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) };
}

/** What the engine says each of its volumes holds, in bytes. It answers one such question at a time, and refuses others. */
async function sizesOf(engine: Engine, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const { body } = await engine.get("/system/df", signal).catch(() => ({ body: undefined }));
  const sized = volumesIn(body).map(({ Name, UsageData }) => [Name, fieldsIn(UsageData)["Size"]] as const);
  return new Map(sized.flatMap(([name, size]) => (isSize(size) ? [[String(name), size] as const] : [])));
}

/** An engine that doesn't know says -1. */
const isSize = (size: unknown): size is number => typeof size === "number" && size > 0;

function volumesIn(body: unknown): readonly Readonly<Record<string, unknown>>[] {
  const { Volumes } = fieldsIn(body);
  return Array.isArray(Volumes) ? Volumes.map((volume) => fieldsIn(volume)) : [];
}
