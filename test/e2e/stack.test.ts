import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Project } from "@murmur/compose";
import { Cli } from "../../packages/cli/src/cli.ts";
import { INERT_PORTS } from "../../packages/cli/src/inert-ports.ts";
import { applicationOf } from "../../packages/cli/src/stack/application-source.ts";
import { deployApplication } from "../../packages/cli/src/stack/deploy-application.ts";
import {
  aComposeNetwork,
  aComposeService,
  aPayload,
  aPort,
  aProject,
  attached,
  uses,
} from "../../packages/cli/src/stack/testing/projects.ts";
import { REAL_CLOCK, runMurmur } from "../../packages/cli/src/testing/run-murmur.ts";
import { firstAnswer, isEmpty } from "../hosts/first-answer.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { ask } from "../hosts/requests.ts";
import { tasksOf } from "../hosts/task-container.ts";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] });
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** The two files of everybody's first `kubectl apply -f`. */
const FIRST_STEPS = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-deployment
  labels:
    app: nginx
spec:
  replicas: 2
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
        - name: nginx
          image: nginx:1.14.2
          ports:
            - containerPort: 80
---
apiVersion: v1
kind: Service
metadata:
  name: nginx
spec:
  type: NodePort
  selector:
    app: nginx
  ports:
    - port: 80
      targetPort: 80
      nodePort: 30000
`;

async function deployed(project: Project, stack = "shop"): Promise<string> {
  let stdout = "";
  const output = { ...INERT_PORTS.stdout, write: (text: string) => (stdout += text) };
  using cli = new Cli({ ...INERT_PORTS, clock: REAL_CLOCK, stdout: output });
  cli.host = cluster.first.socket;
  await deployApplication(cli, applicationOf(project), { stack, resolveImage: "never", waitTimeout: 60_000 });
  return stdout;
}

const shop = (motd: string): Project =>
  aProject(
    [
      aComposeService("web", {
        image: WEB_IMAGE,
        configs: [uses("motd", { target: "/motd" })],
        secrets: [uses("password")],
        ports: [aPort(8080, { published: 8480 })],
        networks: [attached("back")],
        deploy: { labels: new Map(), replicas: 2 },
        dependsOn: [{ service: "db", condition: "service_healthy", restart: false, required: true }],
      }),
      aComposeService("db", { image: WEB_IMAGE, networks: [attached("back")] }),
    ],
    {
      networks: { back: aComposeNetwork() },
      configs: { motd: aPayload(motd) },
      secrets: { password: aPayload("hush") },
    },
  );

const docker = (...words: string[]): Promise<string> =>
  cluster.first.ok("docker", "-H", "unix:///run/murmur/docker.sock", "stack", ...words);
/** The ids of the tasks that should run, by service. */
async function tasks(): Promise<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  for (const { ID, Murmur } of await cluster.first.client.tasks({ filters: { "desired-state": ["running"] } }))
    (found[Murmur.ServiceName] ??= []).push(ID);
  return Object.fromEntries(Object.entries(found).map(([name, ids]) => [name, ids.toSorted()]));
}

/** A published port of every host leads to a task of a service, as soon as the host has heard of it. */
async function answers(port: number, service: string): Promise<void> {
  const names = (await tasksOf(cluster.hosts, service)).map(({ id }) => id.slice(0, 12));
  for (const host of cluster.hosts) {
    const look = (): Promise<string> => ask(host, port).catch(() => "");
    expect(names).toContain(await firstAnswer(`${host.name} answers`, look, isEmpty));
  }
}

describe("a stack on three hosts", () => {
  it("is deployed, answers through every host, and is Docker's stack too", async () => {
    expect(await deployed(shop("hello"))).toMatch(/verify: Stack shop converged\n$/);
    await answers(8480, "shop_web");
    expect(await docker("ls", "--format", "{{.Name}} {{.Services}}")).toBe("shop 2");
    expect(await docker("services", "shop", "--format", "{{.Name}} {{.Replicas}}")).toBe("shop_db 1/1\nshop_web 2/2");
  });

  it("rolls only what uses a config that has another content, and nothing when all is as it was", async () => {
    const before = await tasks();
    expect(await deployed(shop("hello again"))).toContain("Services: 0 created, 1 changed, 1 unchanged, 0 removed");
    const after = await tasks();
    expect(after["shop_db"]).toEqual(before["shop_db"]);
    expect(after["shop_web"]).not.toEqual(before["shop_web"]);
    expect(await deployed(shop("hello again"))).toContain("Services: 0 created, 0 changed, 2 unchanged, 0 removed");
    expect(await tasks()).toEqual(after);
  });

  it("is removed and leaves nothing", async () => {
    const { status, stderr } = await runMurmur(["-H", cluster.first.socket, "stack", "rm", "shop"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { client } = cluster.first;
    const filters = { label: ["com.docker.stack.namespace=shop"] };
    const left = await Promise.all([
      client.services({ filters }),
      client.networks({ filters }),
      client.configs({ filters }),
      client.secrets({ filters }),
    ]);
    expect(left.flat()).toEqual([]);
    for (const host of cluster.hosts) expect(await host.containers()).toEqual([]);
  });

  it("is also what Kubernetes manifests say, unchanged", async () => {
    // A local image of that name: the tests have no registry.
    for (const host of cluster.hosts)
      await host.ok("sh", "-c", `printf 'FROM ${WEB_IMAGE}\nENV PORT=80\n' | docker build -q -t nginx:1.14.2 -`);
    const folder = await mkdtemp(join(tmpdir(), "murmur-stack-"));
    const file = join(folder, "nginx.yaml");
    await writeFile(file, FIRST_STEPS);
    const deploy = ["-H", cluster.first.socket, "stack", "deploy", "-f", file, "--resolve-image", "never", "first"];
    const { status, stdout, stderr } = await runMurmur(deploy);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/verify: Stack first converged\n$/);
    expect((await tasks())["first_nginx-deployment"]).toHaveLength(2);
    await answers(30_000, "first_nginx-deployment");
    expect((await runMurmur(deploy)).stdout).toContain("Services: 0 created, 0 changed, 1 unchanged, 0 removed");
    expect((await runMurmur(["-H", cluster.first.socket, "stack", "rm", "first"])).status).toBe(0);
    await rm(folder, { recursive: true });
  });

  it("finds its own service first, where another has one of the same short name in a network of both", async () => {
    const { first, hosts } = cluster;
    await first.murmur("network", "create", "meet");
    const inMeet = { networks: [attached("meet")] };
    const services = [
      aComposeService("db", { image: WEB_IMAGE, ...inMeet }),
      aComposeService("client", {
        image: CLIENT_IMAGE,
        command: ["sleep", "1000000"],
        stopGracePeriodMs: 0,
        ...inMeet,
      }),
    ];
    const project = aProject(services, { networks: { meet: aComposeNetwork({ external: true }) } });
    const stacks = ["one", "two"] as const;
    for (const stack of stacks) expect(await deployed(project, stack)).toContain(`Stack ${stack} converged`);
    const found = new Map<string, readonly string[]>();
    for (const stack of stacks) {
      const [client] = await tasksOf(hosts, `${stack}_client`);
      if (client === undefined) throw new Error(`${stack} has no client`);
      const look = async (name: string): Promise<string> =>
        (await client.inside("sh", "-c", `getent ahostsv4 ${name} | awk '{ print $1 }' | sort -u`)).stdout.trim();
      const addresses = async (name: string): Promise<readonly string[]> =>
        (await firstAnswer(`${name} has an address`, look.bind(null, name), isEmpty)).split("\n");
      const own = await addresses("db");
      expect(own).toHaveLength(1);
      expect(own).toEqual(await addresses(`${stack}_db`));
      found.set(stack, own);
      for (const other of stacks) expect(await addresses(`${other}_db`)).toHaveLength(1);
    }
    expect(found.get("one")).not.toEqual(found.get("two"));
    for (const stack of stacks) expect((await runMurmur(["-H", first.socket, "stack", "rm", stack])).status).toBe(0);
    await first.murmur("network", "rm", "meet");
  });
});
