import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const COMPOSE = `
services:
  web: { image: "web:\${TAG:-1}", ports: ["8480:80"], volumes: ["data:/data"], links: [db] }
  db: { image: "db:1", build: . }
  tools: { image: "tools:1", profiles: [debug] }
volumes: { data: }
`;
const SHOWN = `services:
  web:
    image: web:2
    ports:
      - mode: ingress
        target: 80
        published: 8480
        protocol: tcp
    volumes:
      - type: volume
        source: data
        target: /data
  db:
    image: db:1
volumes:
  data: {}
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "murmur-config-"));
  await writeFile(join(folder, "compose.yaml"), COMPOSE);
  await writeFile(join(folder, "prod.yaml"), "services: { db: { build: !reset null } }\n");
});
afterEach(() => rm(folder, { recursive: true }));

const config = (...words: string[]): Promise<Ran> =>
  runMurmur(["stack", "config", "-c", join(folder, "compose.yaml"), "-c", join(folder, "prod.yaml"), ...words], {
    env: { TAG: "2" },
  });

it("shows what the files come to, and warns of what isn't honoured, without a daemon", async () => {
  const { status, stdout, stderr } = await config();
  expect({ status, stdout }).toEqual({ status: 0, stdout: SHOWN });
  expect(stderr).toMatch(/^murmur: warning: a cluster can't honour \S+compose\.yaml:3: services\.web\.links\n$/);
});

it("shows the same again of what it showed", async () => {
  await writeFile(join(folder, "shown.json"), (await config("--format", "json")).stdout);
  const { stdout } = await runMurmur(["stack", "config", "-c", join(folder, "shown.json")]);
  expect(stdout).toBe(SHOWN);
});

it("shows names only", async () => {
  expect((await config("--services", "--profile", "debug")).stdout).toBe("db\ntools\nweb\n");
  expect((await config("--images")).stdout).toBe("db:1\nweb:2\n");
  expect((await config("--volumes")).stdout).toBe("data\n");
  expect((await config("--profiles")).stdout).toBe("debug\n");
  expect((await config("-q")).stdout).toBe("");
});

it("says where a mistake is", async () => {
  await writeFile(join(folder, "prod.yaml"), "services:\n  db:\n    imag: x\n");
  const { status, stderr } = await config("-q");
  expect(status).toBe(2);
  expect(stderr).toMatch(/prod\.yaml:3: services\.db: .*"imag"/);
});

it("shows manifests as a Compose file that comes to the same", async () => {
  const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: "nginx:1", livenessProbe: { httpGet: { port: 80 } }, command: [sh, -c, "echo $HOME"] }]
`;
  await writeFile(join(folder, "web.yaml"), manifest);
  const { status, stdout, stderr } = await runMurmur(["stack", "config", "-f", join(folder, "web.yaml")]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("- echo $$HOME\n");
  await writeFile(join(folder, "shown.yaml"), stdout);
  expect((await runMurmur(["stack", "config", "-c", join(folder, "shown.yaml")])).stdout).toBe(stdout);
});
