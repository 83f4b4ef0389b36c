import type { Millis } from "@murmur/base";
import type { ContainerSpec } from "./container-spec.ts";
import type { ConfigId, Index, SecretId, ServiceId } from "./ids.ts";
import { configTarget, secretTarget, type FileTarget } from "./payload-file.ts";

/*
 * Secrets and configs: bytes that a service's containers find as files. They differ in how they are kept: a secret's
 * bytes are sealed before they become part of a command, so that nothing replicated holds them in clear.
 */
export type PayloadKind = "secret" | "config";

interface PayloadSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The contents are a template, expanded for each task; left out: they are taken as they are. */
  readonly templating?: "golang";
}

/** What a user says of a secret beside its bytes. Of these only the labels can change. */
export interface SecretSpec extends PayloadSpec {}
/** The same of a config. */
export interface ConfigSpec extends PayloadSpec {}

export interface Secret {
  readonly id: SecretId;
  readonly spec: SecretSpec;
  /** Base64 of the sealed bytes; which key opens them is not part of the state. */
  readonly sealed: string;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  readonly version: Index;
}

export interface Config {
  readonly id: ConfigId;
  readonly spec: ConfigSpec;
  /** Base64. */
  readonly data: string;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  readonly version: Index;
}

/** What only the managers' keys open. */
export interface Sealed {
  /** What it is bound to: sealed for one id, it doesn't open for another. */
  readonly id: string;
  /** Base64. */
  readonly sealed: string;
}

/** What a service's login to its registry is bound to when it is sealed. */
export const loginSealId = (service: ServiceId): string => `login/${service}`;

/** What the unlock key is bound to when it is sealed. */
export const UNLOCK_KEY_SEAL_ID = "unlock-key";

/** A secret or config that a container uses. */
export interface PayloadUse {
  readonly kind: PayloadKind;
  readonly id: SecretId | ConfigId;
  readonly name: string;
  readonly file: FileTarget;
  /** The path in the container. */
  readonly target: string;
}

/** All that a container uses: the secrets, then the configs. */
export function payloadsOf({ secrets = [], configs = [] }: ContainerSpec): readonly PayloadUse[] {
  if (secrets.length === 0 && configs.length === 0) return NONE;
  return [
    ...secrets.map(({ secretId: id, secretName: name, file }): PayloadUse => {
      return { kind: "secret", id, name, file, target: secretTarget(file) };
    }),
    ...configs.map(({ configId: id, configName: name, file }): PayloadUse => {
      return { kind: "config", id, name, file, target: configTarget(file) };
    }),
  ];
}

const NONE: readonly PayloadUse[] = [];

/** The same, as the rules about targets name them. */
export function filesOf(spec: ContainerSpec): readonly { key: string; name: string; target: string }[] {
  return payloadsOf(spec).map(({ kind, name, target }) => ({ key: `${kind}s`, name: `${kind} ${name}`, target }));
}
