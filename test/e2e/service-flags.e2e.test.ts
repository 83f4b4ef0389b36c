import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../hosts/command-runner.ts";
import { firstAnswer, isEmpty, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { ask } from "../hosts/requests.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

/*
 * Every flag of `docker service create`, `docker service update` and `docker node update`, given to the real command and
 * looked for where it must end: in the task's container, at its engine, or in where and when tasks run.
 */

let cluster: HostCluster;
let folder: string;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "murmur-flags-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const generic = { host1: "gpu=A,gpu=B", host2: "disk=3" };
  cluster = opened.use(await HostCluster.of(2, { dataPlane: "overlay", generic }));
});
afterAll(() => opened.disposeAsync());

/** A line of words; a word with spaces is in single quotes. */
const words = (line: string): readonly string[] =>
  [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));

/** `docker LINE` of this machine, against the first host's Murmur. Never rejects for the command's own failure. */
function run(line: string): Promise<Outcome> {
  const args = ["-H", `unix://${cluster.first.socket}`, ...words(line)];
  const env = { ...process.env, DOCKER_CONFIG: folder };
  return new Promise((resolve) => {
    execFile("docker", args, { timeout: 60_000, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 124), stdout: stdout.trim(), stderr });
    });
  });
}

async function docker(line: string): Promise<string> {
  const { code, stdout, stderr } = await run(line);
  if (code !== 0) throw new Error(`docker ${line}: exit ${String(code)}: ${stderr}`);
  return stdout;
}

const create = (line: string): Promise<string> => docker(`service create --detach --no-resolve-image ${line}`);
const update = (line: string): Promise<string> => docker(`service update --detach --no-resolve-image ${line}`);
const json = async <T>(line: string): Promise<T> => (JSON.parse(await docker(line)) as readonly T[])[0] as T;
const rowsOf = async (service: string): Promise<readonly string[]> =>
  (
    await docker(`service ps --no-trunc --format '{{.Node}}|{{.DesiredState}}|{{.CurrentState}}|{{.Error}}' ${service}`)
  ).split("\n");

/** Waits for so many running containers of a service, all unlike those before, that the cluster has heard of. */
const running = (
  service: string,
  count = 1,
  before: readonly TaskContainer[] = [],
): Promise<readonly TaskContainer[]> =>
  eventually(
    `${service} runs`,
    async () => {
      const told = (await rowsOf(service)).filter((row) => row.includes("|Running|Running"));
      return told.length === count ? tasksOf(cluster.hosts, service) : [];
    },
    (tasks) => tasks.length === count && tasks.every(({ id }) => before.every((old) => old.id !== id)),
  );

const nodesOf = (tasks: readonly TaskContainer[]): readonly string[] => tasks.map(({ host }) => host.name).toSorted();

/** Runs a script in a container: its lines. */
async function lines(task: TaskContainer | undefined, ...script: readonly string[]): Promise<readonly string[]> {
  if (task === undefined) throw new Error("there is no such task");
  const { stdout, stderr } = await task.run("sh", "-c", script.join("; "));
  return `${stdout}${stderr}`.trim().split(/\r?\n/);
}

interface Inspection {
  readonly Config: Record<string, unknown> & { readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: Record<string, unknown>;
  readonly Mounts: readonly (Record<string, unknown> & { readonly Destination: string; readonly Name?: string })[];
  readonly State: { readonly Health?: { readonly Status: string } };
}
/** What a container's own engine says of it. */
async function inspect(task: TaskContainer | undefined): Promise<Inspection> {
  if (task === undefined) throw new Error("there is no such task");
  const [found] = JSON.parse(await task.host.ok("docker", "inspect", task.id)) as readonly Inspection[];
  if (found === undefined) throw new Error("its engine does not know it");
  return found;
}

interface Service {
  readonly Spec: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Mode: unknown;
    readonly TaskTemplate: {
      readonly [part: string]: unknown;
      readonly ContainerSpec: Readonly<Record<string, unknown>>;
    };
    readonly UpdateConfig?: unknown;
    readonly RollbackConfig?: unknown;
  };
}
const service = (name: string): Promise<Service> => json(`service inspect ${name}`);

const SCRIPT = [
  "echo $COLOR,$SLOT,$FILED,$SHAPE",
  "id -u",
  "id -g",
  "id -G | tr ' ' '\\n' | grep -E '^(44|45|65534)$'",
  "pwd",
  "hostname",
  // Those of the container's own process: what `docker exec` starts has the hard one at times (opencontainers/runc#4195).
  "awk '/open files/ { print $4; print $5 }' /proc/1/limits",
  "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
  "grep -E '^Cap(Bnd)' /proc/self/status",
  "tr '\\0' ' ' </proc/1/cmdline; echo",
  "touch /made 2>&1",
  "grep -oE 'search .*|ndots:3|attempts:5' /etc/resolv.conf",
  "nslookup out.example. 2>&1 | grep -oE '192.0.2.9[0-9]'",
  "nslookup proc. 2>&1 | grep -cE 'Address: 10[.]'",
  "grep -E 'db|cache' /etc/hosts | sort",
];

/** How many addresses a task finds of its service, as soon as its node has heard of it. */
async function named(task: TaskContainer | undefined): Promise<void> {
  const look = async () => (await lines(task, "nslookup proc. | grep -cE 'Address: 10[.]'")).join();
  expect(await firstAnswer("it finds its service", look, (count) => count === "0")).toBe("1");
}

/** A host's address that a DNS server answers at: to every question for an address with 192.0.2.9N. */
async function serveDns(host: Host, number: string): Promise<void> {
  const server = `const socket = require("node:dgram").createSocket("udp4");
    socket.on("message", (query, from) => {
      let end = 12;
      while (query[end] > 0) end += query[end] + 1;
      const isA = query.readUInt16BE(end + 1) === 1;
      const head = Buffer.from(query.subarray(0, end + 5));
      head.set([0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0], 2);
      const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 90 + ${number}]);
      socket.send(isA ? Buffer.concat([head, answer]) : head, from.port, from.address);
    }).bind(53, "192.0.2.${number}");`;
  await host.ok("ip", "address", "add", `192.0.2.${number}/32`, "dev", "lo");
  await host.ok("sh", "-c", '/usr/local/lib/murmur/node -e "$0" >/dev/null 2>&1 &', server);
}

describe("a service's process", () => {
  it("is what the flags of its creation say", async () => {
    await serveDns(cluster.first, "1");
    await serveDns(cluster.host(1), "2");
    await writeFile(join(folder, "env"), "FILED=yes\nSHAPE=round\n");
    await create(
      `--name proc --env COLOR=red --env SLOT={{.Service.Name}}-{{.Task.Slot}} --env-file ${join(folder, "env")}
      --entrypoint 'sh -c' --workdir /www --user 1000:1001 --group 44 --group nogroup
      --hostname {{.Service.Name}}-{{.Task.Slot}}-{{.Node.Hostname}} --label tier=back --label gone=soon
      --container-label team=shop --container-label gone=soon --tty --init --read-only
      --stop-signal SIGINT --stop-grace-period 1500ms --ulimit nofile=1000:2000 --ulimit nproc=500
      --sysctl net.ipv4.ip_unprivileged_port_start=80 --sysctl net.ipv4.ping_group_range='0 1'
      --cap-add NET_ADMIN --cap-drop CHOWN --dns 192.0.2.1 --dns-option ndots:3 --dns-search one.example
      --host db:192.0.2.7 --host cache:192.0.2.8 --constraint node.hostname==host1
      --log-driver json-file --log-opt max-size=1m --log-opt max-file=2
      ${WEB_IMAGE} 'sleep 1000; exit' zero`,
    );
    const [task] = await running("proc");
    const { Config, HostConfig } = await inspect(task);
    await named(task);
    expect(await lines(task, ...SCRIPT)).toEqual([
      "red,proc-1,yes,round",
      "1000",
      "1001",
      "44",
      "65534",
      "/www",
      "proc-1-host1",
      "1000",
      "2000",
      "80",
      "CapBnd:\t00000000a80435fa",
      "/sbin/docker-init -- sh -c sleep 1000; exit zero ",
      "touch: /made: Read-only file system",
      "search one.example",
      "ndots:3",
      "192.0.2.91",
      "1",
      "192.0.2.7\tdb",
      "192.0.2.8\tcache",
    ]);
    expect(Config).toMatchObject({ Tty: true, StopSignal: "SIGINT", StopTimeout: 2 });
    expect(Config.Labels).toMatchObject({ team: "shop", gone: "soon" });
    expect((await service("proc")).Spec.Labels).toEqual({ tier: "back", gone: "soon" });
    expect(HostConfig).toMatchObject({
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } },
      Init: true,
    });
    expect(Object.values(HostConfig["Sysctls"] as object)).toContain("0 1");
  });

  it("is what the flags of an update make of it", async () => {
    const before = await running("proc");
    await update(
      `--env-add COLOR=blue --env-add NEW=1 --env-rm SHAPE --args 'sleep\\ 2000\\;\\ exit one' --entrypoint 'sh -x -c' --workdir /tmp
      --user 1002 --group-add 45 --group-rm 44 --hostname plain --label-add tier=front --label-rm gone
      --container-label-add team=depot --container-label-rm gone --tty=false --init=false --read-only=false
      --stop-signal SIGQUIT --stop-grace-period 0s --ulimit-add nofile=3000 --ulimit-rm nproc
      --sysctl-add net.ipv4.ip_unprivileged_port_start=90 --sysctl-rm net.ipv4.ping_group_range
      --cap-add CHOWN --cap-drop NET_ADMIN --dns-add 192.0.2.2 --dns-rm 192.0.2.1
      --dns-option-add attempts:5 --dns-option-rm ndots:3 --dns-search-add two.example --dns-search-rm one.example
      --host-add queue-db:192.0.2.9 --host-rm cache:192.0.2.8
      --constraint-add node.hostname!=host1 --constraint-rm node.hostname==host1
      --log-driver local --log-opt max-size=2m proc`,
    );
    const [task] = await running("proc", 1, before);
    const { Config, HostConfig } = await inspect(task);
    expect(task?.host.name).toBe("host2");
    await named(task);
    expect(await lines(task, ...SCRIPT)).toEqual([
      "blue,proc-1,yes,",
      "1002",
      "0",
      "45",
      "65534",
      "/tmp",
      "plain",
      "3000",
      "3000",
      "90",
      "CapBnd:\t00000000a80425fb",
      "sh -x -c sleep 2000; exit one ",
      "touch: /made: Permission denied",
      "search two.example",
      "attempts:5",
      "192.0.2.92",
      "1",
      "192.0.2.7\tdb",
      "192.0.2.9\tqueue-db",
    ]);
    expect(Config).toMatchObject({ Tty: false, StopSignal: "SIGQUIT", StopTimeout: 0 });
    expect(Config.Labels).toMatchObject({ team: "depot" });
    expect(Config.Labels).not.toHaveProperty("gone");
    expect((await service("proc")).Spec.Labels).toEqual({ tier: "front" });
    expect(HostConfig).toMatchObject({
      LogConfig: { Type: "local", Config: { "max-size": "2m" } },
    });
    expect(HostConfig["Sysctls"]).toEqual({ "net.ipv4.ip_unprivileged_port_start": "90" });
    expect((HostConfig["Ulimits"] as readonly { Name: string }[]).map(({ Name }) => Name)).toEqual(["nofile"]);
  });

  it("is as before after a rollback, and another one by force", async () => {
    const changed = await running("proc");
    await docker("service update --detach --rollback proc");
    const [back] = await running("proc", 1, changed);
    expect(await lines(back, "hostname", "pwd")).toEqual(["proc-1-host1", "/www"]);
    await update("--force proc");
    await running("proc", 1, back === undefined ? [] : [back]);
    await docker("service rm proc");
  });
});

describe("a service's resources, health and files", () => {
  const files = (task: TaskContainer | undefined): Promise<readonly string[]> =>
    lines(
      task,
      "for f in /run/secrets/* /etc/site*; do echo $f $(stat -c '%a %u %g' $f) $(cat $f); done",
      "stat -c '%a' /scratch",
      "grep -oE ' /scratch .*size=[0-9]+k' /proc/mounts | grep -oE 'size.*'",
      "touch /host/x 2>&1",
      "ls /www /bare",
    );

  it("are what the flags of its creation say", async () => {
    await Promise.all(["key", "other"].map((name) => writeFile(join(folder, name), `of ${name}`)));
    for (const kind of ["secret", "config"]) {
      await docker(`${kind} create key ${join(folder, "key")}`);
      await docker(`${kind} create other ${join(folder, "other")}`);
    }
    await create(
      `--name held --limit-cpu 0.5 --limit-memory 64M --limit-pids 50 --reserve-cpu 0.1 --reserve-memory 16M
      --generic-resource gpu=1 --health-cmd 'test -e /tmp/www' --health-interval 300ms --health-timeout 2s
      --health-retries 7 --health-start-period 1s --log-driver none
      --restart-condition on-failure --restart-delay 100ms --restart-max-attempts 4 --restart-window 3s
      --mount type=bind,source=/usr,target=/host,readonly,bind-propagation=rslave
      --mount type=volume,source=copied-{{.Task.Slot}},target=/www,volume-label=a=b,volume-driver=local
      --mount type=volume,source=bare,target=/bare,volume-nocopy,readonly,volume-opt=type=tmpfs,volume-opt=device=tmpfs
      --mount type=volume,target=/anonymous
      --mount type=tmpfs,target=/scratch,tmpfs-size=1m,tmpfs-mode=1700
      --secret source=key,target=mine,uid=5,gid=6,mode=0400 --secret other
      --config source=key,target=/etc/site.conf,uid=7,gid=8,mode=0440 --config source=other,target=/etc/site2
      ${WEB_IMAGE}`,
    );
    const [task] = await running("held");
    expect(task?.host.name).toBe("host1");
    expect(await files(task)).toEqual([
      "/run/secrets/mine 400 5 6 of key",
      "/run/secrets/other 444 0 0 of other",
      "/etc/site.conf 440 7 8 of key",
      "/etc/site2 444 0 0 of other",
      "1700",
      "size=1024k",
      "touch: /host/x: Read-only file system",
      "/bare:",
      "",
      "/www:",
      "cgi-bin",
    ]);
    const { Config, HostConfig, Mounts } = await inspect(task);
    expect(HostConfig).toMatchObject({
      NanoCpus: 500_000_000,
      Memory: 64 * 2 ** 20,
      MemoryReservation: 16 * 2 ** 20,
      PidsLimit: 50,
      LogConfig: { Type: "none" },
    });
    expect((await lines(task, "env | grep DOCKER_RESOURCE"))[0]).toMatch(/^DOCKER_RESOURCE_GPU=[AB]$/);
    expect(Config["Healthcheck"]).toEqual({
      Test: ["CMD-SHELL", "test -e /tmp/www"],
      Interval: 300_000_000,
      Timeout: 2_000_000_000,
      StartPeriod: 1_000_000_000,
      Retries: 7,
    });
    const at = Object.fromEntries(Mounts.map((mount) => [mount.Destination, mount]));
    expect(at["/host"]).toMatchObject({ Type: "bind", Source: "/usr", Propagation: "rslave", RW: false });
    expect(at["/www"]).toMatchObject({ Type: "volume", Name: "copied-1", Driver: "local", RW: true });
    expect(at["/bare"]).toMatchObject({ Type: "volume", Name: "bare", RW: false });
    expect(at["/anonymous"]?.Name).toMatch(/^[0-9a-f]{64}$/);
    const volume = JSON.parse(
      (await task?.host.ok("docker", "volume", "inspect", "copied-1", "bare")) ?? "",
    ) as unknown;
    expect(volume).toMatchObject([{ Labels: { a: "b" } }, { Options: { type: "tmpfs", device: "tmpfs" } }]);
    expect((await service("held")).Spec.TaskTemplate["RestartPolicy"]).toEqual({
      Condition: "on-failure",
      Delay: 100_000_000,
      MaxAttempts: 4,
      Window: 3_000_000_000,
    });
    await eventually(
      "it is healthy",
      () => inspect(task),
      ({ State }) => State.Health?.Status === "healthy",
    );
  });

  it("are what the flags of an update make of them", async () => {
    const before = await running("held");
    await update(
      `--limit-cpu 0.25 --limit-memory 32M --limit-pids 60 --reserve-cpu 0 --reserve-memory 8M
      --generic-resource-rm gpu --generic-resource-add disk=2 --no-healthcheck
      --mount-rm /host --mount-rm /bare --mount-rm /www --mount-rm /anonymous
      --mount-add type=bind,source=/tmp,target=/place
      --secret-rm key --secret-add source=key,target=/mine2 --config-rm other --config-add source=other,target=/etc/site3,mode=0400
      --restart-condition none --restart-delay 1s --restart-max-attempts 1 --restart-window 1s held`,
    );
    const [task] = await running("held", 1, before);
    expect(task?.host.name).toBe("host2");
    expect((await files(task)).filter((line) => !line.startsWith("ls:"))).toEqual([
      "/run/secrets/other 444 0 0 of other",
      "/etc/site.conf 440 7 8 of key",
      "/etc/site3 400 0 0 of other",
      "1700",
      "size=1024k",
      "touch: /host/x: No such file or directory",
      "/www:",
      "cgi-bin",
    ]);
    expect(await lines(task, "touch /place/x && echo made", "stat -c '%a' /mine2")).toEqual(["made", "444"]);
    const { Config, HostConfig } = await inspect(task);
    expect(HostConfig).toMatchObject({ NanoCpus: 250_000_000, Memory: 32 * 2 ** 20, PidsLimit: 60 });
    expect(Config["Healthcheck"]).toEqual({ Test: ["NONE"] });
    expect(await lines(task, "env | grep DOCKER_RESOURCE")).toEqual(["DOCKER_RESOURCE_DISK=2"]);
    await docker("service rm held");
  });
});

describe("where and when a service's tasks run", () => {
  interface Published {
    readonly Endpoint: {
      readonly Spec: { readonly Mode: string };
      readonly Ports?: readonly {
        readonly PublishedPort: number;
        readonly TargetPort: number;
        readonly PublishMode: string;
      }[];
    };
  }
  const endpointOf = async (name: string): Promise<readonly string[]> => {
    const { Endpoint } = await json<Published>(`service inspect ${name}`);
    const ports = (Endpoint.Ports ?? []).map((port) => {
      return `${String(port.PublishedPort)}:${String(port.TargetPort)} ${port.PublishMode}`;
    });
    return [Endpoint.Spec.Mode, ...ports.toSorted()];
  };
  /** How many addresses a task finds of a name, as soon as its node has heard of so many; the first is its server's. */
  const addressesOf = (task: TaskContainer | undefined, name: string, all: number): Promise<number> =>
    firstAnswer(
      `it finds ${name}`,
      async () => Number((await lines(task, `nslookup ${name} 2>/dev/null | grep -c ^Address`))[0]) - 1,
      (count) => count < all,
    );
  const counted = (name: string): Promise<string> =>
    docker(`service ls --filter name=${name} --format '{{.Mode}} {{.Replicas}}'`);

  it("is what constraints, preferences, ports and networks say", async () => {
    for (const name of ["back", "front"]) await docker(`network create --driver overlay --attachable ${name}`);
    await docker("node update --label-add zone=a host1");
    await docker("node update --label-add zone=b --label-add gone=soon host2");
    await create(
      `--name placed --replicas 2 --replicas-max-per-node 1 --constraint node.platform.os==linux
      --constraint node.labels.zone!=c --placement-pref spread=node.labels.zone --hostname {{.Node.Hostname}}
      --endpoint-mode vip --publish 18080:8080 --publish published=18081,target=8080,mode=host
      --network name=back,alias=helper,driver-opt=com.example.note=here --stop-grace-period 0s --with-registry-auth ${WEB_IMAGE}`,
    );
    const tasks = await running("placed", 2);
    expect(nodesOf(tasks)).toEqual(["host1", "host2"]);
    expect(await endpointOf("placed")).toEqual(["vip", "18080:8080 ingress", "18081:8080 host"]);
    for (const host of cluster.hosts) {
      const page = (port: number): Promise<string> => ask(host, port).catch(() => "");
      const own = await firstAnswer("the port in mode host answers", () => page(18_081), isEmpty);
      expect(own).toBe(host.name);
      const names = ["host1", "host2"];
      // Twelve, so that chance leaves one of two out once in some thousand looks.
      const look = async (): Promise<readonly string[]> => {
        const pages: string[] = [];
        while (pages.length < 12) pages.push(await page(18_080));
        return pages;
      };
      const pages = await firstAnswer("the ingress port leads to all", look, isPartOf(names));
      expect([...new Set(pages)].toSorted()).toEqual(names);
    }
    const [task] = tasks;
    expect(await addressesOf(task, "helper", 1)).toBe(1);
    const placeIn = ["docker", "inspect", "-f", "{{json .NetworkSettings.Networks}}", task?.id ?? ""];
    expect(await task?.host.ok(...placeIn)).toContain('"com.example.note":"here"');
  });

  it("is what an update makes of that", async () => {
    const before = await running("placed", 2);
    await update(
      `--replicas 3 --replicas-max-per-node 2 --constraint-add node.labels.zone==b --constraint-rm node.labels.zone!=c
      --placement-pref-rm spread=node.labels.zone --placement-pref-add spread=node.hostname
      --endpoint-mode dnsrr --publish-rm 18080:8080 --publish-rm published=18081,target=8080,mode=host
      --network-rm back --network-add name=front,alias=other --update-parallelism 0 placed`,
    );
    const tasks = await running("placed", 2, before);
    expect(nodesOf(tasks)).toEqual(["host2", "host2"]);
    await eventually(
      "the third waits",
      () => rowsOf("placed"),
      (rows) => rows.some((row) => row.includes("|Pending") && row.includes("max replicas per node")),
      SOON,
    );
    expect(await endpointOf("placed")).toEqual(["dnsrr"]);
    const [task] = tasks;
    expect(await addressesOf(task, "other", 2)).toBe(2);
    expect((await lines(task, "nslookup helper 2>&1")).join(" ")).toContain("NXDOMAIN");
    const { TaskTemplate } = (await service("placed")).Spec;
    expect(TaskTemplate["Placement"]).toMatchObject({
      Constraints: ["node.labels.zone==b", "node.platform.os==linux"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.hostname" } }],
      MaxReplicas: 2,
    });
    await docker("service rm placed");
  });

  it("is each node in mode global, and until they are done for jobs", async () => {
    const script = "'sh -c' --stop-grace-period 0s";
    await Promise.all([
      create(`--name all --mode global --entrypoint ${script} ${WEB_IMAGE} 'exec sleep 1000'`),
      create(
        `--name batch --mode replicated-job --replicas 4 --max-concurrent 2 --entrypoint ${script} ${WEB_IMAGE} true`,
      ),
      create(`--name once --mode global-job --entrypoint ${script} ${WEB_IMAGE} true`),
    ]);
    expect(nodesOf(await running("all", 2))).toEqual(["host1", "host2"]);
    await eventually(
      "the jobs are done",
      () => Promise.all(["batch", "once"].map(counted)),
      ([batch = "", once = ""]) =>
        batch.includes("replicated job") && batch.includes("(4/4 completed)") && once.includes("(2/2 completed)"),
    );
    // The docker command has the flag and sends nothing of it.
    await cluster.first.murmur(..."service update --detach --no-resolve-image --max-concurrent 1 batch".split(" "));
    expect((await service("batch")).Spec.Mode).toEqual({ ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 4 } });
    await docker("service rm all batch once");
  });

  it("is where nodes are available", async () => {
    await docker("node update --label-rm gone --availability pause --role worker host2");
    const node = await json<{ readonly Spec: unknown }>("node inspect host2");
    expect(node.Spec).toMatchObject({ Labels: { zone: "b" }, Role: "worker", Availability: "pause" });
    await create(`--name left --replicas 2 --stop-grace-period 0s ${WEB_IMAGE}`);
    expect(nodesOf(await running("left", 2))).toEqual(["host1", "host1"]);
    await docker("node update --availability active --role manager host2");
    await docker("node update --availability drain host1");
    await eventually(
      "all have left",
      () => tasksOf(cluster.hosts, "left"),
      (tasks) => nodesOf(tasks).join() === "host2,host2",
    );
    await docker("node update --availability active host1");
    await docker("service rm left");
  });
});

describe("a service's updates", () => {
  it("go as their flags say, and back when they fail", async () => {
    const created = await run(
      `service create --quiet --no-resolve-image --name turn --replicas 2 --stop-grace-period 0s
      --restart-condition none --entrypoint 'sh -c'
      --update-parallelism 2 --update-delay 10ms --update-monitor 9s --update-max-failure-ratio 0.1
      --update-failure-action rollback --update-order start-first
      --rollback-parallelism 0 --rollback-delay 20ms --rollback-monitor 200ms --rollback-max-failure-ratio 0.2
      --rollback-failure-action continue --rollback-order start-first ${WEB_IMAGE} 'exec sleep 1000'`,
    );
    expect({ code: created.code, stderr: created.stderr }).toEqual({ code: 0, stderr: "" });
    const { Spec } = await service("turn");
    expect(Spec.UpdateConfig).toEqual({
      Parallelism: 2,
      Delay: 10_000_000,
      FailureAction: "rollback",
      Monitor: 9_000_000_000,
      MaxFailureRatio: 0.1,
      Order: "start-first",
    });
    expect(Spec.RollbackConfig).toEqual({
      Parallelism: 0,
      Delay: 20_000_000,
      FailureAction: "continue",
      Monitor: 200_000_000,
      MaxFailureRatio: 0.2,
      Order: "start-first",
    });
    const before = await running("turn", 2);
    // A program that isn't there never runs; one that only ended at once might be up for long enough to take over.
    await update("--entrypoint /nowhere turn");
    await eventually(
      "the update is taken back",
      () => docker("service inspect --format {{.UpdateStatus.State}} turn"),
      (state) => state === "rollback_completed",
    );
    // Start-first: those that ran were not stopped for what never ran.
    expect((await running("turn", 2)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    await update(
      `--update-parallelism 1 --update-delay 0s --update-monitor 1s --update-max-failure-ratio 0.5
      --update-failure-action continue --update-order stop-first --rollback-parallelism 1 --rollback-delay 0s
      --rollback-monitor 1s --rollback-max-failure-ratio 0.5 --rollback-failure-action pause --rollback-order stop-first
      --image murmur/web turn`,
    );
    const changed = (await service("turn")).Spec;
    const wanted = { Parallelism: 1, Monitor: 1_000_000_000, MaxFailureRatio: 0.5, Order: "stop-first" };
    expect(changed.UpdateConfig).toEqual({ ...wanted, FailureAction: "continue" });
    expect(changed.RollbackConfig).toEqual({ ...wanted, FailureAction: "pause" });
    await docker("service rm turn");
  });
});

describe("what can't be had", () => {
  it("is refused in one line, and nothing is made", async () => {
    const refused: readonly (readonly [flags: string, line: string])[] = [
      ["--isolation hyperv", "only Windows has isolation modes"],
      ["--credential-spec file://spec.json", "only Windows has credential specs"],
      ["--endpoint-mode dnsrr --publish 18082:8080", "dnsrr"],
    ];
    for (const [flags, line] of refused) {
      const { code, stderr } = await run(`service create --detach --no-resolve-image --name no ${flags} ${WEB_IMAGE}`);
      expect({ flags, code }).toEqual({ flags, code: 1 });
      expect(stderr).toContain(line);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(await docker("service ls --filter name=no -q")).toBe("");
  });

  it("is said by the task where only the node knows", async () => {
    await create(
      `--name part --restart-condition none --mount type=volume,source=whole,target=/part,volume-subpath=a ${WEB_IMAGE}`,
    );
    await eventually(
      "the task is rejected",
      () => rowsOf("part"),
      (rows) => rows.some((row) => /volume-subpath needs an engine with API 1\.45/.test(row)),
    );
    for (const flags of ["--isolation hyperv", "--credential-spec file://spec.json"]) {
      const { code, stderr } = await run(`service update --detach --no-resolve-image ${flags} part`);
      expect({ flags, code }).toEqual({ flags, code: 1 });
      expect(stderr).toContain("only Windows has");
    }
    await docker("service rm part");
  });
});

describe("what the docker command has no flag for", () => {
  it("--memory-swap is beside the limit of memory, --oom-score-adj is the process's", async () => {
    const { first } = cluster;
    const line = "service create --detach --no-resolve-image --name swap --limit-memory 32M --memory-swap 16M";
    await first.murmur(...line.split(" "), "--memory-swappiness", "30", "--oom-score-adj", "300", WEB_IMAGE);
    const [task] = await running("swap");
    const { HostConfig } = await inspect(task);
    expect(HostConfig).toMatchObject({ Memory: 32 * 2 ** 20, MemorySwap: 48 * 2 ** 20, MemorySwappiness: 30 });
    expect(await lines(task, "cat /proc/1/oom_score_adj")).toEqual(["300"]);
    await first.murmur(..."service update --detach --no-resolve-image --limit-memory 64M swap".split(" "));
    const [larger] = await running("swap", 1, task === undefined ? [] : [task]);
    expect((await inspect(larger)).HostConfig).toMatchObject({ Memory: 64 * 2 ** 20, MemorySwap: 80 * 2 ** 20 });
    await docker("service rm swap");
  });

  it("a node says what its administrator permits", async () => {
    expect(await cluster.first.murmur("node", "inspect", "--pretty", "host2")).toMatch(
      /Permits:\n +Devices:\s+\/dev\/net/,
    );
    const [node] = JSON.parse(await cluster.first.murmur("node", "inspect", "host2")) as readonly unknown[];
    expect(node).toMatchObject({ Murmur: { Permits: { Devices: ["/dev/net"] } } });
  });

  it("volume prune removes what no service uses, on all nodes", async () => {
    const { first } = cluster;
    await create(
      `--name keeps --mode global --stop-grace-period 0s --mount type=volume,source=kept,target=/kept ${WEB_IMAGE}`,
    );
    await running("keeps", 2);
    expect(await first.murmur("volume", "prune", "--force", "--filter", "name=copied")).toMatch(/copied-1 on host/);
    await first.murmur("volume", "prune", "--force");
    const left = await Promise.all(cluster.hosts.map((host) => host.ok("docker", "volume", "ls", "-q")));
    expect(left.map((names) => names.split("\n").filter((name) => !/^[0-9a-f]{64}$/.test(name)))).toEqual([
      ["kept"],
      ["kept"],
    ]);
    await docker("service rm keeps");
  });

  it("the policy of rebalancing is shown, and moves tasks to a node that is free", async () => {
    const { first } = cluster;
    await docker("node update --availability drain host2");
    await create(`--name moving --replicas 4 --stop-grace-period 0s ${WEB_IMAGE}`);
    expect(nodesOf(await running("moving", 4))).toEqual(["host1", "host1", "host1", "host1"]);
    await first.murmur("cluster", "update", "--rebalance", "on");
    expect(await first.murmur("cluster", "info")).toMatch(/^Rebalance: +on: /m);
    // A minute of calm and ten of a task's own rest are too long for a test.
    const { Version, Spec } = await first.client.swarm();
    const Rebalance = { Policy: "on" as const, Calm: 1_000_000_000, Rest: 1_000_000_000 };
    await first.client.updateSwarm(Version.Index, { ...Spec, Murmur: { ...Spec.Murmur, Rebalance } });
    await docker("node update --availability active host2");
    await eventually(
      "each node has two",
      async () => [
        nodesOf(await tasksOf(cluster.hosts, "moving")).join(),
        // Says what it waits for.
        await first.murmur("cluster", "info"),
      ],
      ([nodes]) => nodes === "host1,host1,host2,host2",
    );
    await first.murmur("cluster", "update", "--rebalance", "off");
    expect(await first.murmur("cluster", "info")).toMatch(/^Rebalance: +off$/m);
    await docker("service rm moving");
  });
});
