import type { Millis } from "@murmur/base";
import type { Host } from "../world/host.ts";
import { chance, logBetween, oneOf, seconds, type Fault, type Scene } from "./fault.ts";
import { cutFor } from "./network-faults.ts";

/** Certificates allow for clocks that are an hour off. The rest of it is for drift. */
const CLOCK_OFF_MS: Millis = 59 * 60_000;

const running = ({ world, random }: Scene): Host | undefined => oneOf(world.running, random);

/** The leader as often as anybody else: it is the one whose end changes most. */
const prominent = (scene: Scene): Host | undefined =>
  chance(scene.random, 0.5) ? (scene.world.leader ?? running(scene)) : running(scene);

const pauseBeforeRestart = ({ random }: Scene): number => logBetween(random, 50, 15_000);

/** What its log has then, the others' may not have, and the other way round. */
function crashNextLeader(scene: Scene, { last, looks }: { readonly last: Host; readonly looks: number }): void {
  const { world, random } = scene;
  const host = world.leader;
  if (looks === 0 || scene.isOver()) return;
  if (host?.life === undefined || host === last)
    return scene.later(10, () => crashNextLeader(scene, { last, looks: looks - 1 }));
  const actions = 1 + random.below(30);
  scene.say(`${host.name} leads now, and will crash before its action ${String(actions)} from here`);
  host.life.process.dieAfter(actions);
  scene.restartIn(host, 2_000 + pauseBeforeRestart(scene));
}

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: "crash",
    perMinute: 2,
    strike(scene) {
      const host = prominent(scene);
      if (host === undefined) return;
      scene.say(`${host.name} crashes`);
      host.crash();
      scene.restartIn(host, pauseBeforeRestart(scene));
    },
  },
  {
    name: "crash in the middle",
    perMinute: 2,
    strike(scene) {
      const host = prominent(scene);
      if (host?.life === undefined) return;
      const actions = 1 + scene.random.below(60);
      scene.say(`${host.name} will crash before its action ${String(actions)} from here`);
      host.life.process.dieAfter(actions);
      // Also when it does so little that it is still there.
      scene.restartIn(host, 5_000 + pauseBeforeRestart(scene));
    },
  },
  {
    name: "leaders crash one after the other",
    perMinute: 0.7,
    strike(scene) {
      const { world } = scene;
      const last = world.leader;
      if (last === undefined) return;
      scene.say(`${last.name}, which leads, crashes, and so will the next leader in its first moments`);
      last.crash();
      scene.restartIn(last, pauseBeforeRestart(scene));
      crashNextLeader(scene, { last, looks: 300 });
    },
  },
  {
    name: "host lost",
    perMinute: 1,
    strike(scene) {
      const host = prominent(scene);
      if (host === undefined) return;
      scene.say(`${host.name} loses power`);
      host.crash("host");
      host.engine.shutDown();
      const delayMs = 1_000 + pauseBeforeRestart(scene);
      scene.later(delayMs, () => host.engine.boot());
      scene.restartIn(host, delayMs);
    },
  },
  {
    name: "all hosts lost",
    perMinute: 0.2,
    strike(scene) {
      scene.say("all processes crash");
      for (const host of scene.world.running) {
        host.crash();
        scene.restartIn(host, pauseBeforeRestart(scene));
      }
    },
  },
  {
    name: "pause",
    perMinute: 2,
    strike(scene) {
      const host = prominent(scene);
      const process = host?.life?.process;
      if (host === undefined || process === undefined) return;
      const forMs = logBetween(scene.random, 50, 30_000);
      scene.say(`${host.name} pauses for ${seconds(forMs)}`);
      process.pause();
      scene.later(forMs, () => process.resume());
    },
  },
  {
    name: "host suspended",
    perMinute: 1,
    strike(scene) {
      const { world, random } = scene;
      const host = prominent(scene);
      const process = host?.life?.process;
      if (host === undefined || process === undefined) return;
      const [forMs, lagMs] = [logBetween(random, 200, 20_000), logBetween(random, 1, 2_000)];
      scene.say(`${host.name} is suspended for ${seconds(forMs)}; its network is back ${seconds(lagMs)} later`);
      const others = world.hosts.filter((other) => other !== host).map(({ address }) => address);
      const ways = others.flatMap((other) => [[host.address, other] as const, [other, host.address] as const]);
      process.pause();
      scene.later(forMs, () => process.resume());
      cutFor(scene, ways, forMs + lagMs);
    },
  },
  {
    name: "restart",
    perMinute: 1,
    strike(scene) {
      const host = prominent(scene);
      if (host === undefined || host.life?.process.paused === true) return;
      scene.say(`${host.name} is stopped`);
      scene.world.background(host.stop());
      scene.restartIn(host, 2_000 + pauseBeforeRestart(scene));
    },
  },
  {
    name: "clock jump",
    perMinute: 1,
    strike({ world, random, say }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      const byMs = logBetween(random, 10, 3_600_000) * (chance(random, 0.5) ? 1 : -1);
      const { wallMs } = host.clockError;
      host.clockError.wallMs = Math.max(-CLOCK_OFF_MS, Math.min(CLOCK_OFF_MS, wallMs + byMs));
      say(`the clock of ${host.name} jumps by ${seconds(host.clockError.wallMs - wallMs)}`);
    },
  },
  {
    name: "address change",
    perMinute: 0.7,
    strike(scene) {
      const { world, random } = scene;
      const host = prominent(scene);
      if (host === undefined || host.life?.process.paused === true) return;
      const inOrder = chance(random, 0.5);
      scene.say(`${host.name} ${inOrder ? "is stopped" : "crashes"}, to come back at another address`);
      if (inOrder) world.background(host.stop());
      else host.crash();
      scene.later(2_000 + pauseBeforeRestart(scene), () => {
        if (scene.isOver()) return;
        if (!host.running) {
          world.move(host, random);
          scene.say(`${host.name} is at ${host.address} from now on`);
        }
        scene.restartIn(host, 0);
      });
    },
  },
];
