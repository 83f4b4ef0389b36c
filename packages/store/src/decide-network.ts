import { DEFAULT_NETWORK_NAME, type Command } from "@murmur/model";
import { accepted, putNetwork, remove, type Context, type Decision } from "./decision.ts";
import { refused } from "./result.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function createNetwork({ state, index, now }: Context, { id, spec }: Of<"createNetwork">): Decision {
  if (state.networkByName(spec.name) !== undefined)
    return refused("already_exists", `network with name ${spec.name} already exists`);
  return accepted(id, [putNetwork({ id, spec, createdAt: now, version: index })]);
}

export function removeNetwork({ state }: Context, { id }: Of<"removeNetwork">): Decision {
  const network = state.network(id);
  if (network === undefined) return refused("not_found", `network ${id} not found`);
  if (network.spec.name === DEFAULT_NETWORK_NAME)
    return refused("failed_precondition", "the default network can't be removed: services that name none are in it");
  return accepted(id, [remove("networks", id)]);
}
