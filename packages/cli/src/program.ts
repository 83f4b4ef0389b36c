import { Command, Option } from "commander";
import type { Cli } from "./cli.ts";
import type { TlsFlags } from "./client-tls.ts";
import { clusterGroup } from "./cluster/cluster-group.ts";
import { newCommand } from "./command.ts";
import { completeCommand } from "./completion/complete-command.ts";
import { completionCommand } from "./completion/completion-command.ts";
import { daemonCommand } from "./daemon/daemon-command.ts";
import { devGroup } from "./dev/dev-group.ts";
import { doctorCommand } from "./doctor-command.ts";
import { eventsCommand } from "./events-command.ts";
import { EXIT_STATUS_MEANINGS } from "./exit-status.ts";
import { helpCommand } from "./help-command.ts";
import { networkGroup } from "./network/network-group.ts";
import { nodeGroup } from "./node/node-group.ts";
import { configGroup, secretGroup } from "./payload/payload-groups.ts";
import { serviceGroup } from "./service/service-group.ts";
import { stackGroup } from "./stack/stack-group.ts";
import { taskGroup } from "./task/task-group.ts";
import { versionCommand } from "./version-command.ts";
import { volumeGroup } from "./volume/volume-group.ts";

/** All commands of `murmur`, bound to one process. */
export function createProgram(cli: Cli): Command {
  const program = newCommand({
    name: "murmur",
    usage: "[OPTIONS] COMMAND",
    summary: "A cluster of equal nodes that runs containers",
    examples: [
      { says: "Start a cluster on this host", line: "murmur cluster init --advertise-addr 10.0.0.1" },
      {
        says: "Run three copies of a web server",
        line: "murmur service create --name web --replicas 3 -p 80:8080 IMAGE",
      },
      { says: "Try it all on this machine", line: "murmur dev up --nodes 3" },
    ],
  });
  program
    .enablePositionalOptions()
    .version(cli.ports.version, "-v, --version", "Show the version and quit")
    .addOption(new Option("-H, --host <address>", "The daemon: unix:///PATH or tcp://HOST:PORT (env: MURMUR_HOST)"))
    .addOption(new Option("--socket <path>", "The daemon's socket; the same as --host unix://PATH").conflicts("host"))
    .option("--tlsverify", "Speak TLS with a daemon at tcp://… and check its certificate (env: MURMUR_TLS_VERIFY)")
    .option(
      "--tlscacert <path>",
      "Whose certificate it must show (default: ca.pem in $MURMUR_CERT_PATH, else ~/.docker)",
    )
    .option("--tlscert <path>", "Certificate to show it (default: cert.pem in the same folder)")
    .option("--tlskey <path>", "Its key (default: key.pem in the same folder)")
    .addHelpText("after", exitStatusText)
    .hook("preAction", () => {
      const { host, socket, ...tls } = program.opts<{ host?: string; socket?: string } & TlsFlags>();
      const address = host ?? socket;
      if (address !== undefined) cli.host = address;
      cli.tls = tls;
    });
  const groups = [
    clusterGroup,
    nodeGroup,
    serviceGroup,
    taskGroup,
    stackGroup,
    networkGroup,
    volumeGroup,
    secretGroup,
    configGroup,
    eventsCommand,
    doctorCommand,
    devGroup,
    daemonCommand,
    versionCommand,
  ];
  for (const group of groups) program.addCommand(group(cli));
  program.addCommand(helpCommand(program));
  program.addCommand(completionCommand(cli));
  program.addCommand(completeCommand(cli, program), { hidden: true });
  return program;
}

const exitStatusText = (): string =>
  [
    "",
    "Exit status:",
    ...EXIT_STATUS_MEANINGS.map(([status, says]) => `  ${String(status).padStart(3)}  ${says}`),
  ].join("\n");
