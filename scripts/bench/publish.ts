import { eventually, type Host } from "../../test/hosts/host.ts";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { Outsider } from "../../test/hosts/outsider.ts";
import { tasksOf } from "../../test/hosts/task-container.ts";
import {
  inTurns,
  loadOf,
  makeTrafficImage,
  TRAFFIC_IMAGE,
  wrkCommand,
  type Load,
  type Turn,
  type Use,
} from "./load.ts";
import { rounded, type Report } from "./report.ts";

const ROUNDS = 15;
const TURN_S = 1;
/**
 * wrk's. With one, the client is full before the machine is where the kernel redirects: what is measured is wrk. With two it
 * takes time from what is between it and nginx, which only tells in user space.
 */
const THREADS = { one: 1, two: 2 } as const;
/** haproxy between the others: each is compared with what ran right beside it. */
const PORTS = { kernel: 8080, haproxy: 8082, proxy: 8081 } as const;
const UNITS = { keepalive: "requests", connection: "connections" } as const;
type Way = keyof typeof PORTS;
type Client = keyof typeof THREADS;
const WAYS = Object.keys(PORTS) as readonly Way[];
const USES = Object.keys(UNITS) as readonly Use[];
const CLIENTS = Object.keys(THREADS) as readonly Client[];
type Name = `${Way} ${Use} ${Client}`;

/** Through a published port of a node without a task, by the kernel and by the proxy, and beside them by haproxy there. */
export async function publish(): Promise<Report> {
  await makeTrafficImage();
  await using cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [TRAFFIC_IMAGE], wire: "switch" });
  await using outsider = await Outsider.beside(cluster, TRAFFIC_IMAGE);
  await givePorts(outsider);
  const entry = cluster.first;
  await createService(cluster);
  const haproxy = await startHaproxy(cluster);
  const murmur = await entry.ok("cat", "/run/murmur-node/murmur.pid");
  for (const port of Object.values(PORTS))
    await eventually(
      `port ${String(port)} answers`,
      () => outsider.page(`http://${entry.address}:${String(port)}/`),
      (page) => page !== "",
      { limitMs: 60_000 },
    );
  const spent = new Spent(entry);
  const turnOf = (way: Way, use: Use, client: Client): Turn => {
    const command = wrkCommand(`http://${entry.address}:${String(PORTS[way])}/`, use, TURN_S, THREADS[client]);
    const turn = async (): Promise<Load> => loadOf(await outsider.run(...command));
    return way === "kernel" ? turn : spent.during(`${way} ${use}`, way === "haproxy" ? haproxy : murmur, turn);
  };
  const turns = USES.flatMap((use) =>
    CLIENTS.flatMap((client) => WAYS.map((way) => [`${way} ${use} ${client}`, turnOf(way, use, client)] as const)),
  );
  const all = Object.fromEntries(turns) as Record<Name, Turn>;
  // Before what counts: the daemon hires a worker when it is seen to have too much to do.
  await inTurns(all, 1);
  spent.forget();
  const rounds = await inTurns<Name>(all, ROUNDS);
  const toHaproxy = (way: Way, use: Use, client: Client): number =>
    rounds.ratio(`${way} ${use} ${client}`, `haproxy ${use} ${client}`);
  const ratios = (["kernel", "proxy"] as const).flatMap((way) =>
    USES.flatMap((use) =>
      CLIENTS.map((client) => [`${way}_${use}_ratio_to_haproxy_${client}`, toHaproxy(way, use, client)] as const),
    ),
  );
  const rates = WAYS.flatMap((way) =>
    USES.flatMap((use) =>
      CLIENTS.map(
        (client) => [`${way}_${UNITS[use]}_per_s_${client}`, rounds.perSecond(`${way} ${use} ${client}`)] as const,
      ),
    ),
  );
  return {
    bench: "publish",
    runs: ROUNDS,
    figures: {
      kernel_ratio_to_haproxy: Math.min(...USES.map((use) => toHaproxy("kernel", use, "two"))),
      proxy_keepalive_ratio_to_haproxy: toHaproxy("proxy", "keepalive", "one"),
      proxy_connection_ratio_to_haproxy: toHaproxy("proxy", "connection", "one"),
      ...Object.fromEntries([...ratios, ...rates]),
      proxy_cpu_us_per_request: spent.each("proxy keepalive"),
      haproxy_cpu_us_per_request: spent.each("haproxy keepalive"),
      proxy_cpu_us_per_connection: spent.each("proxy connection"),
      haproxy_cpu_us_per_connection: spent.each("haproxy connection"),
      requests: rounds.total("requests"),
      errors: rounds.total("errors"),
    },
    goals: {
      kernel_ratio_to_haproxy: { least: 1.3 },
      proxy_keepalive_ratio_to_haproxy: { least: 0.85 },
      proxy_connection_ratio_to_haproxy: { least: 0.6 },
      errors: { most: 0 },
    },
    notes: [
      `wrk beside the hosts → host1 → nginx in a container on host2; ${String(ROUNDS)} rounds of ${String(TURN_S)} s each way, in turn; medians of the rounds' ratios.`,
      "wrk with one thread and with two; the kernel's ratio is the lower of its two with two, where wrk isn't full first, the proxy's are with one.",
      "The hosts are connected by macvlan, which filters nothing, and the client may use closed connections' ports anew.",
      " The proxy's port has balancing=least-conn, in the overlay data plane. haproxy in TCP mode, with its defaults: a thread for each core.",
    ],
  };
}

/**
 * Lets the client use the ports of connections that it has closed anew after a second, and more of them. wrk closes first when
 * haproxy gives it the page before the end that follows it: after some 20,000 connections in a minute it would look for a free
 * port among used ones most of the time, and haproxy would seem a tenth as fast as it is.
 */
async function givePorts(client: Outsider): Promise<void> {
  const script =
    "mount -o remount,rw /proc/sys && echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse && echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range";
  const { code, stderr } = await client.run("busybox", "sh", "-c", script);
  if (code !== 0) throw new Error(`the client's ports: ${stderr}`);
}

/** One task, not on the first host, behind two published ports. */
async function createService({ first, hosts }: HostCluster): Promise<void> {
  const [, home = first] = hosts;
  await first.murmur("network", "create", "bench");
  const place = ["--network", "bench", "--constraint", `node.hostname==${home.name}`];
  const viaKernel = `${String(PORTS.kernel)}:80`;
  const viaProxy = `published=${String(PORTS.proxy)},target=80,balancing=least-conn`;
  const ports = ["--publish", viaKernel, "--publish", viaProxy];
  await first.murmur("service", "create", "--name", "web", ...place, ...ports, TRAFFIC_IMAGE);
}

/** Starts haproxy on the first host, from where it reaches the task as the node's own proxy does; its process id there. */
async function startHaproxy({ first, hosts }: HostCluster): Promise<string> {
  const [task] = await tasksOf(hosts, "web");
  if (task === undefined) throw new Error("web has no task");
  const address = task.addressIn("bench");
  const gateway = await eventually(
    "the host is in the network",
    () => ownAddressBeside(first, address),
    (found) => found !== "",
    { limitMs: 60_000 },
  );
  const config = `
global
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen web
  bind :${String(PORTS.haproxy)}
  server task ${address}:80 source ${gateway}
`;
  const script = 'printf "%s" "$0" >/tmp/haproxy.cfg && exec haproxy -db -f /tmp/haproxy.cfg';
  const id = await first.ok("docker", "run", "-d", "--network", "host", TRAFFIC_IMAGE, "sh", "-c", script, config);
  return await first.ok("docker", "inspect", "-f", "{{ .State.Pid }}", id);
}

/** The address that only this node has, of those on the bridge to a task. */
const ownAddressBeside = (host: Host, address: string): Promise<string> =>
  host.ok(
    "sh",
    "-c",
    `bridge=$(ip route get ${address} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'); ip -4 -o addr show dev "$bridge" | sed -n 's|.* inet \\([0-9.]*\\)/32 .*|\\1|p'`,
  );

/** CPU time of processes of a host, by what they were asked for meanwhile. */
class Spent {
  readonly #host: Host;
  readonly #sums = new Map<string, { cpuMs: number; requests: number }>();

  constructor(host: Host) {
    this.#host = host;
  }

  during(name: string, pid: string, turn: Turn): Turn {
    return async () => {
      const before = await this.#cpuMs(pid);
      const load = await turn();
      const sum = this.#sums.get(name) ?? { cpuMs: 0, requests: 0 };
      sum.cpuMs += (await this.#cpuMs(pid)) - before;
      sum.requests += load.requests;
      this.#sums.set(name, sum);
      return load;
    };
  }

  /** Microseconds for each request. */
  each(name: string): number {
    const { cpuMs, requests } = this.#sums.get(name) ?? { cpuMs: 0, requests: 0 };
    return rounded((cpuMs * 1_000) / requests);
  }

  forget(): void {
    this.#sums.clear();
  }

  /** User and system time of all threads so far, and of a daemon's workers; the kernel counts in hundredths of a second. */
  async #cpuMs(pid: string): Promise<number> {
    const script = `for pid in ${pid} $(pgrep -P ${pid} -f proxy-worker); do cat /proc/$pid/stat; done`;
    const stats = (await this.#host.ok("sh", "-c", script)).split("\n");
    return stats.reduce((sum, stat) => {
      const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
      return sum + (Number(user) + Number(system)) * 10;
    }, 0);
  }
}
