import type { TaskExplanation } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { aService, aTask } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";

const web = aService("web");
const waiting: TaskExplanation = {
  task: aTask(web, { slot: 2, state: "pending" }),
  why: "no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks)",
  placement: {
    fitting: 0,
    message: "",
    refusals: [
      { filter: "resources", nodes: 2, text: "insufficient resources on 2 nodes" },
      { filter: "availability", nodes: 1, text: "1 node not available for new tasks" },
    ],
    closest: { nodeId: "n2", hostname: "beta", lacks: ["0.5 CPUs short"] },
  },
};

async function run(...words: readonly string[]): Promise<string> {
  await using daemon = await FakeDaemon.start({
    "GET /murmur/tasks/web.2/explain": () => ({ json: waiting }),
    "GET /murmur/services/web/explain": () => ({
      json: { service: web, why: "1 of 2 tasks run", tasks: [waiting], more: 3, volumes: ["volume data is on node h"] },
    }),
  });
  const { status, stdout } = await runMurmur(["-H", daemon.socketPath, ...words]);
  expect(status).toBe(0);
  return stdout;
}

const EXPLAINED = `web.2 (${waiting.task.ID})
  pending since SINCE ago, to be running
  no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks)

REFUSED BY     NODES     BECAUSE
resources      2         insufficient resources on 2 nodes
availability   1         1 node not available for new tasks
Closest: node beta: 0.5 CPUs short
`;
const withoutTime = (text: string): string => text.replace(/since .* ago/, "since SINCE ago");

it("explains a task", async () => {
  expect(withoutTime(await run("task", "explain", "web.2"))).toBe(EXPLAINED);
  expect(JSON.parse(await run("task", "explain", "--format", "json", "web.2"))).toEqual(waiting);
});

it("explains a service", async () => {
  const text = withoutTime(await run("service", "explain", "web"));
  expect(text).toBe(
    `web: 1 of 2 tasks run\nvolume data is on node h\n\n${EXPLAINED}\nand 3 more: murmur service ps web\n`,
  );
});
