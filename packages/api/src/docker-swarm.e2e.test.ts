import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALLOWED, type Allowed } from "./comparison/allowed.ts";
import { DaemonSide } from "./comparison/daemon-side.ts";
import { LoneHost } from "./comparison/lone-host.ts";
import { differences, plain } from "./comparison/plain.ts";
import { ingress } from "./comparison/requests/ingress.ts";
import { networks } from "./comparison/requests/networks.ts";
import { configs, secrets } from "./comparison/requests/payloads.ts";
import { serviceErrors } from "./comparison/requests/service-errors.ts";
import { serviceLists } from "./comparison/requests/service-lists.ts";
import { serviceUpdates } from "./comparison/requests/service-updates.ts";
import { services } from "./comparison/requests/services.ts";
import { nodes, swarm } from "./comparison/requests/swarm.ts";
import { system } from "./comparison/requests/system.ts";
import { tasks } from "./comparison/requests/tasks.ts";
import { schemaProblem } from "./comparison/schemas/answers.ts";
import type { Node } from "./docker/node-types.ts";
import type { Step, Topic } from "./comparison/step.ts";

/*
 * The same requests to a real Docker Swarm and to Murmur, the answers compared field by field. Needs root, the engine's
 * programs and the tests' image; fails where they are missing.
 */
const run = promisify(execFile);
const IMAGE = "murmur/web:latest";
const TOPICS: readonly Topic[] = [
  tasks,
  services,
  serviceLists,
  serviceErrors,
  serviceUpdates,
  secrets,
  configs,
  networks,
  nodes,
  swarm,
  system,
  ingress,
];

let docker: DaemonSide;
let murmur: DaemonSide;
/** Whatever was started, also when one of the hosts could not be. */
const hosts = new AsyncDisposableStack();
const used = new Set<Allowed>();

beforeAll(async () => {
  const started = async (name: string): Promise<LoneHost> => hosts.use(await LoneHost.start(name, [IMAGE]));
  const starting = [started("docker"), started("murmur")] as const;
  await Promise.allSettled(starting);
  const [swarmHost, murmurHost] = await Promise.all(starting);
  await run("docker", [
    "-H",
    `unix://${swarmHost.engineSocket}`,
    "swarm",
    "init",
    "--advertise-addr",
    swarmHost.address,
  ]);
  await murmurHost.startMurmur();
  docker = hosts.use(new DaemonSide(swarmHost.engineSocket, { completesLater: true, keepsConnection: true }));
  murmur = hosts.use(new DaemonSide(murmurHost.murmurSocket, { keepsConnection: true }));
  const pool = { DefaultAddrPool: ["10.64.0.0/10"], SubnetSize: 24 };
  const body = { AdvertiseAddr: murmurHost.address, ...pool, Murmur: { DataPlane: "overlay" } };
  const { status, body: made } = await murmur.take({ ask: "POST /swarm/init", body });
  expect([status, made]).toEqual([200, expect.any(String)]);
  await murmur.take({ ask: "GET /nodes", until: isReady });
}, 300_000);

/** A node can take tasks once it has said what its engine is. */
const isReady = (body: unknown): boolean =>
  (body as readonly Node[]).every(
    ({ Description, Murmur }) => Description.Engine?.EngineVersion !== undefined && Murmur.EngineState === "ready",
  );

afterAll(() => hosts.disposeAsync(), 120_000);

/**
 * What is different in the answers to a step, and isn't meant to be; and what is in either that Docker's API definition
 * doesn't have. That Docker's own answers fit keeps the schemas honest.
 */
async function compare(step: Step): Promise<object[]> {
  const answers = await Promise.all([docker.take(step), murmur.take(step)]);
  if (step.quiet === true) return [];
  const sent = [step.body, step.headers].filter((part) => part !== undefined).map((part) => JSON.stringify(part));
  const asked = `${step.ask} ${sent.join(" ")}`;
  const shapes = step.bodyless === true ? [] : answers.map((answer) => schemaProblem(step.ask, answer));
  const mistyped = shapes.flatMap((problem, at) =>
    problem === undefined ? [] : [{ asked: step.ask, of: at === 0 ? "docker" : "murmur", problem }],
  );
  const found = differences(plain(answers[0], docker), plain(answers[1], murmur));
  const isMeant = (path: string, said?: unknown): boolean => {
    const fitting = ALLOWED.filter(
      (entry) => entry.path.test(path) && entry.asked.test(asked) && (entry.docker?.test(String(said)) ?? true),
    );
    for (const entry of fitting) used.add(entry);
    return fitting.length > 0;
  };
  const isOther = found.some(({ path }) => path === "status") && isMeant("status");
  const unmeant = found
    .filter(({ path }) => !(isOther && /^(?:body|status|headers\.content-type)/.test(path)))
    .filter(({ path }) => !(step.bodyless === true && path.startsWith("body")))
    .filter((difference) => !isMeant(difference.path, difference.docker))
    .map((difference) => ({ asked, ...difference }));
  return [...mistyped, ...unmeant];
}

describe("Docker Swarm and Murmur answer alike", () => {
  it.each(TOPICS)(
    "$name",
    async ({ steps }) => {
      const unmeant: object[] = [];
      for (const step of steps) unmeant.push(...(await compare(step)));
      expect(unmeant).toEqual([]);
    },
    180_000,
  );

  it("but for differences that are listed, each of them needed", () => {
    const idle = ALLOWED.filter((entry) => !used.has(entry));
    expect(idle.map(({ asked, path, why }) => ({ asked: String(asked), path: String(path), why }))).toEqual([]);
  });
});
