import type { SwarmSpec } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printJson } from "../format/listing.ts";
import { readFile } from "../read-file.ts";
import { parseDuration } from "../units/duration.ts";
import { followRotation } from "./follow-rotation.ts";
import { rotationPicture } from "./rotation-picture.ts";

interface CaFlags {
  readonly rotate?: boolean;
  readonly caCert?: string;
  readonly caKey?: string;
  readonly certExpiry?: string;
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
      { says: "How far it is", line: "murmur cluster ca --format json" },
    ],
  })
    .option("--rotate", "Replace the root, and every node's certificate")
    .option("--ca-cert <file>", "The new root in PEM; default: a new one is made")
    .option("--ca-key <file>", "Its private key in PEM")
    .option("--cert-expiry <duration>", "How long certificates of nodes are good from now on, such as 720h")
    .option("-d, --detach", "Don't wait for the end of the rotation")
    .option("-q, --quiet", "Show no progress")
    .addOption(formatOption())
    .action(async (flags: CaFlags) => {
      refuse(flags);
      const { rotate, detach, quiet, format } = flags;
      const client = await cli.client();
      if (rotate === true) {
        const changed = await wishes(flags);
        await changeWithRetry(async () => {
          const { Version, Spec } = await client.swarm();
          const ForceRotate = (Spec.CAConfig?.ForceRotate ?? 0) + 1;
          await client.updateSwarm(Version.Index, { ...Spec, CAConfig: { ...Spec.CAConfig, ForceRotate, ...changed } });
        });
        if (detach === true) return;
        const isShown = quiet !== true && format !== "json";
        if (!(await followRotation(cli, { isShown }))) return;
      }
      if (format === "json") return printJson(cli, await rotationPicture(client));
      if (rotate !== true || quiet !== true) cli.print(((await client.swarm()).TLSInfo.TrustRoot ?? "").trimEnd());
    });
}

/** Errors: `invalid_argument` for flags that say nothing without another. */
function refuse({ rotate, caCert, caKey, certExpiry, detach }: CaFlags): void {
  if (rotate !== true) {
    const given = { "--ca-cert": caCert, "--ca-key": caKey, "--cert-expiry": certExpiry, "--detach": detach };
    const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
    if (flag !== undefined) throw invalid(`\`${flag}\` needs \`--rotate\``);
  }
  if ((caCert === undefined) !== (caKey === undefined)) throw invalid("give both, --ca-cert and --ca-key, or none");
}

async function wishes({ caCert, caKey, certExpiry }: CaFlags): Promise<NonNullable<SwarmSpec["CAConfig"]>> {
  return {
    ...(caCert !== undefined && { SigningCACert: (await readFile(caCert)).toString() }),
    ...(caKey !== undefined && { SigningCAKey: (await readFile(caKey)).toString() }),
    ...(certExpiry !== undefined && { NodeCertExpiry: parseDuration(certExpiry) }),
  };
}
