import { ClusterError } from "@murmur/base";
import type { VersionInfo } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "./cli.ts";
import { formatOption, newCommand, type ListFormat } from "./command.ts";
import { printJson } from "./format/listing.ts";

interface VersionOptions {
  readonly client?: boolean;
  readonly format: ListFormat;
}

export function versionCommand(cli: Cli): Command {
  return newCommand({
    name: "version",
    usage: "[OPTIONS]",
    summary: "Show the versions of this command and of the daemon",
    details: "Fails when the daemon doesn't answer; --client asks nobody.",
    examples: [
      { says: "Both", line: "murmur version" },
      { says: "Only this command's", line: "murmur version --client" },
    ],
  })
    .option("--client", "Don't ask the daemon")
    .addOption(formatOption())
    .action(async (options: VersionOptions) => {
      const client = clientFacts(cli.ports.version);
      const asked = options.client === true ? undefined : await askDaemon(cli);
      if (options.format === "json") printJson(cli, { Client: client, Server: asked?.version ?? null });
      else cli.print([...textOf("Client: Murmur", client), ...serverText(asked?.version)].join("\n"));
      if (asked?.error !== undefined) throw asked.error;
    });
}

interface Facts {
  readonly [name: string]: string;
}

function clientFacts(version: string): Facts {
  return { Version: version, NodeVersion: process.versions.node, Os: process.platform, Arch: process.arch };
}

/** What is known of the client is shown also when the daemon doesn't answer. */
async function askDaemon(cli: Cli): Promise<{ version?: VersionInfo; error?: ClusterError }> {
  try {
    const client = await cli.client();
    return { version: await client.version() };
  } catch (error) {
    if (error instanceof ClusterError) return { error };
    throw error;
  }
}

const TITLES: Readonly<Record<string, string>> = {
  Version: "Version:",
  NodeVersion: "Node.js version:",
  ApiVersion: "API version:",
  MinAPIVersion: "Oldest API version:",
  Os: "OS:",
  Arch: "Architecture:",
};

function textOf(title: string, facts: Readonly<Record<string, unknown>>): string[] {
  const lines = Object.entries(TITLES).flatMap(([field, name]) => {
    const value = facts[field];
    return typeof value === "string" ? [` ${name.padEnd(20)}${value}`] : [];
  });
  return [title, ...lines];
}

/** The daemon's own version is that of its component; what `Version` says is the engine's, for Docker's clients. */
function serverText(version: VersionInfo | undefined): string[] {
  if (version === undefined) return [];
  const own = version.Components.find(({ Name }) => Name === "Murmur");
  const others = version.Components.filter((component) => component !== own);
  const parts = others.map(({ Name, Version }) => ` ${`${Name}:`.padEnd(20)}${Version}`);
  return ["", ...textOf("Server: Murmur", { ...version, Version: own?.Version ?? version.Version }), ...parts];
}
