import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceSpec } from "@murmur/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aService } from "../testing/objects.ts";
import { FakeDaemon, type Asked, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const OLD = `sha256:${"a".repeat(64)}`;
const NEW = `sha256:${"b".repeat(64)}`;
const REGISTRY = "registry.example:5000";

const found: Route = () => ({
  json: {
    Descriptor: { digest: NEW },
    Platforms: [
      { os: "linux", architecture: "amd64" },
      { os: "linux", architecture: "arm", variant: "v7" },
    ],
  },
});
const PLATFORMS = [{ OS: "linux", Architecture: "amd64" }, { OS: "linux" }];

interface Outcome extends Ran {
  readonly asked: readonly Asked[];
  readonly sent: Asked | undefined;
  readonly image: string | undefined;
  readonly placement: unknown;
}

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "murmur-login-"));
});
afterAll(() => rm(home, { recursive: true }));

async function run(line: string, routes: Record<string, Route> = {}, spec?: ServiceSpec): Promise<Outcome> {
  await using daemon = await FakeDaemon.start({
    "GET /services/*": () => ({ json: aService("web", spec && { Spec: spec }) }),
    "GET /tasks": () => ({ json: [] }),
    "POST /services/create": () => ({ json: { ID: "new", Warnings: null } }),
    "POST /services/*/update": () => ({ json: { Warnings: null } }),
    ...routes,
  });
  const env = { PATH: `${home}/bin:${process.env["PATH"] ?? ""}` };
  const ran = await runMurmur(["-H", daemon.socketPath, "service", ...line.split(" ")], { home, env });
  const sent = daemon.asked.find(({ method }) => method === "POST");
  const body = sent?.body as ServiceSpec | undefined;
  const { ContainerSpec, Placement } = body?.TaskTemplate ?? {};
  return { ...ran, asked: daemon.asked, sent, image: ContainerSpec?.Image, placement: Placement };
}

describe("an image that a service is made with", () => {
  it("is pinned to the digest that its registry has for it now, and to its platforms", async () => {
    const { image, placement, stderr } = await run(`create -d ${REGISTRY}/app`, {
      [`GET /distribution/${REGISTRY}/app:latest/json`]: found,
    });
    expect(stderr).toBe("");
    expect(image).toBe(`${REGISTRY}/app:latest@${NEW}`);
    expect(placement).toEqual({ Platforms: PLATFORMS });
  });

  it("stays as it is where a digest was said", async () => {
    const { image, placement } = await run(`create -d app:1@${OLD}`, {
      [`GET /distribution/app:1@${OLD}/json`]: found,
    });
    expect(image).toBe(`app:1@${OLD}`);
    expect(placement).toEqual({ Platforms: PLATFORMS });
  });

  it("keeps its tag when the registry can't be asked, with Docker's warning", async () => {
    const { image, placement, stderr, status } = await run("create -d app");
    expect({ image, placement, status }).toEqual({ image: "app:latest", placement: undefined, status: 0 });
    expect(stderr).toBe(
      "murmur: warning: image app:latest could not be accessed on a registry to record its digest. Each node will access app:latest independently, possibly leading to different nodes running different versions of the image.\n",
    );
  });

  it("is not asked for with --no-resolve-image", async () => {
    const { image, asked, stderr } = await run("create -d --no-resolve-image app:1");
    expect(image).toBe("app:1");
    expect(stderr).toBe("");
    expect(asked.map(({ path }) => path)).toEqual(["/services/create"]);
  });

  it("is refused when it is none", async () => {
    const { stderr, status, asked } = await run("create -d App:1");
    expect({ stderr, status, asked }).toEqual({
      stderr: `murmur: "App:1" is not a valid repository/tag\n`,
      status: 2,
      asked: [],
    });
  });
});

describe("an update", () => {
  const before: ServiceSpec = {
    ...aService("web").Spec,
    TaskTemplate: {
      ContainerSpec: { Image: `app:1@${OLD}` },
      Placement: { MaxReplicas: 2, Platforms: [{ OS: "linux", Architecture: "arm64" }] },
    },
  };

  it("pins a new image", async () => {
    const { image, placement } = await run(
      "update -d --image app:2 web",
      {
        "GET /distribution/app:2/json": found,
      },
      before,
    );
    expect(image).toBe(`app:2@${NEW}`);
    expect(placement).toEqual({ MaxReplicas: 2, Platforms: PLATFORMS });
  });

  it("forgets the platforms of the one before when nothing is known of the new one", async () => {
    const { image, placement, stderr } = await run("update -d --image app:2 web", {}, before);
    expect(image).toBe("app:2");
    expect(placement).toEqual({ MaxReplicas: 2 });
    expect(stderr).toContain("could not be accessed on a registry to record its digest");
  });

  it("of something else asks no registry and leaves digest and platforms", async () => {
    const { image, placement, asked } = await run("update -d --force web", {}, before);
    expect(image).toBe(`app:1@${OLD}`);
    expect(placement).toEqual(before.TaskTemplate.Placement);
    expect(asked.some(({ path }) => path.startsWith("/distribution"))).toBe(false);
  });
});

describe("--with-registry-auth", () => {
  const login = (config: object): Promise<void> =>
    mkdir(join(home, ".docker"), { recursive: true }).then(() =>
      writeFile(join(home, ".docker/config.json"), JSON.stringify(config)),
    );
  const helper = async (name: string, script: string): Promise<void> => {
    await mkdir(join(home, "bin"), { recursive: true });
    const path = join(home, "bin", `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };
  const auth = Buffer.from("me:pass:word").toString("base64");

  it.each([
    [REGISTRY, `${REGISTRY}/app`, REGISTRY],
    [`https://${REGISTRY}/v2/`, `${REGISTRY}/app`, REGISTRY],
    ["https://index.docker.io/v1/", "app", "https://index.docker.io/v1/"],
  ])("sends the login of %s with %s, to the registry and to the cluster", async (key, image, serveraddress) => {
    await login({ auths: { "other.example": { auth: "eDp5" }, [key]: { auth } } });
    const routes = { [`GET /distribution/${image}:latest/json`]: found };
    const { asked, stderr } = await run(`create -d --with-registry-auth ${image}`, routes);
    expect(stderr).toBe("");
    expect(asked.map(({ registryAuth }) => registryAuth)).toEqual(
      Array.from({ length: 2 }, () => ({ username: "me", password: "pass:word", serveraddress })),
    );
  });

  it("sends nothing without the flag", async () => {
    await login({ auths: { [REGISTRY]: { auth } } });
    const { asked } = await run(`create -d ${REGISTRY}/app`);
    expect(asked.map(({ registryAuth }) => registryAuth)).toEqual([undefined, undefined]);
  });

  it("asks the program that keeps the logins; one for this registry goes first", async () => {
    await login({ credsStore: "all", credHelpers: { [REGISTRY]: "one" }, auths: { [REGISTRY]: { auth } } });
    await helper("one", `printf '{"Username":"<token>","Secret":"'; cat | tr -d '\\n'; printf '"}'`);
    await helper("all", `cat >/dev/null; echo "credentials not found in native keychain"; exit 1`);
    const token = await run(`update -d --with-registry-auth --image ${REGISTRY}/app:2 web`);
    expect(token.sent?.registryAuth).toEqual({ identitytoken: REGISTRY, serveraddress: REGISTRY });
    const none = await run("create -d --no-resolve-image --with-registry-auth other.example/app");
    expect(none.sent?.registryAuth).toEqual({});
    expect(none.stderr).toBe("murmur: warning: no login for other.example: run docker login first\n");
  });

  it("uses the service's image where an update names none", async () => {
    await login({ auths: { [REGISTRY]: { auth } } });
    const spec = { ...aService("web").Spec, TaskTemplate: { ContainerSpec: { Image: `${REGISTRY}/app:1` } } };
    const { sent, asked } = await run("update -d --with-registry-auth web", {}, spec);
    expect(sent?.registryAuth).toMatchObject({ username: "me" });
    expect(asked.some(({ path }) => path.startsWith("/distribution"))).toBe(false);
  });

  it.each([
    ["nonsense", "{", "is not a JSON object: log in anew with docker login"],
    ["a login", `{"auths": {"r.example": {"auth": "cGFzcw=="}}}`, `has a login for "r.example" that can't be read`],
  ])("refuses %s in docker's configuration, and shows nothing of it", async (_what, text, says) => {
    await writeFile(join(home, ".docker/config.json"), text);
    const { stderr, status, sent } = await run("create -d --with-registry-auth r.example/app");
    expect(stderr).toContain(`${home}/.docker/config.json ${says}`);
    expect(stderr).not.toContain("pass");
    expect({ status, sent }).toEqual({ status: 2, sent: undefined });
  });

  it("says in one line that a helper failed", async () => {
    await login({ credsStore: "gone" });
    const { stderr, sent } = await run("create -d --with-registry-auth r.example/app");
    expect(stderr).toBe(
      "murmur: docker-credential-gone, which docker's configuration names, could not be asked for the login of r.example\n",
    );
    expect(sent).toBeUndefined();
  });
});
