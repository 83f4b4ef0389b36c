import { Argument, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { SCRIPTS, SHELLS, type Shell } from "./scripts.ts";

export function completionCommand(cli: Cli): Command {
  return newCommand({
    name: "completion",
    usage: "bash|zsh|fish",
    summary: "Print the script that completes commands, flags and names in a shell",
    examples: [
      { says: "bash, in ~/.bashrc", line: "source <(murmur completion bash)" },
      { says: "zsh, in ~/.zshrc", line: "source <(murmur completion zsh)" },
      { says: "fish, in ~/.config/fish/config.fish", line: "murmur completion fish | source" },
    ],
  })
    .addArgument(new Argument("<shell>", "The shell").choices(SHELLS))
    .action((shell: Shell) => cli.ports.stdout.write(SCRIPTS[shell]));
}
