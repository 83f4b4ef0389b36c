import {
  requiredSealKey,
  sealedOtherwise,
  sealHintIn,
  sealStart,
  SEAL_KEY_REST_MS,
  secretId,
  serviceId,
  type Cluster,
  type Command,
  type ResealedThing,
} from "@murmur/model";
import type { Write } from "./change.ts";
import { noCluster } from "./decide-cluster.ts";
import { accepted, putCluster, putSecret, putService, type Context, type Decision } from "./decision.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function rotateSealKey(context: Context, { next }: Of<"rotateSealKey">): Decision {
  const cluster = context.state.cluster();
  if (cluster === undefined) return noCluster();
  const { phase, steppedAt } = cluster.sealKey ?? {};
  if (phase === "seal") {
    return refused(
      "failed_precondition",
      "the secrets are being sealed with another key already: let that end (`murmur cluster secrets-key --progress`)",
    );
  }
  if (phase === undefined && steppedAt !== undefined && context.now < steppedAt + SEAL_KEY_REST_MS) {
    return refused(
      "failed_precondition",
      "the key of secrets has just been replaced: try again in two minutes, when the one of before is dropped everywhere",
    );
  }
  return change(context, cluster, { ...next, phase: "hold" });
}

/** The leader's own. That nothing is left that another key has sealed is looked at here and not only by the leader. */
export function advanceSealKey(context: Context, { digest, phase }: Of<"advanceSealKey">): Decision {
  const cluster = context.state.cluster();
  if (cluster === undefined) return noCluster();
  const { sealKey } = cluster;
  if (sealKey === undefined || sealKey.digest !== digest || sealKey.phase !== phase)
    return refused("out_of_date", "the rotation of the key of secrets is another one, or further, by now");
  const { hint } = sealKey;
  if (phase === "hold") return change(context, cluster, { hint, digest, phase: "seal" });
  const [left] = sealedOtherwise(context.state, sealKey);
  if (left !== undefined) return refused("failed_precondition", `${left.name} is still sealed with another key`);
  return change(context, cluster, { hint, digest });
}

export function replaceSealKey(context: Context, { next, isSealing }: Of<"replaceSealKey">): Decision {
  const cluster = context.state.cluster();
  if (cluster === undefined) return noCluster();
  return change(context, cluster, { ...next, ...(isSealing && { phase: "seal" }) });
}

/** No version is raised: what the things hold is what it was. */
export function reseal({ state }: Context, { things }: Of<"reseal">): Decision {
  const cluster = state.cluster();
  const wanted = cluster && requiredSealKey(cluster);
  if (cluster === undefined || wanted === undefined)
    return refused("out_of_date", "nothing is being sealed anew any more");
  if (things.some(({ sealed }) => sealHintIn(sealed) !== wanted.hint)) return wrongKey();
  const draft: Draft = { state, writes: new Map() };
  for (const thing of things) resealOne(draft, thing);
  return accepted(cluster.id, [...draft.writes.values()]);
}

interface Draft {
  readonly state: State;
  /** By place and object: of one service two logins may be sealed anew. */
  readonly writes: Map<string, Write>;
}

function resealOne({ state, writes }: Draft, { place, of, from, sealed }: ResealedThing): void {
  const isSame = (present: string | undefined): boolean => present !== undefined && sealStart(present) === from;
  switch (place) {
    case "unlockKey": {
      const cluster = state.cluster();
      if (cluster !== undefined && isSame(cluster.unlockKey))
        writes.set("cluster", putCluster({ ...cluster, unlockKey: sealed }));
      return;
    }
    case "secret": {
      const secret = state.secret(secretId(of));
      if (secret !== undefined && isSame(secret.sealed)) writes.set(`secret ${of}`, putSecret({ ...secret, sealed }));
      return;
    }
    case "login":
    case "previousLogin": {
      const field = place === "login" ? "registryAuth" : "previousRegistryAuth";
      const drafted = writes.get(`service ${of}`);
      const service =
        drafted?.kind === "put" && drafted.table === "services" ? drafted.current : state.service(serviceId(of));
      if (service !== undefined && isSame(service[field]))
        writes.set(`service ${of}`, putService({ ...service, [field]: sealed }));
    }
  }
}

/** Why a command that brings something sealed comes too late; undefined: it doesn't. */
export function sealedTooLate(state: State, command: Command): Refusal | undefined {
  const sealed = sealedBy(command);
  if (sealed === undefined || sealed === "") return undefined;
  const cluster = state.cluster();
  const wanted = cluster && requiredSealKey(cluster);
  return wanted === undefined || sealHintIn(sealed) === wanted.hint ? undefined : wrongKey();
}

function sealedBy(command: Command): string | undefined {
  if (command.kind === "createSecret") return command.sealed;
  if (command.kind === "createService" || command.kind === "updateService") return command.registryAuth;
  return command.kind === "updateCluster" ? command.unlockKey : undefined;
}

const wrongKey = (): Refusal =>
  refused("unavailable", "the key of secrets has just been replaced, and this was sealed with another one: try again");

const change = (
  { index, now }: Context,
  cluster: Cluster,
  sealKey: Omit<NonNullable<Cluster["sealKey"]>, "steppedAt">,
): Decision =>
  accepted(cluster.id, [
    putCluster({ ...cluster, sealKey: { ...sealKey, steppedAt: now }, updatedAt: now, version: index }),
  ]);
