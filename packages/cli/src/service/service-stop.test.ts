import type { Service } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aService } from "../testing/objects.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const web = aService("web");
const stopped: Service = { ...web, Spec: { ...web.Spec, Murmur: { Stopped: true } } };

/** What a command says, and the spec that it sends. */
async function run(service: Service, ...words: readonly string[]): Promise<Ran & { readonly sent: unknown }> {
  let sent: unknown;
  await using daemon = await FakeDaemon.start({
    "GET /services/*": () => ({ json: service }),
    "GET /tasks": () => ({ json: [] }),
    "POST /services/*/update": ({ body }) => {
      sent = body;
      return { json: { Warnings: null } };
    },
  });
  return { ...(await runMurmur(["-H", daemon.socketPath, "service", ...words])), sent };
}

it.each([
  [web, "stop", { ...web.Spec, Murmur: { Stopped: true } }],
  [stopped, "stop", undefined],
  [stopped, "start", { ...web.Spec, Murmur: { Stopped: false } }],
  [web, "start", undefined],
  [web, "restart", { ...web.Spec, TaskTemplate: { ...web.Spec.TaskTemplate, ForceUpdate: 1 } }],
] as const)("changes what it must, and nothing else", async (service, verb, spec) => {
  expect(await run(service, verb, "--detach", "web")).toMatchObject({ status: 0, stdout: "web\n", sent: spec });
});

it("says of a stopped service what to do, where it is to be restarted or is scaled", async () => {
  const start = "start it: murmur service start web\n";
  const restart = await run(stopped, "restart", "web");
  expect(restart).toMatchObject({ status: 6, sent: undefined, stderr: `murmur: service web is stopped; ${start}` });
  const scale = await run(stopped, "scale", "--detach", "web=5");
  expect(scale).toMatchObject({ status: 0, stdout: "web scaled to 5\n", stderr: `murmur: web is stopped; ${start}` });
});
