import { isAbsolute, normalize, resolve } from "node:path";
import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import { parseGenericOffer } from "../units/generic-resources.ts";
import { withPort } from "../cluster/membership-options.ts";
import { listOption } from "../command.ts";
import { defaultDataDir, defaultSocket } from "../default-paths.ts";
import {
  LOG_FORMATS,
  LOG_LEVELS,
  type CliPorts,
  type DaemonSettings,
  type DaemonTcp,
  type LogFormat,
  type LogLevel,
} from "../ports.ts";

/** The flags of `murmur daemon` as commander reads them. */
export interface DaemonFlags {
  readonly dataDir?: string;
  readonly socket?: string;
  readonly apiAddr?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly dockerHost?: string;
  readonly listenAddr?: string;
  readonly advertiseAddr?: string;
  readonly dataPlane?: "ports" | "overlay";
  readonly peer: readonly string[];
  readonly dnsAddr: string;
  readonly publishAddr?: string;
  readonly dnsUpstream: readonly string[];
  readonly filesDir?: string;
  readonly hostname?: string;
  readonly nodeGenericResource: readonly string[];
  readonly allowDevice: readonly string[];
  readonly allowPrivileged?: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** What the package `node` listens on when nobody says anything. */
const DEFAULT_LISTEN = "0.0.0.0:7373";
const PEERS_MAX = 16;
const DEFAULT_DNS = "127.0.0.1:7353";
const DEFAULT_ENGINE = "unix:///var/run/docker.sock";

export function addDaemonFlags(command: Command): Command {
  return (
    command
      .addOption(env(new Option("--data-dir <path>", "State (default: /var/lib/murmur, else ~/.local/share/murmur)")))
      .addOption(
        env(
          new Option(
            "--socket <path>",
            "Socket of the API (default: /run/murmur/docker.sock, else $XDG_RUNTIME_DIR/murmur/docker.sock)",
          ),
        ),
      )
      .addOption(
        env(
          new Option(
            "--api-addr <ip:port>",
            "The API over TCP, too, for clients with a certificate of --tlscacert: whoever has one is root on this machine",
          ),
        ),
      )
      .addOption(env(new Option("--tlscacert <path>", "With --api-addr: whose certificates clients must show")))
      .addOption(env(new Option("--tlscert <path>", "With --api-addr: the certificate to show them")))
      .addOption(env(new Option("--tlskey <path>", "With --api-addr: its key")))
      .addOption(
        env(new Option("--docker-host <address>", `The engine (default: $DOCKER_HOST, else ${DEFAULT_ENGINE})`)),
      )
      .addOption(
        env(
          new Option(
            "--listen-addr <ip:port>",
            `The nodes' own port, TCP and UDP (default: as before, for a new node ${DEFAULT_LISTEN})`,
          ),
        ),
      )
      .addOption(
        env(
          new Option(
            "--advertise-addr <ip|interface[:port]>",
            "Address that the other nodes reach this one at (default: as before)",
          ),
        ),
      )
      .addOption(
        env(
          new Option(
            "--data-plane <plane>",
            "Of a cluster that is begun here, by docker swarm init, too, unless that says another (default: ports)",
          ).choices(["ports", "overlay"]),
        ),
      )
      .addOption(listOption("--peer <ip[:port]>", "A node of the cluster, if none is where it was; may be repeated"))
      .addOption(env(new Option("--dns-addr <ip:port>", 'The DNS server, or "none"').default(DEFAULT_DNS)))
      .addOption(
        env(new Option("--publish-addr <ip>", "Address that published ports are opened on (default: --listen-addr's)")),
      )
      .addOption(listOption("--dns-upstream <ip[:port]>", "Where other names are asked for (default: as this machine)"))
      .addOption(
        env(
          new Option(
            "--files-dir <path>",
            "Where tasks' secrets and configs are kept, on a tmpfs that the engine sees, too (default: /run/murmur/files, else /dev/shm/murmur)",
          ),
        ),
      )
      .addOption(env(new Option("--hostname <name>", "Name in `murmur node ls` (default: this machine's)")))
      .addOption(
        listOption(
          "--node-generic-resource <kind=value>",
          "What this node has beside CPU and memory: a number (gpu=2) or a name (gpu=UUID1), beside what the engine is configured with; may be repeated",
        ),
      )
      .addOption(
        listOption(
          "--allow-device <path>",
          "A device of this machine that services may use here (--device), or a directory of them; may be repeated",
        ),
      )
      // Not by an environment variable: to commander any value of one is a yes, and this is root.
      .option(
        "--allow-privileged",
        "Lets services run privileged containers here (--privileged), with every device: root on this machine",
      )
      .addOption(env(new Option("--log-level <level>", "How much is logged").choices(LOG_LEVELS).default("info")))
      .addOption(env(new Option("--log-format <format>", "How it is logged").choices(LOG_FORMATS).default("text")))
  );
}

/** `--data-dir` may also be said as MURMUR_DATA_DIR. */
function env(option: Option): Option {
  return option.env(`MURMUR_${option.name().toUpperCase().replaceAll("-", "_")}`);
}

/** The daemon's settings of its flags. Errors: `invalid_argument`. */
export function daemonSettings(flags: DaemonFlags, ports: CliPorts): DaemonSettings {
  const upstreams = flags.dnsUpstream.length > 0 ? flags.dnsUpstream : listOf(ports.env["MURMUR_DNS_UPSTREAM"]);
  const peers = flags.peer.length > 0 ? flags.peer : listOf(ports.env["MURMUR_PEER"]);
  if (peers.length > PEERS_MAX) throw invalid(`--peer: give at most ${String(PEERS_MAX)}; one that answers is enough`);
  return {
    dataDir: resolve(flags.dataDir || defaultDataDir(ports)),
    socketPath: resolve(withoutScheme(flags.socket || defaultSocket(ports))),
    tcp: tcpSettings(flags),
    dockerHost: flags.dockerHost || ports.env["DOCKER_HOST"] || DEFAULT_ENGINE,
    listenAddr: flags.listenAddr ? checkedAddress("--listen-addr", flags.listenAddr) : undefined,
    advertiseAddr: flags.advertiseAddr || undefined,
    dataPlane: flags.dataPlane,
    peers: peers.map((peer) => checkedAddress("--peer", withPort(peer))),
    dnsAddr: flags.dnsAddr === "none" ? undefined : checkedAddress("--dns-addr", flags.dnsAddr),
    publishAddr: flags.publishAddr || undefined,
    dnsUpstreams: upstreams,
    filesDir: flags.filesDir ? resolve(flags.filesDir) : undefined,
    hostname: flags.hostname || undefined,
    genericResources: parseGenericOffer(
      flags.nodeGenericResource.length > 0
        ? flags.nodeGenericResource
        : listOf(ports.env["MURMUR_NODE_GENERIC_RESOURCE"]),
    ),
    allowPrivileged: flags.allowPrivileged === true,
    allowDevices: devicePaths(
      flags.allowDevice.length > 0 ? flags.allowDevice : listOf(ports.env["MURMUR_ALLOW_DEVICE"]),
    ),
    logLevel: flags.logLevel,
    logFormat: flags.logFormat,
  };
}

/** There is no TCP without TLS: it would be root on this machine for all who reach the port. */
function tcpSettings({ apiAddr, tlscacert, tlscert, tlskey }: DaemonFlags): DaemonTcp | undefined {
  if (!apiAddr) {
    if (!tlscacert && !tlscert && !tlskey) return undefined;
    throw invalid("--tlscacert, --tlscert and --tlskey are for --api-addr: give that, too");
  }
  if (!tlscacert || !tlscert || !tlskey) {
    throw invalid("--api-addr needs --tlscacert, --tlscert and --tlskey: without them anybody could use the API");
  }
  const [, bracketed, bare, port] =
    /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(checkedAddress("--api-addr", apiAddr)) ?? [];
  const tls = { ca: resolve(tlscacert), cert: resolve(tlscert), key: resolve(tlskey) };
  return { host: bracketed ?? bare ?? "", port: Number(port), tls };
}

const devicePaths = (paths: readonly string[]): readonly string[] =>
  paths.map((path) => {
    if (isAbsolute(path) && normalize(path) === path) return path;
    throw invalid(`--allow-device ${path}: give the absolute path of a device, such as /dev/fuse`);
  });

const withoutScheme = (path: string): string => path.replace(/^unix:\/\//, "");
const listOf = (text = ""): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

function checkedAddress(flag: string, text: string): string {
  const port = Number(/^(?:\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(text)?.[1]);
  if (port >= 1 && port <= 65_535) return text;
  throw invalid(`${flag} ${text}: give IP:PORT, such as 10.0.0.1:7373 or [fd00::1]:7373`);
}
