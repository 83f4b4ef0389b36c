import { z } from "zod";
import { id, list } from "./fields.ts";
import { config, info, network, networkMade, node, secret, swarm, task, versions } from "./objects.ts";
import { service, serviceUpdated } from "./service.ts";

const refusal = z.strictObject({ message: z.string().min(1) });
const nothing = z.literal("");
const madeById = z.strictObject({ ID: id, Warnings: list(z.string()).optional() });

/** Answers that are no refusal, by `METHOD PATH` without the query. The first that fits holds. */
const ANSWERS: readonly (readonly [RegExp, z.ZodType])[] = [
  [/^GET \/services$/, z.array(service)],
  [/^POST \/services\/create$/, madeById],
  [/^POST \/services\/[^/]+\/update$/, serviceUpdated],
  [/^GET \/services\/[^/]+$/, service],
  [/^GET \/tasks$/, z.array(task)],
  [/^GET \/tasks\/[^/]+$/, task],
  [/^GET \/nodes$/, z.array(node)],
  [/^GET \/nodes\/[^/]+$/, node],
  [/^GET \/secrets$/, z.array(secret)],
  [/^GET \/secrets\/[^/]+$/, secret],
  [/^GET \/configs$/, z.array(config)],
  [/^GET \/configs\/[^/]+$/, config],
  [/^POST \/(?:secrets|configs)\/create$/, madeById],
  [/^GET \/networks$/, z.array(network)],
  [/^GET \/networks\/[^/]+$/, network],
  [/^POST \/networks\/create$/, networkMade],
  [/^POST \/networks\/prune$/, z.strictObject({ NetworksDeleted: z.array(z.string()).nullable() })],
  [/^GET \/swarm$/, swarm],
  [/^GET \/swarm\/unlockkey$/, z.strictObject({ UnlockKey: z.string() })],
  [/^GET \/info$/, info],
  [/^GET \/version$/, versions],
  [/^POST \/swarm\/init$/, id],
  [/^(?:DELETE|POST) \/(?:services|secrets|configs|networks|nodes|swarm)\b/, nothing],
];

/** What an answer says that Docker's API definition doesn't know, or says as another type; undefined: nothing. */
export function schemaProblem(
  ask: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): string | undefined {
  const schema = status >= 400 ? refusal : ANSWERS.find(([pattern]) => pattern.test(ask.split("?", 1)[0] ?? ""))?.[1];
  const result = schema?.safeParse(body);
  return result === undefined || result.success ? undefined : z.prettifyError(result.error);
}
