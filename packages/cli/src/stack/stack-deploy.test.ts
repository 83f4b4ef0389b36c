import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MurmurClient } from "@murmur/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";
import { RunningCluster } from "./testing/running-cluster.ts";

const COMPOSE = `
services:
  web:
    image: web:\${TAG:-1}
    ports: ["8480:80"]
    depends_on: { db: { condition: service_healthy } }
    configs: [motd]
  db:
    image: db:1
  tools:
    image: tools:1
    profiles: [debug]
configs:
  motd: { file: ./motd }
`;

let cluster: RunningCluster;
let client: MurmurClient;
let folder: string;
beforeEach(async () => {
  cluster = await RunningCluster.start();
  client = new MurmurClient({ host: cluster.served.socketPath });
  folder = await mkdtemp(join(tmpdir(), "murmur-stack-"));
  await writeFile(join(folder, "compose.yaml"), COMPOSE);
  await writeFile(join(folder, "motd"), "hello");
});
afterEach(async () => {
  client[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const deploy = (...words: string[]): Promise<Ran> =>
  runMurmur(["-H", cluster.served.socketPath, "stack", "deploy", "--resolve-image", "never", ...words]);
const images = async (): Promise<readonly string[]> =>
  (await client.services()).map(({ Spec }) => Spec.TaskTemplate.ContainerSpec.Image).toSorted();

it("deploys what its files say, in the order of what depends on what", async () => {
  const { status, stdout, stderr } = await deploy("-c", join(folder, "compose.yaml"), "shop");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/verify: Stack shop converged\n$/);
  expect(await images()).toEqual(["db:1", "web:1"]);
});

it("takes profiles, variables of a file, and a file over the other", async () => {
  await writeFile(join(folder, "variables"), "TAG=2\n");
  await writeFile(join(folder, "prod.yaml"), "services: { db: { image: db:9 } }\n");
  const files = ["-c", join(folder, "compose.yaml"), "-c", join(folder, "prod.yaml")];
  const { status, stderr } = await deploy(
    "-d",
    ...files,
    "--profile",
    "debug",
    "--env-file",
    join(folder, "variables"),
    "shop",
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(await images()).toEqual(["db:9", "tools:1", "web:2"]);
});

it("reads standard input, and says where a mistake is", async () => {
  const stdin = (text: string) => ({
    stdin: {
      isTerminal: false,
      raw: () => ({ [Symbol.dispose]: () => {} }),
      read: async function* () {
        yield Buffer.from(text);
      },
    },
  });
  const words = ["-H", cluster.served.socketPath, "stack", "deploy", "--resolve-image", "never", "-c", "-", "shop"];
  expect((await runMurmur(words, stdin("services: { web: { image: web:3 } }\n"))).status).toBe(0);
  expect(await images()).toEqual(["web:3"]);
  const wrong = await runMurmur(words, stdin("services:\n  web:\n    imag: web:3\n"));
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toMatch(/^murmur: \/dev\/stdin:3: services\.web: .*"imag"/);
});

it("refuses with its line what a cluster can't honour", async () => {
  await writeFile(
    join(folder, "compose.yaml"),
    "services:\n  web:\n    image: web:1\n    links: [db]\n    build: .\n  db: { image: db:1 }\n",
  );
  const { status, stderr } = await deploy("-c", join(folder, "compose.yaml"), "shop");
  expect(status).toBe(6);
  expect(stderr).toContain("services.web.build: a cluster doesn't build images");
  expect(stderr).toMatch(/compose\.yaml:4: services\.web\.links/);
  expect(await images()).toEqual([]);
});

describe("Kubernetes manifests", () => {
  const MANIFESTS = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web:1
          ports: [{ containerPort: 80 }]
          volumeMounts: [{ name: site, mountPath: /site }]
      volumes: [{ name: site, configMap: { name: site } }]
---
apiVersion: v1
kind: Service
metadata: { name: front }
spec: { type: NodePort, selector: { app: web }, ports: [{ port: 80, nodePort: 30080 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: site }
data: { index.html: hello }
`;

  it("are deployed, and found unchanged when they are deployed again", async () => {
    await writeFile(join(folder, "web.yaml"), MANIFESTS);
    const first = await deploy("-f", join(folder, "web.yaml"), "shop");
    expect({ status: first.status, stderr: first.stderr }).toEqual({ status: 0, stderr: "" });
    expect(first.stdout).toMatch(/verify: Stack shop converged\n$/);
    const { Spec, Endpoint } = await client.service("shop_web");
    expect(Endpoint?.Ports).toMatchObject([{ TargetPort: 80, PublishedPort: 30_080 }]);
    expect(Spec.Mode).toEqual({ Replicated: { Replicas: 2 } });
    expect(Spec.TaskTemplate.Networks?.[0]?.Aliases).toContain("front");
    expect(Spec.TaskTemplate.ContainerSpec.Configs?.map(({ File }) => File.Name)).toEqual(["/site/index.html"]);
    await rm(join(folder, "compose.yaml"));
    const same = await deploy("-f", folder, "--prune", "shop");
    expect(same.stdout).toContain("Services: 0 created, 0 changed, 1 unchanged, 0 removed");
  });

  it("are refused line by line, or deployed without what isn't honoured", async () => {
    await writeFile(
      join(folder, "web.yaml"),
      MANIFESTS.replace("          image", "          lifecycle: {}\n          image"),
    );
    const file = join(folder, "web.yaml");
    const { status, stderr } = await deploy("-f", file, "shop");
    expect(status).toBe(6);
    expect(stderr).toContain(`${file}:13: deployment/web.spec.template.spec.containers[0].lifecycle: do it in`);
    expect(await images()).toEqual([]);
    const allowed = await deploy("-d", "-f", file, "--allow-unsupported", "shop");
    expect(allowed.status).toBe(0);
    expect(allowed.stderr).toContain("warning: left out: ");
    expect(await images()).toEqual(["web:1"]);
  });

  it("are no Compose files", async () => {
    const files = ["-f", join(folder, "web.yaml"), "-c", join(folder, "compose.yaml")];
    expect((await deploy(...files, "shop")).stderr).toContain("deploy them as two stacks");
    expect((await deploy("-f", "x.yaml", "--profile", "a", "shop")).stderr).toContain("--profile is of Compose files");
  });
});
