import { ClusterError } from "@murmur/base";
import { DEFAULT_CLUSTER_SPEC, EXTERNAL_CAS_MAX, STRATEGIES } from "@murmur/model";
import { z } from "zod";
import { toDataPlane } from "../docker/address-pool.ts";
import { compact } from "../docker/compact.ts";
import { parseWith } from "../docker/lenient-object.ts";
import { checked, toExternalCa } from "../docker/swarm.ts";
import { externalCa } from "../docker/swarm-schema.ts";
import type { InitRequest, JoinRequest, RestoreRequest } from "../ports.ts";

/*
 * The bodies of /murmur/…: Murmur's own, so they are read strictly.
 */
const address = z.string().min(1).max(300);
const common = {
  advertiseAddr: address.optional(),
  listenAddr: address.optional(),
  availability: z.enum(["active", "pause", "drain"]).default("active"),
  labels: z.record(z.string().min(1).max(1_024), z.string().max(65_536)).default({}),
};

const initBody = z.strictObject({
  ...common,
  name: z.string().min(1).max(63).optional(),
  autolock: z.boolean().optional(),
  strategy: z.enum(STRATEGIES, `must be one of ${STRATEGIES.join(", ")}`).optional(),
  dataPlane: z.enum(["ports", "overlay"], "must be ports or overlay").optional(),
  defaultAddrPool: z.array(z.string().min(1).max(64)).max(16).default([]),
  subnetSize: z.int().min(1).max(32).optional(),
  voters: z.union([z.literal(1), z.literal(3), z.literal(5), z.literal(7)], "must be 1, 3, 5 or 7").optional(),
  externalCas: z.array(externalCa).max(EXTERNAL_CAS_MAX).default([]),
});

const joinBody = z.strictObject({
  ...common,
  token: z.string().min(1, "give the token that `murmur cluster join-token` prints").max(1_024),
  addresses: z.array(address).min(1, "give the address of a node of the cluster").max(64),
});

const restoreOptions = z.strictObject({
  ...common,
  forgetNodes: z.boolean().default(false),
  force: z.boolean().default(false),
  secretsKey: z.string().min(1).max(1_024).optional(),
});

const forceBody = z.strictObject({ force: z.boolean().default(false) });

export function parseInit(body: unknown): InitRequest {
  const {
    name,
    voters,
    strategy,
    autolock,
    dataPlane,
    defaultAddrPool: subnets,
    subnetSize: subnetLength,
    externalCas,
    ...input
  } = parseWith(initBody, body);
  const defaults = DEFAULT_CLUSTER_SPEC;
  const spec = checked({
    ...defaults,
    name: name ?? defaults.name,
    voters: voters ?? defaults.voters,
    ...(autolock === true && { autolock }),
    ...(strategy !== undefined && { strategy }),
    ...(externalCas.length > 0 && { externalCas: externalCas.map(toExternalCa) }),
  });
  const plane = toDataPlane({ dataPlane, subnets, subnetLength });
  const { advertiseAddr, listenAddr } = input;
  const root = externalCas.length > 0 ? "external" : undefined;
  return compact<InitRequest>({ ...input, ...plane, advertiseAddr, listenAddr, spec, root });
}

export function parseJoin(body: unknown): JoinRequest {
  const input = parseWith(joinBody, body);
  return compact<JoinRequest>({ ...input, advertiseAddr: input.advertiseAddr, listenAddr: input.listenAddr });
}

export const parseForce = (body: unknown): { readonly force: boolean } => parseWith(forceBody, body);

/** The options of a restore, which travel in the query: the body is the backup. */
export function parseRestore(text: string | undefined): Omit<RestoreRequest, "backup"> {
  const input = parseWith(restoreOptions, text === undefined ? {} : jsonOf(text));
  return compact<Omit<RestoreRequest, "backup">>({
    ...input,
    advertiseAddr: input.advertiseAddr,
    listenAddr: input.listenAddr,
    secretsKey: input.secretsKey,
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ClusterError("invalid_argument", "invalid JSON in the options");
  }
}
