import type { ExternalCA, SwarmSpec } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printJson } from "../format/listing.ts";
import { readFile } from "../read-file.ts";
import { parseDuration } from "../units/duration.ts";
import { externalCaOption, parseExternalCas } from "./external-ca-option.ts";
import { follow, type Step } from "./follow.ts";
import { isRotated, rotationLine, rotationPicture } from "./rotation-picture.ts";

interface CaFlags {
  readonly rotate?: boolean;
  readonly caCert?: string;
  readonly caKey?: string;
  readonly certExpiry?: string;
  readonly externalCa: readonly string[];
  readonly detach?: boolean;
  readonly quiet?: boolean;
  readonly format: ListFormat;
}

export function clusterCa(cli: Cli): Command {
  return newCommand({
    name: "ca",
    usage: "[OPTIONS]",
    summary: "Show the root certificate that the cluster trusts, or replace it",
    details:
      "With --rotate all nodes get certificates of another root, one after the other and without losing a connection; then the root of before is worthless, and join tokens are others. Nodes that are down hold that up until they are back, or removed. Ctrl-C ends the watching, not the rotation; another one may take its place.",
    examples: [
      { says: "The root, for other programs", line: "murmur cluster ca > root.pem" },
      { says: "Make a stolen key of the cluster's authority worthless", line: "murmur cluster ca --rotate" },
      { says: "A root of one's own", line: "murmur cluster ca --rotate --ca-cert root.pem --ca-key root-key.pem" },
      {
        says: "A root whose key an external CA keeps",
        line: "murmur cluster ca --rotate --ca-cert root.pem --external-ca protocol=cfssl,url=https://ca:8888/api/v1/cfssl/sign",
      },
      { says: "How far it is", line: "murmur cluster ca --format json" },
    ],
  })
    .option("--rotate", "Replace the root, and every node's certificate")
    .option("--ca-cert <file>", "The new root in PEM; default: a new one is made")
    .option("--ca-key <file>", "Its private key in PEM")
    .addOption(externalCaOption())
    .option("--cert-expiry <duration>", "How long certificates of nodes are good from now on, such as 720h")
    .option("-d, --detach", "Don't wait for the end of the rotation")
    .option("-q, --quiet", "Show no progress")
    .addOption(formatOption())
    .action(async (flags: CaFlags) => {
      refuse(flags);
      const { rotate, detach, quiet, format } = flags;
      const client = await cli.client();
      if (rotate === true) {
        const { externalCas, ...changed } = await wishes(flags);
        await changeWithRetry(async () => {
          const { Version, Spec, TLSInfo } = await client.swarm();
          const ForceRotate = (Spec.CAConfig?.ForceRotate ?? 0) + 1;
          // Until the end of the rotation those of the present root may be needed.
          const present = (Spec.CAConfig?.ExternalCAs ?? [])
            .map((ca) => ({ ...ca, CACert: ca.CACert || (TLSInfo.TrustRoot ?? "") }))
            .filter(({ CACert }) => CACert === TLSInfo.TrustRoot);
          const signers = externalCas.length === 0 ? {} : { ExternalCAs: [...present, ...externalCas] };
          const CAConfig = { ...Spec.CAConfig, ForceRotate, ...changed, ...signers };
          await client.updateSwarm(Version.Index, { ...Spec, CAConfig });
        });
        if (detach === true) return;
        const isShown = quiet !== true && format !== "json";
        const look = async (signal: AbortSignal): Promise<Step> => {
          const picture = await rotationPicture(client, signal);
          return { line: rotationLine(picture), isOver: isRotated(picture) };
        };
        if (!(await follow(cli, { look, isShown, command: "murmur cluster ca --format json" }))) return;
      }
      if (format === "json") return printJson(cli, await rotationPicture(client));
      if (rotate !== true || quiet !== true) cli.print(((await client.swarm()).TLSInfo.TrustRoot ?? "").trimEnd());
    });
}

/** Errors: `invalid_argument` for flags that say nothing without another. */
function refuse({ rotate, caCert, caKey, certExpiry, detach, externalCa }: CaFlags): void {
  if (rotate !== true) {
    const given = {
      "--ca-cert": caCert,
      "--ca-key": caKey,
      "--cert-expiry": certExpiry,
      "--detach": detach,
      "--external-ca": externalCa[0],
    };
    const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
    if (flag !== undefined) throw invalid(`\`${flag}\` needs \`--rotate\``);
  }
  if (externalCa.length > 0 && caCert === undefined) {
    throw invalid(
      "rotating to an external CA requires the `--ca-cert` flag to specify the external CA's cert - to add an external CA with the current root CA certificate, use the `update` command instead",
    );
  }
  if (caCert !== undefined && caKey === undefined && externalCa.length === 0)
    throw invalid("the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well");
  if (caCert === undefined && caKey !== undefined) throw invalid("give both, --ca-cert and --ca-key, or none");
}

async function wishes({
  caCert,
  caKey,
  certExpiry,
  externalCa,
}: CaFlags): Promise<NonNullable<SwarmSpec["CAConfig"]> & { readonly externalCas: readonly ExternalCA[] }> {
  const cert = caCert === undefined ? "" : (await readFile(caCert)).toString();
  return {
    // All of them are those of the given root, as with Docker.
    externalCas: (await parseExternalCas(externalCa)).map((ca) => ({ ...ca, CACert: cert })),
    ...(caCert !== undefined && { SigningCACert: cert }),
    ...(caKey !== undefined && { SigningCAKey: (await readFile(caKey)).toString() }),
    ...(certExpiry !== undefined && { NodeCertExpiry: parseDuration(certExpiry) }),
  };
}
