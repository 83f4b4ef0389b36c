import { networkId, serviceId, taskId, type PortConfig } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, hostPort, ingress, serviceSpec } from "./fixtures.ts";

const web = serviceId("web");

const OPTIONS = { hostIp: "10.0.0.1", balancing: "least-conn", proxyProtocol: true, localFirst: true } as const;

describe("a service's name and ports", () => {
  it("refuses a name that is held, and says by whom", () => {
    const driver = new Driver().cluster().service("web");
    const result = driver.try({ kind: "createService", id: serviceId("other"), spec: serviceSpec("web") });
    expect(result).toMatchObject({ ok: false, code: "name_conflict" });
    expect(!result.ok && result.message).toBe(
      "name conflicts with an existing object: service web already exists (web)",
    );
  });

  it("frees name and ports as soon as the service is removed", () => {
    const driver = new Driver()
      .cluster()
      .nodes("n1")
      .service("web", { ports: [ingress(80, 8080)] });
    driver.running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: web });
    expect(driver.store.view.serviceByName("web")).toBeUndefined();
    expect(driver.store.view.service(web)?.removing).toBe(true);
    driver.do({
      kind: "createService",
      id: serviceId("again"),
      spec: serviceSpec("web", { ports: [ingress(80, 8080)] }),
    });
    expect(driver.store.view.serviceByName("web")?.id).toBe("again");
    expect(driver.try({ kind: "finishRemoveService", id: web })).toMatchObject({ ok: false });
    driver.report("n1", "t1", { state: "shutdown" });
    driver.do({ kind: "removeTask", id: taskId("t1") });
    driver.do({ kind: "finishRemoveService", id: web });
    expect(driver.store.view.services().map(({ id }) => id)).toEqual(["again"]);
  });

  it("names the service that holds a published port", () => {
    const driver = new Driver().cluster().service("web", { ports: [ingress(80, 8080)] });
    const result = driver.try({
      kind: "createService",
      id: serviceId("api"),
      spec: serviceSpec("api", { ports: [hostPort(80, 8080)] }),
    });
    expect(result).toMatchObject({ ok: false, code: "port_conflict" });
    expect(!result.ok && result.message).toContain("is already in use by service 'web' (web) as an ingress port");
  });

  it("lets host ports be shared, and tells TCP from UDP", () => {
    const driver = new Driver().cluster().service("a", { ports: [hostPort(80, 80)] });
    driver.service("b", { ports: [hostPort(80, 80)] }).service("c", { ports: [ingress(53, 53)] });
    driver.service("d", { ports: [{ ...ingress(53, 53), protocol: "udp" }] });
    expect(driver.store.view.services()).toHaveLength(4);
  });

  it("takes one number on two addresses for two ports, and says where the one in the way is", () => {
    const on = (hostIp: string, mode: "ingress" | "host" = "ingress") => ({ ...ingress(80, 80), hostIp, mode });
    const driver = new Driver().cluster().service("a", { ports: [on("10.0.0.1"), on("fd00::1")] });
    driver.service("b", { ports: [on("10.0.0.2")] }).service("c", { ports: [on("10.0.0.3", "host")] });
    const refusal = (port: PortConfig): string => {
      const result = driver.try({
        kind: "createService",
        id: serviceId("new"),
        spec: serviceSpec("new", { ports: [port] }),
      });
      return result.ok ? "" : result.message;
    };
    expect(refusal(on("10.0.0.1", "host"))).toContain("by service 'a' (a) as an ingress port on 10.0.0.1");
    expect(refusal(on("10.0.0.3"))).toContain("by service 'c' (c) as a host-published port on 10.0.0.3");
    expect(refusal(ingress(80, 80))).toContain("by service 'a'");
    expect(refusal(on("0.0.0.0"))).toContain("by service 'a'");
    expect(refusal(on("::"))).toContain("as an ingress port on fd00::1");
    // Of the same service, it may move from an address to all of them, once nobody else is there.
    expect(driver.update("b", { ports: [ingress(80, 80)] })).toMatchObject({ code: "port_conflict" });
    driver.update("a", { ports: [] });
    driver.update("c", { ports: [] });
    expect(driver.update("b", { ports: [ingress(80, 80)] }).ok).toBe(true);
    expect(refusal(on("10.0.0.2"))).toContain("by service 'b' (b) as an ingress port");
  });

  it("doesn't keep a chosen number for another address, where it may be taken", () => {
    const driver = new Driver().cluster().service("a", { ports: [{ ...ingress(80), hostIp: "10.0.0.1" }] });
    driver.service("b", { ports: [{ ...ingress(80), hostIp: "10.0.0.2" }] });
    expect(driver.update("a", { ports: [ingress(80)] }).ok).toBe(true);
    const [a, b] = ["a", "b"].map((id) => driver.store.view.service(serviceId(id))?.ports[0]?.publishedPort);
    expect([a, b]).toEqual([30_001, 30_000]);
  });

  it("refuses SCTP on every node where proxies carry the traffic", () => {
    const driver = new Driver().cluster();
    const sctp = { ...ingress(2905, 2905), protocol: "sctp" } as const;
    const result = driver.try({
      kind: "createService",
      id: serviceId("s"),
      spec: serviceSpec("s", { ports: [sctp] }),
    });
    expect(result).toMatchObject({ ok: false, code: "unsupported" });
    expect(!result.ok && result.message).toContain("port 2905/sctp can't be published in mode ingress");
    driver.service("s", { ports: [{ ...sctp, mode: "host" }] });
  });

  it("chooses the lowest free port, keeps it over updates, and gives it back", () => {
    const driver = new Driver().cluster();
    driver.service("a", { ports: [ingress(80)] }).service("b", { ports: [ingress(80), ingress(81)] });
    const portsOf = (name: string): (number | undefined)[] =>
      driver.store.view.service(serviceId(name))?.ports.map(({ publishedPort }) => publishedPort) ?? [];
    expect(portsOf("a")).toEqual([30_000]);
    expect(portsOf("b")).toEqual([30_001, 30_002]);
    driver.do({ kind: "removeService", id: serviceId("a") });
    expect(driver.update("b", { ports: [ingress(81), ingress(80)] }).ok).toBe(true);
    expect(portsOf("b")).toEqual([30_002, 30_001]);
    driver.service("c", { ports: [ingress(1), ingress(2)] });
    expect(portsOf("c")).toEqual([30_000, 30_003]);
  });

  it("says so when no dynamic port is left", () => {
    const driver = new Driver().cluster();
    for (let from = 30_000; from <= 32_767; from += 1_000) {
      const ports = Array.from({ length: Math.min(1_000, 32_768 - from) }, (_, at) => ingress(at + 1, from + at));
      driver.service(`holder-${from}`, { ports });
    }
    const result = driver.try({
      kind: "createService",
      id: web,
      spec: serviceSpec("web", { ports: [ingress(80)] }),
    });
    expect(result).toMatchObject({ ok: false, code: "port_conflict" });
    expect(driver.store.view.service(web)).toBeUndefined();
  });

  it("refuses a network that is not there", () => {
    const spec = serviceSpec("web");
    const networks = [{ target: networkId("nowhere"), aliases: [] }];
    const result = new Driver().cluster().try({
      kind: "createService",
      id: web,
      spec: { ...spec, task: { ...spec.task, networks } },
    });
    expect(result).toMatchObject({ ok: false, code: "not_found", message: "network nowhere not found" });
  });
});

describe("an update", () => {
  it("must name the version that it read", () => {
    const driver = new Driver().cluster().service("web");
    const result = driver.try({ kind: "updateService", id: web, version: 1, spec: serviceSpec("web") });
    expect(result).toMatchObject({ ok: false, code: "out_of_date" });
    expect(!result.ok && result.message).toMatch(/^update out of sequence/);
  });

  it("changes neither name nor mode", () => {
    const driver = new Driver().cluster().service("web");
    const version = driver.store.view.service(web)?.version ?? 0;
    expect(driver.try({ kind: "updateService", id: web, version, spec: serviceSpec("other") })).toMatchObject({
      code: "unsupported",
      message: "renaming services is not supported",
    });
    expect(driver.update("web", { mode: { kind: "global" } })).toMatchObject({ code: "unsupported" });
  });

  it("keeps the spec version when only the number of replicas changes", () => {
    const driver = new Driver().cluster().service("web");
    const before = driver.specVersion("web");
    driver.update("web", { mode: { kind: "replicated", replicas: 5 } });
    expect(driver.specVersion("web")).toBe(before);
    expect(driver.store.view.service(web)?.updateStatus).toBeUndefined();
  });

  it("starts to replace tasks when what they are made from changes", () => {
    const driver = new Driver().cluster().service("web");
    driver.update("web", { image: "nginx:2" });
    expect(driver.specVersion("web")).toBe(driver.index);
    expect(driver.store.view.service(web)).toMatchObject({
      updateStatus: { state: "updating", startedAt: driver.index },
      previousSpec: { task: { container: { image: "nginx" } } },
    });
  });

  it.each([
    ["a new target", [ingress(80, 80)], [ingress(80, 80), ingress(81, 81)], true],
    ["another number for an ingress port", [ingress(80, 80)], [ingress(80, 81)], false],
    ["an ingress port less", [ingress(80, 80)], [], false],
    ["another number for a host port", [hostPort(80, 80)], [hostPort(80, 81)], true],
    ["a host port less", [hostPort(80, 80)], [], true],
    ["another address for a host port", [hostPort(80, 80)], [{ ...hostPort(80, 80), hostIp: "10.0.0.1" }], true],
    ["options of an ingress port", [ingress(80, 80)], [{ ...ingress(80, 80), ...OPTIONS }], false],
  ])("with %s: replaces tasks or not", (_what, before, after, replaces) => {
    const driver = new Driver().cluster().service("web", { ports: before });
    const version = driver.specVersion("web");
    expect(driver.update("web", { ports: after }).ok).toBe(true);
    expect(driver.specVersion("web") !== version).toBe(replaces);
  });

  it("takes up a paused update again, as Docker does", () => {
    const driver = new Driver().cluster().service("web");
    driver.update("web", { image: "broken" });
    const status = { state: "paused", startedAt: 1, message: "task failed" } as const;
    driver.do({ kind: "setUpdateStatus", id: web, specVersion: driver.specVersion("web"), status });
    driver.update("web", { image: "broken", mode: { kind: "replicated", replicas: 2 } });
    expect(driver.store.view.service(web)?.updateStatus?.state).toBe("updating");
  });

  it("is not touched by what is said of the one before", () => {
    const driver = new Driver().cluster().service("web");
    driver.update("web", { image: "broken" });
    const specVersion = driver.specVersion("web");
    driver.update("web", { image: "mended" });
    const status = { state: "paused", startedAt: 1, message: "task failed" } as const;
    const late = driver.try({ kind: "setUpdateStatus", id: web, specVersion, status });
    expect(late).toMatchObject({ ok: false, code: "out_of_date" });
    expect(driver.store.view.service(web)?.updateStatus?.state).toBe("updating");
  });

  it("that only spells a constraint otherwise keeps the tasks, and the new text", () => {
    const driver = new Driver().cluster().service("web");
    const write = (text?: string) => {
      const service = driver.store.view.service(web);
      const spec = serviceSpec("web");
      const plain = { key: "node.role", operator: "==", value: "worker" } as const;
      const constraints = [text === undefined ? plain : { ...plain, text }];
      const placement = { ...spec.task.placement, constraints };
      const next = { ...spec, task: { ...spec.task, placement } };
      driver.do({ kind: "updateService", id: web, version: service?.version ?? 0, spec: next });
    };
    write();
    const version = driver.specVersion("web");
    write("node.role == worker");
    expect(driver.specVersion("web")).toBe(version);
    const { constraints } = driver.store.view.service(web)?.spec.task.placement ?? {};
    expect(constraints).toMatchObject([{ text: "node.role == worker" }]);
    expect(driver.createTask("t1", "web").ok).toBe(true);
  });

  it("gives a job a new iteration, and no update status", () => {
    const mode = { kind: "replicated-job", maxConcurrent: 1, totalCompletions: 1 } as const;
    const driver = new Driver().cluster().service("job", { mode });
    driver.update("job", { mode, image: "nginx:2" });
    const job = driver.store.view.service(serviceId("job"));
    expect(job?.jobIteration).toEqual({ index: 1, startedAt: driver.index });
    expect(job?.updateStatus).toBeUndefined();
  });
});

describe("a rollback", () => {
  it("takes up the version of the spec before, so that its tasks stay", () => {
    const driver = new Driver().cluster().service("web");
    const first = driver.specVersion("web");
    driver.update("web", { image: "nginx:2" });
    const version = driver.store.view.service(web)?.version ?? 0;
    driver.do({ kind: "rollbackService", id: web, version });
    const service = driver.store.view.service(web);
    expect(service?.specVersion).toBe(first);
    expect(service?.spec.task.container.image).toBe("nginx");
    expect(service?.previousSpec?.task.container.image).toBe("nginx:2");
    expect(service?.updateStatus?.state).toBe("rollback_started");
  });

  it("says why, when the leader does it", () => {
    const driver = new Driver().cluster().service("web");
    driver.update("web", { image: "broken" });
    const roll = (message?: string): string | undefined => {
      const version = driver.store.view.service(web)?.version ?? 0;
      driver.do({ kind: "rollbackService", id: web, version, ...(message !== undefined && { message }) });
      return driver.store.view.service(web)?.updateStatus?.message;
    };
    expect(roll("task t1\nfailed")).toBe("task t1 failed");
    expect(roll()).toBe("rollback in progress");
  });

  it("goes back to what the service was before, not to whether it was stopped", () => {
    const driver = new Driver().cluster().service("web");
    driver.update("web", { image: "nginx:2" });
    const running = driver.store.view.service(web);
    if (running === undefined) throw new Error("no service");
    driver.do({ kind: "updateService", id: web, version: running.version, spec: { ...running.spec, stopped: true } });
    const stopped = driver.store.view.service(web);
    expect(stopped).toMatchObject({ spec: { stopped: true }, specVersion: running.specVersion });
    expect(stopped?.previousSpec).toEqual(running.previousSpec);
    expect(stopped?.updateStatus).toEqual(running.updateStatus);
    driver.do({ kind: "rollbackService", id: web, version: stopped?.version ?? 0 });
    const back = driver.store.view.service(web)?.spec;
    expect(back?.task.container.image).toBe("nginx");
    expect(back?.stopped).toBe(true);
  });

  it("needs a spec to go back to", () => {
    const driver = new Driver().cluster().service("web");
    const version = driver.store.view.service(web)?.version ?? 0;
    expect(driver.try({ kind: "rollbackService", id: web, version })).toMatchObject({ code: "failed_precondition" });
  });

  it("gives a new version when the tasks of this one may lack a port that comes back", () => {
    const driver = new Driver().cluster().service("web", { ports: [ingress(80, 80)] });
    const first = driver.specVersion("web");
    driver.update("web", { ports: [] });
    expect(driver.specVersion("web")).toBe(first);
    driver.do({ kind: "rollbackService", id: web, version: driver.store.view.service(web)?.version ?? 0 });
    expect(driver.specVersion("web")).toBe(driver.index);
  });
});
