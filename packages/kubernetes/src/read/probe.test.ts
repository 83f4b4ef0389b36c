import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { deployment, load, web } from "../testing/manifests.ts";
import { commandFor, toolOf } from "./probe-command.ts";

const HTTP = "httpGet: { path: /healthz, port: http }";

describe("probes", () => {
  it("are one health check, by the times of the liveness probe, and not before startup is over", () => {
    const { healthcheck } = web({
      container: `
livenessProbe: { exec: { command: [cat, /ok] }, initialDelaySeconds: 5, periodSeconds: 3, timeoutSeconds: 2, failureThreshold: 4 }
readinessProbe: { exec: { command: [cat, /ok] } }
startupProbe: { exec: { command: [cat, /ok] }, periodSeconds: 10, failureThreshold: 30 }`,
    });
    expect(healthcheck).toEqual({
      disable: false,
      test: ["CMD", "cat", "/ok"],
      intervalMs: 3000,
      timeoutMs: 2000,
      retries: 4,
      startPeriodMs: 300_000,
    });
  });

  it("of two kinds are too many", () => {
    const { unsupported } = load(
      deployment({ container: `livenessProbe: { ${HTTP} }\nreadinessProbe: { tcpSocket: { port: 80 } }` }),
    );
    expect(unsupported).toEqual([
      {
        at: "web.yaml:17",
        path: "deployment/web.spec.template.spec.containers[0].readinessProbe",
        says: "a container has one health check here, and it is made of livenessProbe: give both the same, or leave one out",
      },
    ]);
  });

  it("are asked from inside with what the image is known to have, else refused", () => {
    const test = (image: string): readonly string[] | undefined =>
      web({ image, container: `livenessProbe: { ${HTTP} }` }).healthcheck?.test;
    expect(test("nginx")?.slice(0, 3)).toEqual(["CMD", "bash", "-c"]);
    expect(test("nginx:1.27-alpine")).toEqual(["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:80/healthz"]);
    const { unsupported } = load(
      deployment({ image: "example.org/shop/web:1", container: `livenessProbe: { ${HTTP} }` }),
    );
    expect(unsupported).toEqual([
      {
        at: "web.yaml:16",
        path: "deployment/web.spec.template.spec.containers[0].livenessProbe.httpGet",
        says: 'it is looked at from inside the container here, and "example.org/shop/web:1" isn\'t known to have bash or busybox for that: write it as a command that the image has, as in exec: {command: [curl, -f, "http://127.0.0.1:80/healthz"]}',
      },
    ]);
  });

  it.each([
    ["postgres:16", "bash"],
    ["docker.io/library/redis:7-alpine@sha256:00", "busybox"],
    ["golang:1-nanoserver", undefined],
    ["bitnami/nginx", undefined],
    ["registry.example.org/nginx", undefined],
  ])("know that %s has %s", (image, tool) => {
    expect(toolOf(image)).toBe(tool);
  });
});

describe("the command for images with bash", () => {
  const seen: (readonly [string | undefined, string | undefined, unknown])[] = [];
  const server = createServer(({ url, headers }, response) => {
    seen.push([url, headers.host, headers["x-a"]]);
    response.writeHead(url === "/fine" ? 204 : url === "/moved" ? 302 : 500).end();
  });
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  const run = async (words: readonly string[]): Promise<boolean> => {
    const [, program = "", ...rest] = words;
    return promisify(execFile)(program, rest).then(
      () => true,
      () => false,
    );
  };
  const ask = (path: string): Promise<boolean> =>
    run(commandFor("bash", { host: "127.0.0.1", port, http: { path, headers: [["X-A", 'a "b" \\n $c']] } }));

  it("asks as it was told, and is content with 200 to 399", async () => {
    expect([await ask("/fine"), await ask("/moved"), await ask("/broken?a=$(id)")]).toEqual([true, true, false]);
    expect(seen).toEqual(
      ["/fine", "/moved", "/broken?a=$(id)"].map((path) => [path, `127.0.0.1:${port}`, 'a "b" \\n $c']),
    );
  });

  it("sees whether a port is open", async () => {
    expect(await run(commandFor("bash", { host: "127.0.0.1", port }))).toBe(true);
    expect(await run(commandFor("bash", { host: "127.0.0.1", port: 1 }))).toBe(false);
  });
});
