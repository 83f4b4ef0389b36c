import { MurmurClient } from "@murmur/api";
import type { ComposeService, Project } from "@murmur/compose";
import { codeOf, messageOf } from "@murmur/base";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cli } from "../cli.ts";
import { INERT_PORTS } from "../inert-ports.ts";
import { runMurmur, REAL_CLOCK } from "../testing/run-murmur.ts";
import { applicationOf } from "./application-source.ts";
import { deployApplication, type DeployFlags } from "./deploy-application.ts";
import { aComposeNetwork, aComposeService, aPayload, aPort, aProject, attached, uses } from "./testing/projects.ts";
import { RunningCluster } from "./testing/running-cluster.ts";

let cluster: RunningCluster;
let client: MurmurClient;
beforeEach(async () => {
  cluster = await RunningCluster.start();
  client = new MurmurClient({ host: cluster.served.socketPath });
});
afterEach(async () => {
  client[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
});

interface Deployed {
  readonly stdout: string;
  readonly stderr: string;
  readonly error: string | undefined;
  readonly code: string | undefined;
}

async function deployed(
  project: Project,
  flags: Partial<DeployFlags> & { readonly answer?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Deployed> {
  let [stdout, stderr] = ["", ""];
  const isTerminal = flags.answer !== undefined;
  using cli = new Cli({
    ...INERT_PORTS,
    clock: REAL_CLOCK,
    stdin: { ...INERT_PORTS.stdin, isTerminal },
    stdout: { ...INERT_PORTS.stdout, isTerminal, write: (text) => (stdout += text) },
    stderr: { ...INERT_PORTS.stderr, write: (text) => (stderr += text) },
    ask: async () => flags.answer,
    env: flags.env ?? {},
  });
  cli.host = cluster.served.socketPath;
  const how = { resolveImage: "never", waitTimeout: 50_000, detach: true, stack: "shop", ...flags } as const;
  try {
    await deployApplication(cli, applicationOf(project), how);
    return { stdout, stderr, error: undefined, code: undefined };
  } catch (error) {
    return { stdout, stderr, error: messageOf(error), code: codeOf(error) };
  }
}

const shop = (motd: string, change: Partial<ComposeService> = {}): Project =>
  aProject(
    [
      aComposeService("web", {
        configs: [uses("motd", { target: "/etc/motd", mode: 0o440 })],
        secrets: [uses("password")],
        environment: new Map([["MODE", "production"]]),
        ports: [aPort(80, { published: 8480 })],
        networks: [attached("default"), attached("back", { aliases: ["front"] })],
        deploy: { labels: new Map([["team", "web"]]), replicas: 2 },
        ...change,
      }),
      aComposeService("db", { networks: [attached("back")] }),
    ],
    {
      networks: { back: aComposeNetwork() },
      configs: { motd: aPayload(motd) },
      secrets: { password: aPayload("hush") },
    },
  );

const versions = async (): Promise<Record<string, number>> =>
  Object.fromEntries((await client.services()).map(({ Spec, Murmur }) => [Spec.Name ?? "", Murmur.SpecVersion]));
const names = (list: readonly { readonly Spec: { readonly Name: string } }[]): string[] =>
  list.map(({ Spec }) => Spec.Name).toSorted();

describe("a stack", () => {
  it("is made with Docker's names, labels, networks and aliases", async () => {
    const { error, stdout } = await deployed(shop("hello"));
    expect(error).toBeUndefined();
    expect(stdout).toMatch(/\+ network shop_back\n.*\+ network shop_default\n/s);
    expect(stdout).toContain("Services: 2 created, 0 changed, 0 unchanged, 0 removed");
    expect(stdout).not.toContain("hush");
    const web = await client.service("shop_web");
    expect(web.Spec.Labels).toEqual({
      "com.docker.stack.image": "web:1",
      "com.docker.stack.namespace": "shop",
      team: "web",
    });
    const networks = new Map((await client.networks()).map(({ Id, Name }) => [Id, Name]));
    expect(web.Spec.TaskTemplate.Networks?.map(({ Target, Aliases }) => [networks.get(Target), Aliases])).toEqual([
      ["shop_back", ["front", "web"]],
      ["shop_default", ["web"]],
    ]);
    const { Configs: [config] = [], Secrets: [secret] = [] } = web.Spec.TaskTemplate.ContainerSpec;
    expect(config?.ConfigName).toMatch(/^shop_motd-[0-9a-f]{12}$/);
    expect(config?.File).toEqual({ Name: "/etc/motd", UID: "0", GID: "0", Mode: 0o440 });
    expect(secret?.SecretName).toMatch(/^shop_password-[0-9a-f]{12}$/);
    expect(secret?.File.Name).toBe("password");
  });

  it("that is deployed again is not touched", async () => {
    await deployed(shop("hello"));
    const before = await client.services();
    const { stdout, error } = await deployed(shop("hello"), { prune: true });
    expect(error).toBeUndefined();
    expect(stdout).toContain("Services: 0 created, 0 changed, 2 unchanged, 0 removed");
    expect((await client.services()).map(({ Version }) => Version)).toEqual(before.map(({ Version }) => Version));
  });

  it("whose config has another content rolls just what uses it, and forgets what no rollback needs", async () => {
    await deployed(shop("first"), { detach: false });
    const before = await versions();
    const second = await deployed(shop("second"), { detach: false });
    expect(second.error).toBeUndefined();
    expect(second.stdout).toMatch(
      /~ service shop_web\n\s+configs: - shop_motd-\S+ at \/etc\/motd\n\s+configs: \+ shop_motd-\S+ at \/etc\/motd\n/,
    );
    expect(second.stdout).toContain("= service shop_db\n");
    const after = await versions();
    expect(after["shop_db"]).toBe(before["shop_db"]);
    expect(after["shop_web"]).not.toBe(before["shop_web"]);
    // Going back to the service as it was would need the first.
    expect(await client.configs()).toHaveLength(2);
    await deployed(shop("third"), { detach: false });
    const contents = (await client.configs()).map(({ Spec }) => Buffer.from(Spec.Data, "base64").toString());
    expect(contents.toSorted()).toEqual(["second", "third"]);
  });

  it("moves ports between services, and swaps them, in one deployment", async () => {
    const publishing = (web: number, api: number): Project =>
      aProject([
        aComposeService("web", { ports: [aPort(80, { published: web })] }),
        aComposeService("api", { ports: [aPort(80, { published: api })], dependsOn: waitingFor("web") }),
      ]);
    const waitingFor = (service: string): ComposeService["dependsOn"] => [
      { service, condition: "service_started", restart: false, required: true },
    ];
    const published = async (): Promise<unknown> =>
      Promise.all(
        ["shop_web", "shop_api"].map(async (name) =>
          (await client.service(name)).Spec.EndpointSpec?.Ports?.map(({ PublishedPort }) => PublishedPort),
        ),
      );
    await deployed(publishing(8481, 8482), { detach: false });
    const swapped = await deployed(publishing(8482, 8481), { detach: false });
    expect(swapped.error).toBeUndefined();
    expect(swapped.stdout).toContain("2 changed");
    expect(await published()).toEqual([[8482], [8481]]);
    expect((await deployed(publishing(8482, 8481))).stdout).toContain("2 unchanged");
    expect((await deployed(publishing(8481, 8483), { detach: false })).error).toBeUndefined();
    expect(await published()).toEqual([[8481], [8483]]);
    const alone = aProject([aComposeService("web", { ports: [aPort(80, { published: 8483 })] })]);
    expect((await deployed(alone)).error).toContain("8483");
    expect((await deployed(alone, { prune: true, detach: false })).error).toBeUndefined();
    expect(await published().catch(() => "gone")).toBe("gone");
  });

  it("renews logins of unchanged services with --with-registry-auth, and replaces nothing", async () => {
    const login = (): unknown =>
      cluster.memory.store.view.services().map(({ registryAuth }) => registryAuth !== undefined);
    await deployed(shop("hello"), { detach: false });
    expect(login()).toEqual([false, false]);
    const before = await versions();
    const auth = Buffer.from("me:hush").toString("base64");
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth } } }) };
    const { stdout, error } = await deployed(shop("hello"), { withRegistryAuth: true, detach: false, env });
    expect(error).toBeUndefined();
    expect(stdout).toContain("2 unchanged");
    expect(login()).toEqual([true, true]);
    expect(await versions()).toEqual(before);
  });

  it("shows each field that changes, and changes nothing with --dry-run", async () => {
    await deployed(shop("hello"));
    const changed = shop("hello", { image: "web:2", environment: new Map([["MODE", "test"]]) });
    const { stdout } = await deployed(changed, { dryRun: true });
    expect(stdout).toContain("    image: web:1 → web:2\n");
    expect(stdout).toContain("    environment: - MODE=production\n");
    expect(stdout).toContain("    environment: + MODE=test\n");
    expect((await client.service("shop_web")).Spec.TaskTemplate.ContainerSpec.Image).toBe("web:1");
  });

  it("asks a person, and does nothing without a yes", async () => {
    const { stderr } = await deployed(shop("hello"), { answer: "n" });
    expect(stderr).toBe("Nothing was changed.\n");
    expect(await client.services()).toEqual([]);
    await deployed(shop("hello"), { answer: "y" });
    expect(await client.services()).toHaveLength(2);
  });

  it("loses with --prune what its file has no more, and only then", async () => {
    await deployed(shop("hello"));
    const less = aProject([aComposeService("db")]);
    await deployed(less);
    expect(Object.keys(await versions())).toHaveLength(2);
    const { stdout, error } = await deployed(less, { prune: true, detach: false });
    expect(error).toBeUndefined();
    expect(stdout).toContain("- service shop_web\n");
    expect(Object.keys(await versions())).toEqual(["shop_db"]);
    expect(
      (await client.networks({ filters: { label: ["com.docker.stack.namespace=shop"] } })).map(({ Name }) => Name),
    ).toEqual(["shop_default"]);
    expect(names(await client.secrets())).toEqual([]);
  });

  it("keeps what other commands have set on a service and a file has no words for", async () => {
    await deployed(shop("hello"));
    const { ID, Version, Spec } = await client.service("shop_web");
    const Ports = Spec.EndpointSpec?.Ports?.map((port) => ({ ...port, Murmur: { LocalFirst: true } })) ?? [];
    const spec = { ...Spec, Murmur: { Strategy: "binpack" as const }, EndpointSpec: { ...Spec.EndpointSpec, Ports } };
    await client.updateService(ID, { version: Version.Index, spec });
    const { stdout } = await deployed(shop("hello", { image: "web:2" }));
    expect(stdout).toMatch(/~ service shop_web\n +image: web:1 → web:2\n {2}=/);
    const after = await client.service("shop_web");
    expect(after.Spec.Murmur).toEqual({ Strategy: "binpack" });
    expect(after.Spec.EndpointSpec?.Ports?.[0]?.Murmur).toEqual({ LocalFirst: true });
  });

  it("names all that can't be honoured, and leaves it out where that is allowed", async () => {
    const project = aProject([
      aComposeService("web", {
        build: { context: "." },
        networkMode: "service:db",
        others: [{ path: "links", at: "compose.yaml:7" }],
      }),
    ]);
    const refused = await deployed(project);
    expect(refused.code).toBe("unsupported");
    expect(refused.error).toContain(
      "services.web.build: a cluster doesn't build images: docker build -t web:1 . && docker push web:1",
    );
    expect(refused.error).toContain("services.web.network_mode");
    expect(refused.error).toContain("compose.yaml:7: services.web.links");
    const allowed = await deployed(project, { allowUnsupported: true });
    expect(allowed.error).toBeUndefined();
    expect(allowed.stderr.match(/warning: left out: /g)).toHaveLength(3);
  });

  it("says what is missing that the file calls external", async () => {
    const networks = { web: aComposeNetwork({ external: true, name: "public" }) };
    const inIt = [aComposeService("web", { networks: [attached("web")] })];
    expect((await deployed(aProject(inIt, { networks }))).error).toMatch(
      /^network "public" is declared as external, but could not be found\./,
    );
    expect(await client.networks({ filters: { name: ["public"] } })).toEqual([]);
    const secrets = { key: aPayload(undefined) };
    const using = [aComposeService("web", { secrets: [uses("key")] })];
    expect((await deployed(aProject(using, { secrets }))).error).toMatch(
      /^secret "key" is declared as external, but could not be found/,
    );
    expect(await client.services()).toEqual([]);
  });
});

describe("services in their nodes' own network", () => {
  it("are deployed by network_mode and by an external network, and left alone by the next deployment", async () => {
    const networks = { outside: aComposeNetwork({ external: true, name: "host" }) };
    const project = aProject(
      [
        aComposeService("mode", { networkMode: "none" }),
        aComposeService("outside", { networks: [attached("outside")] }),
      ],
      { networks },
    );
    expect((await deployed(project)).error).toBeUndefined();
    const own = await client.serviceNetworks();
    const nameOf = async (service: string): Promise<readonly (string | undefined)[] | undefined> =>
      (await client.service(service)).Spec.TaskTemplate.Networks?.map(
        ({ Target }) => own.find(({ Id }) => Id === Target)?.Name,
      );
    expect([await nameOf("shop_mode"), await nameOf("shop_outside")]).toEqual([["none"], ["host"]]);
    expect((await client.networks({ filters: { scope: ["swarm"] } })).map(({ Name }) => Name)).toEqual([
      "default",
      "ingress",
    ]);
    const before = await versions();
    expect((await deployed(project)).error).toBeUndefined();
    expect(await versions()).toEqual(before);
  });
});

describe("services that depend on others", () => {
  const api = (condition: ComposeService["dependsOn"][number]["condition"]): ComposeService =>
    aComposeService("api", { dependsOn: [{ service: "db", condition, restart: false, required: true }] });

  it("are made when those are as far as they ask for", async () => {
    cluster.held.add("shop_db");
    const running = deployed(aProject([api("service_healthy"), aComposeService("db")]), { detach: false });
    await expect.poll(async () => Object.keys(await versions()), { timeout: 30_000 }).toEqual(["shop_db"]);
    cluster.held.clear();
    const { error, stdout } = await running;
    expect(error).toBeUndefined();
    expect(stdout).toContain("shop_db: overall progress: 1 out of 1 tasks\n");
    expect(stdout).toMatch(/verify: Stack shop converged\n$/);
    expect(Object.keys(await versions())).toHaveLength(2);
  });

  it("are restarted with those where the file says so, once", async () => {
    const dependsOn = [{ service: "db", condition: "service_started" as const, restart: true, required: true }];
    const project = (image: string): Project =>
      aProject([aComposeService("api", { dependsOn }), aComposeService("db", { image })]);
    await deployed(project("db:1"), { detach: false });
    const { stdout, error } = await deployed(project("db:2"), { detach: false });
    expect(error).toBeUndefined();
    expect(stdout).toContain("~ service shop_api\n      restarts: 0 → 1\n");
    expect((await client.service("shop_api")).Spec.TaskTemplate.ForceUpdate).toBe(1);
    expect((await deployed(project("db:2"))).stdout).toContain("2 unchanged");
  });

  it("wait for a service to complete, which is a job then", async () => {
    const { error, stderr } = await deployed(aProject([api("service_completed_successfully"), aComposeService("db")]), {
      detach: false,
    });
    expect(error).toBeUndefined();
    expect(stderr).toContain("services.db runs as a job (mode replicated-job), since others wait for it to complete");
    expect((await client.service("shop_db")).Spec.Mode).toEqual({
      ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 },
    });
    expect(Object.keys(await versions())).toHaveLength(2);
  });

  it("say what they wait for when the time is up, and are made by the next deployment", async () => {
    cluster.held.add("shop_db");
    const project = aProject([api("service_started"), aComposeService("db")]);
    const { error, code } = await deployed(project, { detach: false, waitTimeout: 200 });
    expect(code).toBe("internal");
    expect(error).toContain("shop_api: not begun: db (service_started)");
    cluster.held.clear();
    expect((await deployed(project, { detach: false })).error).toBeUndefined();
    expect(Object.keys(await versions())).toHaveLength(2);
  });
});

it("is deployed in any of its forms a second time without a difference", async () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  const map = fc.dictionary(word, word, { maxKeys: 3 }).map((object) => new Map(Object.entries(object)));
  const service = fc.record({
    environment: map,
    labels: map,
    command: fc.array(word, { maxLength: 2 }),
    capAdd: fc.subarray(["NET_ADMIN", "SYS_TIME"]),
    init: fc.boolean(),
    stopGracePeriodMs: fc.nat(60_000),
    healthcheck: fc.record({ disable: fc.boolean(), intervalMs: fc.nat(5_000), retries: fc.nat(5) }),
    ulimits: fc.constant(new Map([["nofile", { soft: 100, hard: 200 }]])),
    dns: fc.subarray(["192.0.2.1", "192.0.2.2"]),
    ports: fc.subarray([
      aPort(80, { published: 8081 }),
      aPort(53, { protocol: "udp" }),
      aPort(81, { hostIp: "127.0.0.1" }),
    ]),
    deploy: fc.record({
      labels: map,
      replicas: fc.nat(3),
      limits: fc.record({
        nanoCpus: fc.oneof(fc.constant(0), fc.integer({ min: 10 ** 6, max: 10 ** 9 })),
        memoryBytes: fc.constantFrom(0, 64 * 2 ** 20),
      }),
      updateConfig: fc.record({ parallelism: fc.nat(2), delayMs: fc.nat(1000) }),
      restartPolicy: fc.record({
        condition: fc.constantFrom("none" as const, "on-failure" as const),
        delayMs: fc.nat(1000),
      }),
    }),
  });
  await fc.assert(
    fc.asyncProperty(service, async (change) => {
      const project = aProject([aComposeService("web", change)]);
      expect((await deployed(project)).error).toBeUndefined();
      expect((await deployed(project)).stdout).toContain("0 created, 0 changed, 1 unchanged");
    }),
    { numRuns: 25 },
  );
});

describe("the commands of stacks", () => {
  const murmur = (...words: string[]) => runMurmur(["-H", cluster.served.socketPath, "stack", ...words]);

  it("list them, their services and tasks", async () => {
    await deployed(shop("hello"), { detach: false });
    expect((await murmur("ls")).stdout).toBe("NAME      SERVICES\nshop      2\n");
    expect(JSON.parse((await murmur("ls", "--format", "json")).stdout)).toEqual([{ Name: "shop", Services: "2" }]);
    expect((await murmur("services", "shop")).stdout).toMatch(/shop_db .*\n.*shop_web .*2\/2/);
    expect((await murmur("ps", "shop")).stdout).toMatch(/shop_db\.1 .*\n.*shop_web\.1 .*\n.*shop_web\.2 /);
    expect(await murmur("ps", "none")).toMatchObject({ status: 4, stderr: "murmur: nothing found in stack: none\n" });
    expect(await murmur("services", "none")).toMatchObject({ status: 0, stderr: "Nothing found in stack: none\n" });
    expect((await murmur("ls", "'")).status).toBe(2);
  });

  it("remove them and leave nothing", async () => {
    await deployed(shop("hello"), { detach: false });
    const { status, stdout, stderr } = await murmur("rm", "shop");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^Removing service shop_db\nRemoving service shop_web\nRemoving config shop_motd-\S+\nRemoving secret shop_password-\S+\n/,
    );
    const label = { filters: { label: ["com.docker.stack.namespace=shop"] } };
    const left = await Promise.all([
      client.services(label),
      client.networks(label),
      client.configs(label),
      client.secrets(label),
      client.tasks(label),
    ]);
    expect(left.flat()).toEqual([]);
    expect(await murmur("rm", "shop")).toMatchObject({ status: 0, stderr: "Nothing found in stack: shop\n" });
  });
});
