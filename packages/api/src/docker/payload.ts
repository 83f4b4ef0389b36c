import { ClusterError } from "@murmur/base";
import {
  LIMITS,
  templateProblem,
  validateSecretSpec,
  type Config,
  type PayloadKind,
  type Secret,
  type SecretSpec,
} from "@murmur/model";
import { z } from "zod";
import { compact } from "./compact.ts";
import { driver, textMap } from "./container-schema.ts";
import { dockerObject, parseWith, unsupported } from "./lenient-object.ts";
import type * as docker from "./payload-types.ts";
import { toTimestamp } from "./time.ts";

const payloadSchema = dockerObject(
  {
    Name: z.string().max(1_024).default(""),
    Labels: textMap.optional(),
    Data: z.string().optional(),
    Driver: unsupported("Murmur has no drivers that keep secrets elsewhere; leave it out"),
    Templating: driver.optional(),
  },
  { passOverLowerCase: true },
);

/** What a request says of a secret or a config. Both specs have one form. */
export interface PayloadInput {
  readonly spec: SecretSpec;
  /** Undefined: it says none. */
  readonly bytes: Uint8Array | undefined;
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);

/** Reads the body of a request. Errors: `invalid_argument`, in Docker's words where it has some; never with the data. */
export function toPayload(kind: PayloadKind, body: unknown): PayloadInput {
  const input = parseWith(payloadSchema, body);
  const templating = input.Templating?.Name ?? "";
  if (templating !== "" && templating !== "golang") {
    throw invalid(`Templating.Name: the template driver ${templating} is not known: give golang or leave it out`);
  }
  const spec = compact<SecretSpec>({
    name: input.Name,
    labels: input.Labels ?? {},
    templating: templating === "" ? undefined : "golang",
  });
  if (spec.name === "") throw invalid("name must be provided");
  const problems = validateSecretSpec(spec);
  if (problems.some((problem) => problem.startsWith("name:"))) {
    throw invalid(
      "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]",
    );
  }
  if (problems.length > 0) throw invalid(`invalid ${kind}: ${problems.join("; ")}`);
  return { spec, bytes: input.Data === undefined ? undefined : bytesOf(input.Data) };
}

/** The bytes of a new secret or config, within Docker's bounds. */
export function checkedBytes(kind: PayloadKind, { spec, bytes }: PayloadInput): Uint8Array {
  const limit = kind === "secret" ? LIMITS.secretBytes : LIMITS.configBytes;
  if (bytes === undefined || bytes.length < 1 || bytes.length >= limit) {
    throw invalid(`${kind} data must be larger than 0 and less than ${String(limit)} bytes`);
  }
  if (spec.templating === undefined) return bytes;
  const problem = templateProblem(new TextDecoder().decode(bytes), { hasFunctions: true });
  // The message may quote an action: of a secret it says only that there is something.
  if (problem !== undefined) {
    throw invalid(
      kind === "config" ? problem : `${placeIn(problem)}: the secret has an action in {{ }} that Murmur doesn't expand`,
    );
  }
  return bytes;
}

/** The part of a template's problem that says where it is. */
const placeIn = (problem: string): string => /^template: (?:line \d+, )?column \d+/.exec(problem)?.[0] ?? "template";

/** As Go reads base64: of the standard alphabet, padded, line ends passed over. */
function bytesOf(base64: string): Uint8Array {
  const text = base64.replaceAll(/[\r\n]/g, "");
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw invalid("illegal base64 data: Data must be base64");
  return bytes;
}

const templatingOf = ({ templating }: SecretSpec): Pick<docker.SecretSpec, "Templating"> =>
  templating === undefined ? {} : { Templating: { Name: templating } };

export const fromSecret = ({ id, version, createdAt, updatedAt, spec }: Secret): docker.Secret => ({
  ID: id,
  Version: { Index: version },
  CreatedAt: toTimestamp(createdAt),
  UpdatedAt: toTimestamp(updatedAt),
  Spec: { Name: spec.name, Labels: { ...spec.labels }, ...templatingOf(spec) },
});

export const fromConfig = ({ id, version, createdAt, updatedAt, spec, data }: Config): docker.Config => ({
  ID: id,
  Version: { Index: version },
  CreatedAt: toTimestamp(createdAt),
  UpdatedAt: toTimestamp(updatedAt),
  Spec: { Name: spec.name, Labels: { ...spec.labels }, Data: data, ...templatingOf(spec) },
});
