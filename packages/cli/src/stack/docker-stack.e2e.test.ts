import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MurmurClient } from "@murmur/api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cli } from "../cli.ts";
import { INERT_PORTS } from "../inert-ports.ts";
import { REAL_CLOCK, runMurmur } from "../testing/run-murmur.ts";
import { applicationOf } from "./application-source.ts";
import { deployApplication } from "./deploy-application.ts";
import { aComposeService, aPort, aProject } from "./testing/projects.ts";
import { RunningCluster } from "./testing/running-cluster.ts";

/* Docker's own commands on the same stack. Needs the docker command, of any version. */

const COMPOSE = `
version: "3.8"
services:
  web: { image: "web:1", ports: ["8480:80"], environment: { MODE: production }, deploy: { replicas: 2 } }
  db: { image: "db:1" }
`;

let cluster: RunningCluster;
let folder: string;
beforeAll(async () => {
  cluster = await RunningCluster.start();
  folder = await mkdtemp(join(tmpdir(), "murmur-stack-"));
  await writeFile(join(folder, "compose.yaml"), COMPOSE);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function docker(...words: string[]): Promise<string> {
  const host = `unix://${cluster.served.socketPath}`;
  return (await promisify(execFile)("docker", ["-H", host, "stack", ...words])).stdout.trim();
}

async function deployed(): Promise<string> {
  let stdout = "";
  const output = { ...INERT_PORTS.stdout, write: (text: string) => (stdout += text) };
  using cli = new Cli({ ...INERT_PORTS, clock: REAL_CLOCK, stdout: output });
  cli.host = cluster.served.socketPath;
  const web = aComposeService("web", {
    ports: [aPort(80, { published: 8480 })],
    environment: new Map([["MODE", "production"]]),
    deploy: { labels: new Map(), replicas: 2 },
  });
  const project = aProject([web, aComposeService("db")]);
  await deployApplication(cli, applicationOf(project), { stack: "shop", resolveImage: "never", waitTimeout: 50_000 });
  return stdout;
}

it("see it, deploy it again without replacing a task, and remove it", async () => {
  await deployed();
  expect(await docker("ls", "--format", "{{.Name}} {{.Services}}")).toBe("shop 2");
  expect(await docker("services", "shop", "--format", "{{.Name}} {{.Replicas}}")).toBe("shop_db 1/1\nshop_web 2/2");
  expect((await docker("ps", "shop", "--format", "{{.Name}}")).split("\n").toSorted()).toEqual([
    "shop_db.1",
    "shop_web.1",
    "shop_web.2",
  ]);
  using client = new MurmurClient({ host: cluster.served.socketPath });
  const versions = async (): Promise<unknown> =>
    (await client.services()).map(({ Spec, Murmur }) => [Spec.Name, Murmur.SpecVersion]);
  const before = await versions();
  await docker("deploy", "--resolve-image", "never", "-c", join(folder, "compose.yaml"), "shop");
  expect(await versions()).toEqual(before);
  expect(await deployed()).toContain("Services: 0 created, 0 changed, 2 unchanged, 0 removed");
  // Docker's rm doesn't wait for the tasks, which are in the network until they have stopped.
  expect(await docker("rm", "shop")).toContain("Removing network shop_");
  expect(await docker("ls", "--format", "{{.Name}}")).toBe("");
});

it("print with docker stack config what is deployed here as the same stack", async () => {
  const printed = await docker("config", "-c", join(folder, "compose.yaml"));
  await writeFile(join(folder, "printed.yaml"), printed);
  await deployed();
  const words = ["-H", cluster.served.socketPath, "stack", "deploy", "--resolve-image", "never"];
  const { status, stdout } = await runMurmur([...words, "-c", join(folder, "printed.yaml"), "shop"]);
  expect(status).toBe(0);
  expect(stdout).toContain("Services: 0 created, 0 changed, 2 unchanged, 0 removed");
});

it("take what murmur stack config prints", async () => {
  const { stdout } = await runMurmur(["stack", "config", "-c", join(folder, "compose.yaml")]);
  await writeFile(join(folder, "shown.yaml"), `version: "3.8"\n${stdout}`);
  await deployed();
  await docker("deploy", "--resolve-image", "never", "-c", join(folder, "shown.yaml"), "shop");
  expect(await deployed()).toContain("Services: 0 created, 0 changed, 2 unchanged, 0 removed");
});
