import { shuffled } from "@murmur/base";
import { between, chance, logBetween, oneOf, seconds, type Fault, type Scene } from "./fault.ts";

/** Two hosts that differ. */
function pair({ world, random }: Scene): readonly [from: string, to: string] | undefined {
  const [one, other] = shuffled(world.hosts, random);
  return one === undefined || other === undefined ? undefined : [one.address, other.address];
}

/** Nothing comes through for a while in these directions; then what was held back arrives. */
export function cutFor(scene: Scene, ways: readonly (readonly [string, string])[], forMs: number): void {
  const { network } = scene.world;
  for (const [from, to] of ways) network.cutOneWay(from, to);
  scene.later(forMs, () => {
    for (const [from, to] of ways) network.healOneWay(from, to);
  });
}

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: "clogged link",
    perMinute: 6,
    strike(scene) {
      const way = pair(scene);
      if (way === undefined) return;
      const forMs = logBetween(scene.random, 100, 5_000);
      scene.say(`clogged ${way.join(" → ")} for ${seconds(forMs)}`);
      cutFor(scene, [way], forMs);
    },
  },
  {
    name: "slow link",
    perMinute: 4,
    strike(scene) {
      const { world, random } = scene;
      const way = pair(scene);
      if (way === undefined) return;
      const [from, to] = way;
      const most = logBetween(random, 5, 400);
      scene.say(`slow ${from} → ${to}: up to ${most.toFixed(0)} ms`);
      world.network.setBetween(from, to, { latencyMs: [most / 10, most], loss: random.next() * 0.3 });
      scene.later(between(random, 1_000, 20_000), () => world.network.setBetween(from, to, undefined));
    },
  },
  {
    name: "partition of two hosts",
    perMinute: 3,
    strike(scene) {
      const way = pair(scene);
      if (way === undefined) return;
      const [from, to] = way;
      const oneWay = chance(scene.random, 0.5);
      const forMs = logBetween(scene.random, 300, 20_000);
      scene.say(`cut ${from} ${oneWay ? "→" : "↔"} ${to} for ${seconds(forMs)}`);
      cutFor(scene, oneWay ? [way] : [way, [to, from]], forMs);
    },
  },
  {
    name: "partition in two parts",
    perMinute: 1.5,
    strike(scene) {
      const { world, random } = scene;
      const hosts = shuffled(world.hosts, random).map(({ address }) => address);
      const part = hosts.slice(0, 1 + random.below(Math.max(1, hosts.length - 1)));
      const rest = hosts.filter((address) => !part.includes(address));
      const kind = random.below(3);
      const out = part.flatMap((from) => rest.map((to) => [from, to] as const));
      const back = out.map(([from, to]) => [to, from] as const);
      const forMs = logBetween(random, 500, 25_000);
      scene.say(`${part.join(" ")} ${["cut off", "heard by nobody", "deaf"][kind] ?? ""} for ${seconds(forMs)}`);
      cutFor(scene, kind === 0 ? [...out, ...back] : kind === 1 ? out : back, forMs);
    },
  },
  {
    name: "connections reset",
    perMinute: 3,
    strike({ world, random, say }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      say(`connections of ${host.name} reset`);
      world.network.reset(host.address);
    },
  },
  {
    name: "weather",
    perMinute: 2,
    strike({ world, random, say }) {
      const mean = logBetween(random, 1, 100);
      const weather = {
        latencyMs: [mean / 5, mean * 1.8] as const,
        loss: chance(random, 0.5) ? random.next() * 0.3 : 0,
        duplicates: chance(random, 0.5) ? random.next() * 0.5 : 0,
      };
      say(
        `weather: ${mean.toFixed(0)} ms, loss ${(100 * weather.loss).toFixed(0)} %, copies ${(100 * weather.duplicates).toFixed(0)} %`,
      );
      world.network.set(weather);
      for (const { messageFaults } of world.hosts) {
        messageFaults.loss = chance(random, 0.3) ? random.next() * 0.3 : 0;
        messageFaults.duplicates = chance(random, 0.5) ? random.next() * 0.5 : 0;
        messageFaults.replayMs = logBetween(random, 1, 10_000);
      }
    },
  },
];
