import { ClusterError } from "@murmur/base";
import {
  configId,
  secretId,
  type ConfigReference,
  type FileTarget,
  type PayloadKind,
  type SecretReference,
} from "@murmur/model";
import { z } from "zod";
import { dockerObject, unsupported } from "./lenient-object.ts";
import type * as docker from "./payload-types.ts";

/** Finds a secret or config by id, else by name. Errors: `invalid_argument`, as Docker has it. */
export type FindPayload = (kind: PayloadKind, wanted: Wanted) => Found;
interface Wanted {
  readonly id: string;
  readonly name: string;
}
interface Found {
  readonly id: string;
  readonly name: string;
}

const text = z.string().max(4_096);
const file = dockerObject({
  Name: text.default(""),
  UID: text.default(""),
  GID: text.default(""),
  Mode: z.int().nonnegative().default(0),
}).optional();

export const secretReferences = z
  .array(dockerObject({ File: file, SecretID: text.default(""), SecretName: text.default("") }))
  .max(8_192)
  .optional();

export const configReferences = z
  .array(
    dockerObject({
      File: file,
      Runtime: unsupported("only Windows takes a config as a credential spec; leave it out"),
      ConfigID: text.default(""),
      ConfigName: text.default(""),
    }),
  )
  .max(8_192)
  .optional();

type SecretInput = NonNullable<z.infer<typeof secretReferences>>[number];
type ConfigInput = NonNullable<z.infer<typeof configReferences>>[number];

export function toSecretReference(input: SecretInput, find: FindPayload): SecretReference {
  const { id, name } = find("secret", { id: input.SecretID, name: input.SecretName });
  return { secretId: secretId(id), secretName: name, file: toFile(input.File, "secret", name) };
}

export function toConfigReference(input: ConfigInput, find: FindPayload): ConfigReference {
  const { id, name } = find("config", { id: input.ConfigID, name: input.ConfigName });
  return { configId: configId(id), configName: name, file: toFile(input.File, "config", name) };
}

function toFile(input: SecretInput["File"], kind: PayloadKind, name: string): FileTarget {
  if (input === undefined || input.Name === "") {
    throw invalid(`malformed file ${kind} reference, invalid target file name provided for ${name}`);
  }
  const owner = (what: "UID" | "GID"): number => {
    const number = input[what] === "" ? 0 : /^\d{1,10}$/.test(input[what]) ? Number(input[what]) : NaN;
    if (number <= 0xffff_ffff) return number;
    throw invalid(`${kind} ${name}: ${what} "${input[what].slice(0, 64)}" must be a number`);
  };
  return { name: input.Name, uid: owner("UID"), gid: owner("GID"), mode: input.Mode & 0o7777 };
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);

const fromFile = ({ name, uid, gid, mode }: FileTarget): docker.FileTarget => ({
  Name: name,
  UID: String(uid),
  GID: String(gid),
  Mode: mode,
});

export const fromSecretReference = ({
  secretId: id,
  secretName,
  file: target,
}: SecretReference): docker.SecretReference => ({
  File: fromFile(target),
  SecretID: id,
  SecretName: secretName,
});

export const fromConfigReference = ({
  configId: id,
  configName,
  file: target,
}: ConfigReference): docker.ConfigReference => ({
  File: fromFile(target),
  ConfigID: id,
  ConfigName: configName,
});
