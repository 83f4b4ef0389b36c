import { expect, it } from "vitest";
import { aService } from "../testing/objects.ts";
import { planText } from "./plan-text.ts";

const web = aService("shop_web");
const wish = { key: "web", name: "shop_web", spec: web.Spec, dependsOn: [] } as never;
const nothing = { services: [], networks: [], configs: [], secrets: [] };

it("calls a list that is only in another order as the file does, too", () => {
  const change = { field: "TaskTemplate.ContainerSpec.Mounts", before: ["a", "b"], after: ["b", "a"] };
  const text = planText({
    ...nothing,
    wish: { stack: "shop" } as never,
    services: [{ kind: "update", wish, spec: web.Spec, service: web, changes: [change] }],
    removed: nothing,
    networkNames: new Map(),
    warnings: [],
  });
  expect(text).toContain('\n      volumes: ["a","b"] → ["b","a"]\n');
});
