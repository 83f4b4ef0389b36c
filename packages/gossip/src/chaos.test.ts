import { SeededRandom } from "@murmur/base";
import { expect, it } from "vitest";
import { World } from "./testing/world.ts";

const STEPS = 30;

/** Kills, restarts, stops, chokes nodes and cuts and heals the network at random. */
function torment(world: World, names: readonly string[], random: SeededRandom): void {
  for (let step = 0; step < STEPS; step += 1) {
    const name = names[random.below(names.length)] ?? "";
    const others = names.filter((other) => other !== name);
    const left = new Set(names.filter(() => random.next() < 0.5));
    const running = world.running.includes(name);
    const kind = random.below(6);
    if (kind === 0 && running) world.stop(name);
    else if (kind === 1) world.start(name, others);
    else if (kind === 2 && running) world.pause(name, random.below(30_000));
    else if (kind === 3 && running) world.choke(name, random.below(5_000));
    else if (kind === 4) world.cut((from, to) => left.has(from) !== left.has(to));
    else if (kind === 5) world.heal();
    world.run(random.below(8_000));
  }
}

const seeds = Array.from({ length: 20 }, (_, index) => index + 1);

it.each(seeds)("whatever happened, in the end all agree and nobody dies any more (seed %i)", (seed) => {
  const random = new SeededRandom(seed);
  const world = new World({ seed, loss: random.next() * 0.3, delayMs: [0.1, 1 + random.below(60)] });
  const names = world.startMany(3 + random.below(8));
  world.run(5_000);
  torment(world, names, random);
  world.heal();
  for (const name of names) {
    const seedNames = names.filter((other) => other !== name);
    if (!world.running.includes(name)) world.start(name, seedNames);
  }
  world.run(30_000);
  expect(world.runUntil(() => world.allSee(names, names, "alive"), 60_000)).toBeDefined();
  world.run(30_000);
  const deaths = world.deaths().length;
  world.run(60_000);
  expect(world.deaths().length).toBe(deaths);
  expect(world.allSee(names, names, "alive")).toBe(true);
});
