import { createHash } from "node:crypto";
import type { ConfigReference, FileTarget, SecretReference } from "@murmur/api";
import type { ComposePayload, ComposeReference } from "@murmur/compose";
import { invalid } from "../../argument-error.ts";
import { KEY_LABEL, scoped, STACK_LABEL } from "../stack-name.ts";
import type { PayloadWish } from "./stack-wish.ts";

const HASH_DIGITS = 12;

/**
 * The configs or secrets of a stack by their names in the file. One that has no `name:` of its own is called after its
 * content: another content is another object, so that what uses it is rolled like by any other change.
 */
export function payloadWishes(
  stack: string,
  kind: "config" | "secret",
  payloads: ReadonlyMap<string, ComposePayload>,
): ReadonlyMap<string, PayloadWish> {
  return new Map([...payloads].map(([key, payload]) => [key, wishFor(stack, kind, { key, payload })]));
}

function wishFor(
  stack: string,
  kind: "config" | "secret",
  { key, payload }: { readonly key: string; readonly payload: ComposePayload },
): PayloadWish {
  if (payload.external) return { key, name: payload.name ?? key, versioned: false };
  const { data } = payload;
  if (data === undefined) throw invalid(`${kind}s.${key}: has no content: give file, environment or content`);
  if (data.length === 0) throw invalid(`${kind}s.${key}: is empty: the cluster takes one byte or more`);
  const versioned = payload.name === undefined;
  const name = payload.name ?? `${scoped(stack, key)}-${versionOf(payload, data)}`;
  const labels = {
    ...Object.fromEntries(payload.labels),
    [STACK_LABEL]: stack,
    ...(versioned && { [KEY_LABEL]: key }),
  };
  const Templating = payload.templateDriver === undefined ? undefined : { Name: payload.templateDriver };
  const Data = Buffer.from(data).toString("base64");
  return { key, name, versioned, body: { Name: name, Labels: labels, Data, ...(Templating && { Templating }) } };
}

/** Of its content; and of what else it is made with, where something is said. */
function versionOf({ labels, templateDriver }: ComposePayload, data: Uint8Array): string {
  const hash = createHash("sha256");
  if (labels.size > 0 || templateDriver !== undefined)
    hash.update(JSON.stringify([templateDriver ?? "", [...labels].toSorted(([a], [b]) => (a < b ? -1 : 1))]));
  return hash.update(data).digest("hex").slice(0, HASH_DIGITS);
}

type Wishes = ReadonlyMap<string, PayloadWish>;

/** Always in the same order, so that the order of the file is no change. The daemon finds them by their names. */
export const configReferences = (references: readonly ComposeReference[], wishes: Wishes): ConfigReference[] =>
  sorted(references).map((reference) => ({
    File: fileOf(reference, reference.target ?? reference.source),
    ConfigID: "",
    ConfigName: nameOf("configs", reference, wishes),
  }));

export const secretReferences = (references: readonly ComposeReference[], wishes: Wishes): SecretReference[] =>
  sorted(references).map((reference) => ({
    File: fileOf(reference, reference.target ?? reference.source),
    SecretID: "",
    SecretName: nameOf("secrets", reference, wishes),
  }));

const sorted = (references: readonly ComposeReference[]): readonly ComposeReference[] =>
  references.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
const sortKey = ({ source, target = "" }: ComposeReference): string => `${source} ${target}`;

const fileOf = ({ uid = "0", gid = "0", mode = 0o444 }: ComposeReference, target: string): FileTarget => ({
  Name: target,
  UID: uid,
  GID: gid,
  Mode: mode,
});

function nameOf(kind: string, { source }: ComposeReference, wishes: Wishes): string {
  const wish = wishes.get(source);
  if (wish === undefined) throw invalid(`${kind}.${source}: a service uses it, and the file has no such one`);
  return wish.name;
}
