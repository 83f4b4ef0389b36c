import type { ConfigReference, FileTarget, SecretReference } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import { cutAssignment } from "../../units/assignment.ts";
import { splitCsv } from "../csv.ts";
import type { ServiceFlag } from "../flag.ts";
import { distinct, replacedByKey } from "../list-edit.ts";

interface Parsed {
  readonly source: string;
  readonly file: FileTarget;
}

/** `db`, or `source=db,target=/etc/db,uid=103,gid=103,mode=0440`. Errors: `invalid_argument`, in Docker's words. */
function parsePayload(text: string): Parsed {
  const fields = splitCsv(text);
  const [first = ""] = fields;
  if (fields.length === 1 && !first.includes("=")) return { source: first, file: fileOf({ name: first }) };
  let source = "";
  const file: { name?: string; uid?: string; gid?: string; mode?: number } = {};
  for (const field of fields) {
    const [written, value] = cutAssignment(field);
    if (value === undefined) throw invalid(`invalid field '${field}' must be a key=value pair`);
    const key = written.trim().toLowerCase();
    if (key === "source" || key === "src") source = value;
    else if (key === "target") file.name = value;
    else if (key === "uid") file.uid = value;
    else if (key === "gid") file.gid = value;
    else if (key === "mode") file.mode = modeOf(value);
    else throw invalid(`invalid field '${key}': there are source, target, uid, gid, mode`);
  }
  if (source === "") throw invalid("source is required");
  return { source, file: fileOf({ name: source, ...file }) };
}

const fileOf = ({
  name,
  uid = "0",
  gid = "0",
  mode = 0o444,
}: {
  readonly name: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly mode?: number;
}): FileTarget => ({ Name: name, UID: uid, GID: gid, Mode: mode });

function modeOf(text: string): number {
  if (/^0?[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw invalid(`invalid mode specified: '${text}': give an octal number, such as 0440`);
}

/** The daemon finds it by its name. */
const secretOf = ({ source, file }: Parsed): SecretReference => ({ File: file, SecretID: "", SecretName: source });
const configOf = ({ source, file }: Parsed): ConfigReference => ({ File: file, ConfigID: "", ConfigName: source });
const targetOf = ({ File }: { readonly File: FileTarget }): string => File.Name;

export const PAYLOAD_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "secret",
    value: "secret",
    help: "Secret to find as a file: NAME, or source=NAME,target=FILE,uid=UID,gid=GID,mode=MODE",
    add({ TaskTemplate: { ContainerSpec: spec } }, texts) {
      const added = distinct(texts.map(parsePayload).map(secretOf), targetOf);
      spec.Secrets = replacedByKey(spec.Secrets, added, targetOf);
    },
    remove: {
      value: "secret",
      help: "Remove a secret, by its name",
      from({ TaskTemplate: { ContainerSpec: spec } }, names) {
        spec.Secrets = (spec.Secrets ?? []).filter(({ SecretName }) => !names.includes(SecretName));
      },
    },
  },
  {
    kind: "list",
    name: "config",
    value: "config",
    help: "Config to find as a file: NAME, or source=NAME,target=FILE,uid=UID,gid=GID,mode=MODE",
    add({ TaskTemplate: { ContainerSpec: spec } }, texts) {
      const added = distinct(texts.map(parsePayload).map(configOf), targetOf);
      spec.Configs = replacedByKey(spec.Configs, added, targetOf);
    },
    remove: {
      value: "config",
      help: "Remove a config, by its name",
      from({ TaskTemplate: { ContainerSpec: spec } }, names) {
        spec.Configs = (spec.Configs ?? []).filter(({ ConfigName }) => !names.includes(ConfigName));
      },
    },
  },
];
