import { ERROR_CODES } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { EXIT_STATUS, EXIT_STATUS_MEANINGS } from "./exit-status.ts";
import { aNode, aService, aTask } from "./testing/objects.ts";
import { FakeDaemon, type Route } from "./testing/fake-daemon.ts";
import { runMurmur, type Ran } from "./testing/run-murmur.ts";

const NOW = Date.parse("2026-11-21T03:05:00Z");
const clock = { now: () => NOW, monotonic: () => 0, setTimer: () => ({ cancel: () => {} }) };
const web = aService("web", {
  ServiceStatus: { RunningTasks: 2, DesiredTasks: 2, CompletedTasks: 0 },
  Endpoint: { Spec: {}, Ports: [80, 81].map((port) => ({ PublishedPort: port, TargetPort: port, Protocol: "tcp" })) },
});
const ROUTES: Record<string, Route> = {
  "GET /services": () => ({ json: [web] }),
  "GET /services/web": () => ({ json: web }),
  "GET /nodes": () => ({ json: [aNode("host1")] }),
  "GET /nodes/*": () => ({ json: aNode("host1") }),
  "GET /info": () => ({ json: { Swarm: { NodeID: aNode("x").ID, LocalNodeState: "active" } } }),
  "GET /tasks": () => ({
    json: [
      aTask(web, {
        slot: 1,
        id: "old",
        state: "failed",
        desired: "shutdown",
        error: "task: non-zero exit (1) and more words",
      }),
      aTask(web, { slot: 2 }),
      aTask(web, { slot: 1, id: "new", after: 60 }),
    ],
  }),
  "GET /murmur/join-token": () => ({ json: { joinToken: "MURMUR-1-x", address: "10.0.0.1:7373" } }),
  "DELETE /services/web": () => ({ json: null }),
};

async function murmur(line: string, routes: Record<string, Route> = {}): Promise<Ran & { daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ ...ROUTES, ...routes });
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...line.split(" ")], { clock })), daemon };
}

describe("lists", () => {
  it("of services are Docker's", async () => {
    const { stdout } = await murmur("service ls");
    expect(stdout.split("\n")).toEqual([
      "ID             NAME      MODE         REPLICAS   IMAGE     PORTS",
      "web-idxxxxxx   web       replicated   2/2        nginx:1   *:80-81->80-81/tcp",
      "",
    ]);
    const { stdout: json } = await murmur("service ls --format json");
    expect(JSON.parse(json)).toEqual([
      { ID: web.ID, Name: "web", Mode: "replicated", Replicas: "2/2", Image: "nginx:1", Ports: "*:80-81->80-81/tcp" },
    ]);
    expect((await murmur("service ls -q")).stdout).toBe(`${web.ID}\n`);
  });

  it("of tasks are Docker's, the newest of a slot first", async () => {
    const { stdout, daemon } = await murmur("service ps web");
    expect(stdout.split("\n")).toEqual([
      "ID             NAME        IMAGE     NODE      DESIRED STATE   CURRENT STATE           ERROR                              PORTS",
      "newxxxxxxxxx   web.1       nginx:1   host1     Running         Running 4 minutes ago",
      'oldxxxxxxxxx    \\_ web.1   nginx:1   host1     Shutdown        Failed 5 minutes ago    "task: non-zero exit (1) and m…"',
      "webt2xxxxxxx   web.2       nginx:1   host1     Running         Running 5 minutes ago",
      "",
    ]);
    expect(daemon.asked.find(({ path }) => path === "/tasks")?.query.get("filters")).toBe('{"service":["web"]}');
  });

  it("of tasks say all in JSON and with --no-trunc", async () => {
    const { stdout } = await murmur("service ps web --format json");
    expect(JSON.parse(stdout)[1]).toMatchObject({ Name: "web.1", Error: "task: non-zero exit (1) and more words" });
    expect((await murmur("service ps --no-trunc web")).stdout).toContain('"task: non-zero exit (1) and more words"');
  });

  it("of nodes are Docker's, and mark the one that answered", async () => {
    const { stdout } = await murmur("node ls");
    expect(stdout.split("\n")).toEqual([
      "ID                            HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   ENGINE VERSION",
      `${aNode("x").ID} *   host1      Ready     Active         Leader           28.0.1`,
      "",
    ]);
  });

  it("show an engine that is down", async () => {
    const down = aNode("host1");
    down.Murmur = { ...down.Murmur, EngineState: "down", EngineMessage: "connection refused" };
    const routes: Record<string, Route> = {
      "GET /nodes": () => ({ json: [down] }),
      "GET /nodes/*": () => ({ json: down }),
    };
    expect((await murmur("node ls", routes)).stdout).toContain("Ready (engine down)");
    expect((await murmur("node inspect --pretty host1", routes)).stdout).toMatch(
      /Engine State: +Down: connection refused/,
    );
  });
});

describe("inspect", () => {
  it("prints one JSON array, and for people on demand", async () => {
    expect(JSON.parse((await murmur("service inspect web")).stdout)).toEqual([web]);
    expect((await murmur("service inspect --pretty web")).stdout).toMatch(
      /^ID: +web-id.*\nName: +web\nService Mode: +Replicated\n Replicas: +2\n/,
    );
    const Permits = { Privileged: true, Devices: ["/dev/fuse", "/dev/dri"] };
    const permitting = { ...aNode("host1"), Murmur: { ...aNode("host1").Murmur, Permits } };
    const routes: Record<string, Route> = { "GET /nodes/*": () => ({ json: permitting }) };
    expect((await murmur("node inspect --pretty host1", routes)).stdout).toMatch(
      /\nPermits:\n Privileged: +Yes\n Devices: +\/dev\/fuse, \/dev\/dri\nEngine:/,
    );
    expect((await murmur("node inspect --pretty self")).stdout).toMatch(/Labels:\n - zone=east\nHostname: +host1\n/);
  });
  it("shows a port with its address and options, in the list, too", async () => {
    const port = { Protocol: "tcp", TargetPort: 8080, PublishedPort: 80, PublishMode: "ingress" } as const;
    const Murmur = { HostIP: "fd00::1", Balancing: "least-conn", ProxyProtocol: true, LocalFirst: true } as const;
    const Ports = [{ ...port, Murmur }, port, { ...port, TargetPort: 8081, PublishedPort: 81 }];
    const bound = aService("web", { Endpoint: { Spec: {}, Ports } });
    const routes = { "GET /services/web": () => ({ json: bound }), "GET /services": () => ({ json: [bound] }) };
    expect((await murmur("service inspect --pretty web", routes)).stdout).toContain(
      "\n [fd00::1]:80 → 8080/tcp (ingress, least-conn, PROXY protocol, local first)\n 80 → 8080/tcp (ingress)\n",
    );
    expect((await murmur("service ls", routes)).stdout).toContain("*:80-81->8080-8081/tcp, [fd00::1]:80->8080/tcp");
  });
  it("shows what there is before it fails", async () => {
    const { stdout, stderr, status } = await murmur("service inspect nope web", {
      "GET /services/nope": () => ({ status: 404, code: "not_found", message: "service nope not found" }),
    });
    expect(JSON.parse(stdout)).toHaveLength(1);
    expect({ stderr, status }).toEqual({ stderr: "murmur: service nope not found\n", status: 4 });
  });
});

describe("nodes", () => {
  it("are relabelled and drained relative to what they are", async () => {
    const { stdout, daemon } = await murmur(
      "node update --availability drain --label-add disk=ssd --label-rm zone host1",
      {
        "POST /nodes/*/update": () => ({ json: null }),
      },
    );
    expect(stdout).toBe("host1\n");
    expect(daemon.asked.at(-1)).toMatchObject({
      body: { Availability: "drain", Labels: { disk: "ssd" }, Role: "manager" },
    });
  });
  it("are pinned to a role", async () => {
    const routes: Record<string, Route> = { "POST /nodes/*/update": () => ({ json: null }) };
    const { stdout, daemon } = await murmur("node demote host1", routes);
    expect(stdout).toBe("Node host1 demoted in the cluster.\n");
    expect(daemon.asked.at(-1)?.body).toMatchObject({ Role: "worker", Murmur: { PinnedRole: "worker" } });
    const auto = await murmur("node update --role auto host1", routes);
    expect(auto.daemon.asked.at(-1)?.body).toMatchObject({ Role: "manager", Murmur: { PinnedRole: null } });
  });
});

describe("a cluster", () => {
  it("is started, and says how to join it", async () => {
    const answer = { nodeId: "n1", address: "10.0.0.1:7373", joinToken: "MURMUR-1-x" };
    const { stdout, stderr, daemon } = await murmur(
      "cluster init --advertise-addr 10.0.0.1 --listen-addr 0.0.0.0 --label zone=east --voters 5 --strategy binpack --data-plane overlay --default-addr-pool 10.20.0.0/16 --default-addr-pool 10.30.0.0/16 --default-addr-pool-mask-length 22",
      {
        "GET /_ping": () => ({ json: "OK" }),
        "POST /murmur/cluster/init": () => ({ json: answer }),
      },
    );
    expect(stdout).toBe(
      "Cluster initialized: current node (n1) is now a manager.\n\nTo add a node to this cluster, run the following command on it:\n\n    murmur node join --token MURMUR-1-x 10.0.0.1:7373\n\n",
    );
    expect(stderr).toBe("");
    expect(daemon.asked.at(-1)?.body).toEqual({
      advertiseAddr: "10.0.0.1",
      listenAddr: "0.0.0.0:7373",
      availability: "active",
      labels: { zone: "east" },
      voters: 5,
      strategy: "binpack",
      dataPlane: "overlay",
      defaultAddrPool: ["10.20.0.0/16", "10.30.0.0/16"],
      subnetSize: 22,
    });
  });

  it("is joined, or says why not in one line", async () => {
    const routes = { "GET /_ping": () => ({ json: "OK" }) };
    const joined = await murmur("node join --token T 10.0.0.1:7373 10.0.0.2:7373", {
      ...routes,
      "POST /murmur/node/join": () => ({ json: { nodeId: "n2", address: "10.0.0.2:7373" } }),
    });
    expect(joined.stdout).toBe("This host joined the cluster as node n2.\n");
    expect(joined.daemon.asked.at(-1)?.body).toMatchObject({
      token: "T",
      addresses: ["10.0.0.1:7373", "10.0.0.2:7373"],
    });
    const message = "this node is already in a cluster: leave it first with `murmur cluster leave`";
    const refused = await murmur("node join --token T 10.0.0.1:7373", {
      ...routes,
      "POST /murmur/node/join": () => ({ status: 503, code: "already_in_cluster", message }),
    });
    expect(refused).toMatchObject({ status: 6, stdout: "", stderr: `murmur: ${message}\n` });
  });

  it("gives its token alone to scripts", async () => {
    expect((await murmur("cluster join-token --quiet")).stdout).toBe("MURMUR-1-x\n");
    expect((await murmur("cluster join-token")).stdout).toContain(
      "    murmur node join --token MURMUR-1-x 10.0.0.1:7373\n",
    );
  });
});

describe("rm", () => {
  it("removes what it can and reports the rest in one line", async () => {
    const gone: Route = ({ path }) => ({
      status: 404,
      code: "not_found",
      message: `service ${path.split("/").at(-1) ?? ""} not found`,
    });
    const { stdout, stderr, status } = await murmur("service rm a web b", {
      "DELETE /services/a": gone,
      "DELETE /services/b": gone,
    });
    expect({ stdout, stderr, status }).toEqual({
      stdout: "web\n",
      stderr: "murmur: service a not found; service b not found\n",
      status: 4,
    });
  });
});

describe("version", () => {
  it("asks nobody with --client", async () => {
    const { stdout, status } = await runMurmur(["version", "--client", "--format", "json"], {
      env: { MURMUR_HOST: "unix:///no/such" },
    });
    expect(JSON.parse(stdout)).toMatchObject({ Client: { Version: "1.2.3" }, Server: null });
    expect(status).toBe(0);
    expect((await runMurmur(["--version"])).stdout).toBe("1.2.3\n");
  });
  it("shows what it knows and fails when no daemon answers", async () => {
    const { stdout, stderr, status } = await runMurmur(["-H", "/no/such.sock", "version"]);
    expect(stdout).toMatch(/^Client: Murmur\n Version: +1\.2\.3\n/);
    expect(stderr).toBe(
      "murmur: the Murmur daemon isn't running at unix:///no/such.sock: start it with `murmur daemon`\n",
    );
    expect(status).toBe(7);
  });
});

describe("mistakes", () => {
  it.each([
    ["service crate", "unknown command 'crate' (Did you mean create?); see `murmur service --help`"],
    ["service", "a command is missing; see `murmur service --help`"],
    ["help service crate", "unknown command 'crate'; see `murmur service --help`"],
    ["service ps", "missing required argument 'services'; see `murmur service ps --help`"],
    ["node join 1.2.3.4:1", "required option '--token <token>' not specified; see `murmur node join --help`"],
    ["service ls --filter x", "invalid filter 'x': give NAME=VALUE"],
    ["service scale web", "invalid scale 'web': give SERVICE=REPLICAS"],
    ["-H ssh://x service ls", '"ssh://x" is no address of a daemon: give unix:///PATH or tcp://HOST:PORT'],
  ])("%s", async (line, message) => {
    const { stdout, stderr, status } = await runMurmur(line.split(" "));
    expect({ stdout, stderr, status }).toEqual({ stdout: "", stderr: `murmur: ${message}\n`, status: 2 });
  });

  it("have a status for each code, and each status a meaning", () => {
    const meant = EXIT_STATUS_MEANINGS.map(([status]) => status);
    for (const code of ERROR_CODES) expect(meant).toContain(EXIT_STATUS[code]);
  });
});

describe("help", () => {
  it.each(["", "service", "service create", "node remove"])(
    "of '%s' is the same by `help` and by --help",
    async (line) => {
      const words = line.split(" ").filter(Boolean);
      const page = await runMurmur([...words, "--help"]);
      expect(page.stdout).toMatch(/^Usage: murmur/);
      expect(await runMurmur(["help", ...words])).toEqual(page);
    },
  );

  it("is there for everything, with an example for every command", async () => {
    for (const line of ["", "service", "service create", "node update", "dev up", "daemon", "cluster init"]) {
      const { stdout, status } = await runMurmur([...line.split(" ").filter(Boolean), "--help"]);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^Usage: murmur/);
      if (line.includes(" ")) expect(stdout).toMatch(/Examples?:\n {2}# /);
    }
  });
});
