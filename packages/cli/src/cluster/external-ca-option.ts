import type { ExternalCA } from "@murmur/api";
import type { Option } from "commander";
import { invalid } from "../argument-error.ts";
import { listOption } from "../command.ts";
import { readFile } from "../read-file.ts";
import { splitCsv } from "../service/csv.ts";

export const externalCaOption = (): Option =>
  listOption(
    "--external-ca <external-ca>",
    "What signs nodes' certificates instead of the cluster: protocol=cfssl,url=https://…[,cacert=FILE]; may be repeated",
  );

/** The values of the option, with the files that they name. Errors: `invalid_argument`, in Docker's words. */
export const parseExternalCas = (values: readonly string[]): Promise<ExternalCA[]> =>
  Promise.all(values.map(parseExternalCa));

async function parseExternalCa(value: string): Promise<ExternalCA> {
  const fields = new Map<string, string>();
  for (const field of splitCsv(value)) {
    const at = field.indexOf("=");
    if (at < 0) throw invalid(`invalid field '${field}' must be a key=value pair`);
    fields.set(field.slice(0, at), field.slice(at + 1));
  }
  const { protocol, url, cacert, ...Options } = Object.fromEntries(fields);
  if (protocol === undefined) throw invalid("the external-ca option needs a protocol= parameter");
  if (protocol.toLowerCase() !== "cfssl") throw invalid(`unrecognized external CA protocol ${protocol}`);
  if (url === undefined) throw invalid("the external-ca option needs a url= parameter");
  const CACert = cacert === undefined ? "" : (await readFile(cacert)).toString();
  if (cacert !== undefined && !CACert.includes("-----BEGIN "))
    throw invalid("CA cert for external CA must be in PEM format");
  return { Protocol: "cfssl", URL: url, ...(Object.keys(Options).length > 0 && { Options }), CACert };
}
