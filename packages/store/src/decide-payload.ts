import {
  configId,
  equal,
  LIMITS,
  payloadsOf,
  secretId,
  type Command,
  type Config,
  type PayloadKind,
  type Secret,
  type SecretSpec,
  type ServiceSpec,
} from "@murmur/model";
import { outOfSequence } from "./decide-cluster.ts";
import { accepted, putConfig, putSecret, remove, type Context, type Decision } from "./decision.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function createSecret({ state, index, now }: Context, { id, spec, sealed }: Of<"createSecret">): Decision {
  const refusal = unmakeable(state, { kind: "secret", id, name: spec.name, chars: sealed.length });
  if (refusal !== undefined) return refusal;
  return accepted(id, [putSecret({ id, spec, sealed, createdAt: now, updatedAt: now, version: index })]);
}

export function createConfig({ state, index, now }: Context, { id, spec, data }: Of<"createConfig">): Decision {
  const refusal = unmakeable(state, { kind: "config", id, name: spec.name, chars: data.length });
  if (refusal !== undefined) return refusal;
  return accepted(id, [putConfig({ id, spec, data, createdAt: now, updatedAt: now, version: index })]);
}

export function updateSecret({ state, index, now }: Context, { id, version, spec }: Of<"updateSecret">): Decision {
  const secret = state.secret(id);
  const refusal = unchangeable(secret, { kind: "secret", id, version, spec });
  if (refusal !== undefined || secret === undefined) return refusal ?? gone("secret", id);
  return accepted(id, [putSecret({ ...secret, spec, updatedAt: now, version: index })]);
}

export function updateConfig({ state, index, now }: Context, { id, version, spec }: Of<"updateConfig">): Decision {
  const config = state.config(id);
  const refusal = unchangeable(config, { kind: "config", id, version, spec });
  if (refusal !== undefined || config === undefined) return refusal ?? gone("config", id);
  return accepted(id, [putConfig({ ...config, spec, updatedAt: now, version: index })]);
}

export function removeSecret({ state }: Context, { id }: Of<"removeSecret">): Decision {
  const secret = state.secret(id);
  if (secret === undefined) return gone("secret", id);
  return inUse(state, "secret", secret) ?? accepted(id, [remove("secrets", id)]);
}

export function removeConfig({ state }: Context, { id }: Of<"removeConfig">): Decision {
  const config = state.config(id);
  if (config === undefined) return gone("config", id);
  return inUse(state, "config", config) ?? accepted(id, [remove("configs", id)]);
}

/** Why a service can't be of this spec: what it refers to must be there. In Docker's words. */
export function missingPayload(state: State, spec: ServiceSpec): Refusal | undefined {
  for (const kind of ["secret", "config"] as const) {
    const missing = payloadsOf(spec.task.container)
      .filter((use) => use.kind === kind && find(state, kind, use.id) === undefined)
      .map(({ name }) => name);
    if (missing.length > 0) {
      return refused("invalid_argument", `${kind}${missing.length > 1 ? "s" : ""} not found: ${missing.join(", ")}`);
    }
  }
  return undefined;
}

const find = (state: State, kind: PayloadKind, id: string): Secret | Config | undefined =>
  kind === "secret" ? state.secret(secretId(id)) : state.config(configId(id));

interface Making {
  readonly kind: PayloadKind;
  readonly id: string;
  readonly name: string;
  readonly chars: number;
}

function unmakeable(state: State, { kind, id, name, chars }: Making): Refusal | undefined {
  const namesake = kind === "secret" ? state.secretByName(name) : state.configByName(name);
  if (namesake !== undefined) return refused("already_exists", `${kind} ${name} already exists`);
  if (find(state, kind, id) !== undefined) return refused("already_exists", `${kind} ${id} exists already`);
  const [count, most] =
    kind === "secret" ? [state.secrets().length, LIMITS.secrets] : [state.configs().length, LIMITS.configs];
  if (count >= most) return refused("overloaded", `the cluster has ${most} ${kind}s, the most it takes; remove some`);
  let held = chars;
  for (const { sealed } of state.secrets()) held += sealed.length;
  for (const { data } of state.configs()) held += data.length;
  if (held <= LIMITS.payloadChars) return undefined;
  return refused("overloaded", "the cluster's secrets and configs together are as large as it takes; remove some");
}

function unchangeable(
  record: Secret | Config | undefined,
  change: { readonly kind: PayloadKind; readonly id: string; readonly version: number; readonly spec: SecretSpec },
): Refusal | undefined {
  const { kind, id, version, spec } = change;
  if (record === undefined) return gone(kind, id);
  if (record.version !== version) return outOfSequence(`${kind} ${record.spec.name}`, record.version, version);
  if (equal({ ...spec, labels: {} }, { ...record.spec, labels: {} })) return undefined;
  return refused("invalid_argument", "only updates to Labels are allowed");
}

const gone = (kind: PayloadKind, id: string): Refusal => refused("not_found", `${kind} ${id} not found`);

/** Names of services that a refusal lists; others are counted. */
const LISTED_MAX = 20;

function inUse(state: State, kind: PayloadKind, { id, spec }: Secret | Config): Refusal | undefined {
  const names = state
    .services()
    .filter((service) => service.removing !== true)
    .filter((service) => payloadsOf(service.spec.task.container).some((use) => use.kind === kind && use.id === id))
    .map((service) => service.spec.name);
  if (names.length === 0) return undefined;
  const more = names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : "";
  const listed = names.slice(0, LISTED_MAX).join(", ") + more;
  const services = names.length === 1 ? "service" : "services";
  return refused("in_use", `${kind} '${spec.name}' is in use by the following ${services}: ${listed}`);
}
