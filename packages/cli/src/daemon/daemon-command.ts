import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addDaemonFlags, daemonSettings, type DaemonFlags } from "./daemon-options.ts";

export function daemonCommand(cli: Cli): Command {
  const command = newCommand({
    name: "daemon",
    usage: "[OPTIONS]",
    summary: "Run this host's node in the foreground",
    details:
      "What systemd or a container runs. It takes up its place in the cluster again after a restart, and stops in order at SIGTERM or SIGINT; the containers run on.",
    examples: [
      { says: "With all defaults", line: "murmur daemon" },
      { says: "On a host that has another address now", line: "murmur daemon --advertise-addr 10.1.0.7" },
      {
        says: "A second one beside it",
        line: "murmur daemon --data-dir /srv/two --socket /srv/two.sock --listen-addr 127.0.0.2:7373",
      },
    ],
  });
  return addDaemonFlags(command).action(async (flags: DaemonFlags) => {
    await cli.ports.daemon.run(daemonSettings(flags, cli.ports));
  });
}
