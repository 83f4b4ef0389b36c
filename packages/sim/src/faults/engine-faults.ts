import type { Millis } from "@murmur/base";
import type { RuntimeFaults } from "@murmur/agent";
import type { Host } from "../world/host.ts";
import { between, chance, logBetween, oneOf, seconds, type Fault, type Scene } from "./fault.ts";

const someHost = ({ world, random }: Scene): Host | undefined => oneOf(world.hosts, random);

/** For a while the engine of one host misbehaves in this way. */
function misbehave(scene: Scene, what: string, faults: Partial<RuntimeFaults>): void {
  const host = someHost(scene);
  if (host === undefined) return;
  const forMs: Millis = logBetween(scene.random, 500, 15_000);
  scene.say(`the engine of ${host.name}: ${what} for ${seconds(forMs)}`);
  Object.assign(host.engine.faults, faults);
  scene.later(forMs, () => wellBehaved(host));
}

/** Ends all that an engine does wrong. */
export function wellBehaved({ engine }: Host): void {
  const { faults } = engine;
  delete faults.pullError;
  delete faults.createError;
  delete faults.startError;
  delete faults.exitAtOnce;
  faults.answersLost = 0;
  faults.eventsLost = false;
}

export const ENGINE_FAULTS: readonly Fault[] = [
  {
    name: "container ends",
    perMinute: 8,
    strike(scene) {
      const host = someHost(scene);
      const container = host && oneOf(host.engine.containers(), scene.random);
      if (host === undefined || container === undefined) return;
      const code = oneOf([0, 1, 137], scene.random) ?? 0;
      scene.say(`a container on ${host.name} ends with ${String(code)}`);
      container.exit(code);
    },
  },
  {
    name: "container vanishes",
    perMinute: 2,
    strike(scene) {
      const host = someHost(scene);
      const container = host && oneOf(host.engine.containers(), scene.random);
      if (host === undefined || container === undefined) return;
      scene.say(`somebody removes a container on ${host.name}`);
      host.engine.destroy(container.id);
    },
  },
  {
    name: "container unhealthy",
    perMinute: 2,
    strike(scene) {
      const host = someHost(scene);
      const container = host && oneOf(host.engine.containers(), scene.random);
      if (host === undefined || container === undefined) return;
      scene.say(`a container on ${host.name} is unhealthy`);
      container.setHealth("unhealthy");
    },
  },
  {
    name: "pull fails",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "pulls fail", { pullError: "net/http: TLS handshake timeout" }),
  },
  {
    name: "create fails",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "creates fail", { createError: "invalid mount config" }),
  },
  {
    name: "start fails",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "starts fail", { startError: "OCI runtime create failed" }),
  },
  {
    name: "exit right after start",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "processes end at once", { exitAtOnce: chance(scene.random, 0.5) ? 1 : 0 }),
  },
  {
    name: "answers lost",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "answers get lost", { answersLost: between(scene.random, 0.05, 0.5) }),
  },
  {
    name: "events lost",
    perMinute: 1,
    strike: (scene) => misbehave(scene, "nobody is told of events", { eventsLost: true }),
  },
  {
    name: "engine hangs",
    perMinute: 1,
    strike(scene) {
      const host = someHost(scene);
      if (host === undefined) return;
      const forMs = logBetween(scene.random, 500, 40_000);
      scene.say(`the engine of ${host.name} hangs for ${seconds(forMs)}`);
      host.engine.hang();
      scene.later(forMs, () => host.engine.wake());
    },
  },
  {
    name: "engine restarts",
    perMinute: 0.7,
    strike(scene) {
      const host = someHost(scene);
      if (host === undefined) return;
      const forMs = logBetween(scene.random, 500, 40_000);
      scene.say(`the engine of ${host.name} is down for ${seconds(forMs)}`);
      host.engine.shutDown();
      scene.later(forMs, () => host.engine.boot());
    },
  },
];
