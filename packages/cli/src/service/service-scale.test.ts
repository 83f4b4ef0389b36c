import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aService } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";

it.each([
  ["web=3 web=4", 2, "murmur: web is given twice\n"],
  ["web=3 gone=1", 4, "murmur: service gone not found\n"],
  ["web=3 all=1", 2, "murmur: all: scale can only be used with replicated or replicated-job mode\n"],
])("scale %s is refused, and nothing is scaled", async (scales, status, stderr) => {
  const all = aService("all");
  await using daemon = await FakeDaemon.start({
    "GET /services/web": () => ({ json: aService("web") }),
    "GET /services/all": () => ({ json: { ...all, Spec: { ...all.Spec, Mode: { Global: {} } } } }),
    "GET /services/gone": () => ({ status: 404, code: "not_found", message: "service gone not found" }),
  });
  const ran = await runMurmur(["-H", daemon.socketPath, "service", "scale", "--detach", ...scales.split(" ")]);
  expect(ran).toMatchObject({ status, stderr, stdout: "" });
  expect(daemon.asked.filter(({ method }) => method === "POST")).toEqual([]);
});
