import { configId, secretId, type AssignedPayload, type ContainerSpec } from "@murmur/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentWorld } from "./testing/agent-world.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const secret = (id: string, text: string): AssignedPayload => ({ kind: "secret", id, data: base64(text) });
const uses = (...names: readonly string[]): { readonly container: Partial<ContainerSpec> } => ({
  container: {
    secrets: names.map((name) => {
      return { secretId: secretId(name), secretName: name, file: { name, uid: 1, gid: 2, mode: 0o400 } };
    }),
  },
});
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

let world: AgentWorld;
beforeEach(async () => {
  world = new AgentWorld();
  await world.start();
  await world.pass(1_000);
});
afterEach(async () => {
  await world.agent.stop();
  expect(world.errors).toEqual([]);
});

describe("a task with secrets", () => {
  it("waits for them, says so, and finds them as files", async () => {
    const id = world.assign(uses("key"));
    await world.pass(2_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "preparing",
      error: expect.stringMatching(/^waiting for secret key: /) as string,
    });
    expect(world.containersOf(id)).toEqual([]);
    world.manager.hand([secret("key", "hunter2")]);
    await world.pass(2_000);
    expect(world.manager.get(id).status).toMatchObject({ state: "running" });
    expect(world.manager.get(id).status.error).toBeUndefined();
    const [file] = world.files.of(id) ?? [];
    expect(file).toMatchObject({ target: "/run/secrets/key", uid: 1, gid: 2, mode: 0o400 });
    expect(text(file?.bytes)).toBe("hunter2");
    const files = [{ source: `/simulated/${id}/0`, target: "/run/secrets/key" }];
    expect(world.containersOf(id)[0]?.request.files).toEqual(files);
  });

  it("leaves nothing behind when it ends, and nothing of them on the disk", async () => {
    world.manager.hand([secret("key", "hunter2")]);
    const id = world.assign(uses("key"));
    await world.pass(2_000);
    expect(world.files.tasks()).toEqual([id]);
    world.manager.want(id, "shutdown");
    await world.pass(12_000);
    expect(world.state(id)).toBe("shutdown");
    expect(world.files.tasks()).toEqual([]);
    world.manager.hand([], ["secret/key"]);
    await world.pass(100);
    expect(world.agent.payloads()).toEqual([]);
    for (const bytes of world.disk.values()) {
      expect(text(bytes)).not.toContain("hunter2");
      expect(text(bytes)).not.toContain(base64("hunter2"));
    }
  });

  it("goes on over a restart of the daemon; files of tasks that ended meanwhile go", async () => {
    world.manager.hand([secret("key", "hunter2")]);
    const id = world.assign(uses("key"));
    const other = world.assign(uses("key"));
    await world.pass(2_000);
    await world.agent.stop();
    world.manager.remove(other);
    await world.start();
    await world.pass(60_000);
    expect(world.state(id)).toBe("running");
    expect(world.containersOf(id)[0]?.starts).toBe(1);
    expect(world.files.tasks()).toEqual([id]);
    expect(world.agent.payloads()).toEqual(["secret/key"]);
  });

  // Seed 733782874: its container was made and couldn't be started before the host lost power.
  it("finds its files also when the host has lost its memory between the making of its container and its start", async () => {
    world.manager.hand([secret("key", "hunter2")]);
    const id = world.assign({ ...uses("key"), desiredState: "ready" });
    await world.pass(2_000);
    expect(world.state(id)).toBe("ready");
    await world.agent.stop();
    world.files.reset();
    world.manager.reachable = false;
    world.manager.hangUp();
    world.manager.want(id, "running");
    await world.start();
    await world.pass(10_000);
    expect(world.containersOf(id)[0]?.state).toBe("created");
    world.manager.reachable = true;
    await world.pass(10_000);
    expect(world.state(id)).toBe("running");
    expect(text(world.files.of(id)?.[0]?.bytes)).toBe("hunter2");
  });

  it("holds what the newest session says, which may be nothing", async () => {
    world.manager.hand([secret("key", "hunter2"), secret("other", "x")]);
    await world.pass(100);
    expect(world.agent.payloads()).toEqual(["secret/key", "secret/other"]);
    world.manager.payloads.delete("secret/other");
    world.manager.hangUp();
    await world.pass(100);
    expect(world.agent.payloads()).toEqual(["secret/key"]);
    world.manager.payloads.clear();
    world.manager.hangUp();
    await world.pass(100);
    expect(world.agent.payloads()).toEqual([]);
  });
});

describe("templates", () => {
  it("are expanded in the spec, and in contents that are templates", async () => {
    const conf = '{{.Service.Name}} {{env "SLOT"}} {{secret "key"}}';
    world.manager.hand([
      secret("key", "hunter2"),
      { kind: "config", id: "conf", data: base64(conf), templating: "golang" },
      { kind: "config", id: "plain", data: base64(conf) },
    ]);
    const config = (name: string) => {
      return { configId: configId(name), configName: name, file: { name, uid: 0, gid: 0, mode: 0o444 } };
    };
    const { container } = uses("key");
    const id = world.assign({
      slot: 4,
      container: { ...container, configs: [config("conf"), config("plain")], env: ["SLOT={{.Task.Slot}}"] },
    });
    await world.pass(2_000);
    expect(world.containersOf(id)[0]?.request.task.spec.container.env).toEqual(["SLOT=4"]);
    expect(world.files.of(id)?.map(({ bytes }) => text(bytes))).toEqual(["hunter2", "web 4 hunter2", conf]);
  });

  it("that can't be expanded refuse the task, in one line", async () => {
    const id = world.assign({ container: { env: ["A={{.Foo}}"] } });
    await world.pass(2_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "rejected",
      error: expect.stringMatching(/^env\[0\]: template: column 3: \.Foo is nothing that there is/) as string,
    });
  });
});
