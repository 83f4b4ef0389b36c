import type { Command } from "commander";
import type { Millis } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { humanSize } from "../format/human-size.ts";
import { printJson } from "../format/listing.ts";
import { fileTarget, outputTarget, type BackupTarget } from "./backup-target.ts";
import { countsText } from "./backup-text.ts";

const PROGRESS_MS: Millis = 200;
const CLEAR_LINE = "\r\u001B[2K";

export function clusterBackup(cli: Cli): Command {
  return newCommand({
    name: "backup",
    usage: "[OPTIONS] FILE|-",
    summary: "Write the cluster's state into a file, while it goes on",
    details:
      "All services, tasks, nodes and settings as they are at one moment, checked to its end before FILE is put in place. Not the data of containers and volumes. The file holds the cluster's keys: it is readable for its owner only, and belongs where secrets do. For that reason it is written on managers only.",
    examples: [
      { says: "Into a file", line: "murmur cluster backup /var/backups/murmur-$(date +%F).backup" },
      { says: "Encrypted, without a file in between", line: "murmur cluster backup - | age -r RECIPIENT > murmur.age" },
    ],
  })
    .argument("<file>", 'Where to; "-" is standard output')
    .addOption(formatOption())
    .action(async (path: string, { format }: { readonly format: ListFormat }) => {
      const client = await cli.client();
      const { loadBackups } = await import("@murmur/api");
      const { checkBackup } = await loadBackups();
      await using target = path === "-" ? outputTarget(cli) : await fileTarget(path);
      const progress = new Progress(cli);
      const source = client.backup({ signal: cli.ports.interrupts() });
      const header = await checkBackup(passedTo(target, source, progress)).finally(() => progress.end());
      await target.commit();
      if (path === "-") return;
      if (format === "json") return printJson(cli, { file: path, bytes: progress.bytes, ...header });
      const { clusterName, index, counts } = header;
      cli.print(
        `Wrote the state of cluster ${clusterName} at entry ${String(index)} to ${path} (${humanSize(progress.bytes)}): ${countsText(counts)}.`,
      );
      cli.print("It holds the cluster's keys: whoever can read it can become any node of the cluster.");
    });
}

/** Writes the pieces on their way to whoever checks them. */
async function* passedTo(
  target: BackupTarget,
  source: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    await target.write(bytes);
    progress.add(bytes.byteLength);
    yield bytes;
  }
}

/** How much there is so far, on a terminal. */
class Progress {
  bytes = 0;
  readonly #cli: Cli;
  #shownAt: Millis;
  #shown = false;

  constructor(cli: Cli) {
    this.#cli = cli;
    this.#shownAt = cli.ports.clock.monotonic();
  }

  add(bytes: number): void {
    this.bytes += bytes;
    const { stderr, clock } = this.#cli.ports;
    if (!stderr.isTerminal || clock.monotonic() - this.#shownAt < PROGRESS_MS) return;
    this.#shownAt = clock.monotonic();
    this.#shown = true;
    stderr.write(`${CLEAR_LINE}${humanSize(this.bytes)}`);
  }

  end(): void {
    if (this.#shown) this.#cli.ports.stderr.write(CLEAR_LINE);
  }
}
