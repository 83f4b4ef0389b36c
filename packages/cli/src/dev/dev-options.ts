import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { defaultDevDir } from "../default-paths.ts";
import type { CliPorts } from "../ports.ts";

export interface DevFlags {
  readonly dir?: string;
  readonly dockerHost?: string;
}

export const addDevFlags = (command: Command): Command =>
  command.addOption(
    new Option("--dir <path>", "State of all nodes (default: /var/lib/murmur-dev, else ~/.local/state/murmur-dev)").env(
      "MURMUR_DEV_DIR",
    ),
  );

export const devRoot = (flags: DevFlags, ports: CliPorts): string => resolve(flags.dir || defaultDevDir(ports));
