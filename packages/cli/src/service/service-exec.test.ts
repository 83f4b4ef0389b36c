import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aService, aTask } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const job = aService("job");
const running = aTask(job, { slot: 2, state: "running", desired: "complete" });

it("finds the running task of a job, whose wanted state is to be complete", async () => {
  await using daemon = await FakeDaemon.start({
    "GET /services/job": () => ({ json: job }),
    "GET /tasks": ({ query }) => {
      const { "desired-state": desired = [] } = JSON.parse(query.get("filters") ?? "{}") as Record<string, string[]>;
      return { json: desired.includes(running.DesiredState) ? [running] : [] };
    },
  });
  const { stderr } = await runMurmur(["-H", daemon.socketPath, "service", "exec", "-d", "job", "sync"]);
  expect(stderr).not.toContain("has no running task");
  expect(daemon.asked.at(-1)?.path).toContain(running.ID);
});
