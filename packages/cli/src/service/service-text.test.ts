import { expect, it } from "vitest";
import { aService } from "../testing/objects.ts";
import { serviceText } from "./service-text.ts";

const web = aService("web");
const text = (change: Partial<typeof web.Spec>): string =>
  serviceText({ ...web, Spec: { ...web.Spec, ...change } }, (id) => id);

it("shows how it is updated and rolled back, each with its own order", () => {
  const shown = text({
    UpdateConfig: { MaxFailureRatio: 0.2, Order: "start-first" },
    RollbackConfig: { Parallelism: 0 },
    TaskTemplate: { ...web.Spec.TaskTemplate, Placement: { MaxReplicas: 2 } },
  });
  expect(shown).toContain("\n Max Replicas Per Node: 2\n");
  expect(shown).toContain(`UpdateConfig:
 Parallelism:       1
 On failure:        pause
 Monitoring Period: 5s
 Max failure ratio: 0.2
 Update order:      start-first
RollbackConfig:
 Parallelism:       0
 On failure:        pause
 Monitoring Period: 5s
 Max failure ratio: 0
 Rollback order:    stop-first
ContainerSpec:`);
});

it("shows what else was asked for of the containers, as Docker does", () => {
  const shown = text({
    TaskTemplate: {
      ContainerSpec: {
        Image: "nginx:1",
        Init: true,
        CapabilityAdd: ["CAP_NET_ADMIN"],
        CapabilityDrop: ["CAP_CHOWN", "CAP_KILL"],
        Sysctls: { "net.core.somaxconn": "100" },
        Ulimits: [
          { Name: "nofile", Soft: 100, Hard: 200 },
          { Name: "nproc", Soft: 65, Hard: 65 },
        ],
        Mounts: [{ Type: "tmpfs", Target: "/run" }],
      },
      Resources: { Limits: { Pids: 50 } },
      LogDriver: { Name: "json-file", Options: { "max-size": "1m" } },
    },
  });
  expect(shown).toContain(`
 Image:             nginx:1
 Init:              true
 Capabilities:      +CAP_NET_ADMIN -CAP_CHOWN -CAP_KILL
 Sysctl:            net.core.somaxconn=100
 Ulimit:            nofile=100:200
 Ulimit:            nproc=65:65
 Mount:             tmpfs → /run
Log Driver:         json-file
 max-size=1m
Resources:
 Limits:
  Pids:             50
Endpoint Mode:      vip`);
});
