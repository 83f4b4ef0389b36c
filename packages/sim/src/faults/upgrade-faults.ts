import type { Host } from "../world/host.ts";
import { RELEASES, type Release } from "../world/release.ts";
import { chance, logBetween, oneOf, type Fault, type Scene } from "./fault.ts";

/** The host is stopped, and comes back with another release. One that is down by then was crashed by somebody else: the same. */
function replaceSoftware(scene: Scene, host: Host, release: Release): void {
  const { world, random } = scene;
  const versions = `${String(release.min)} to ${String(release.max)}`;
  scene.say(`${host.name} is stopped, to come back with software that speaks versions ${versions}`);
  world.background(host.stop());
  const delayMs = 2_000 + logBetween(random, 50, 10_000);
  scene.later(delayMs, () => {
    if (scene.isOver()) return;
    // For a stop that takes longer there will be another attempt.
    if (!host.running) host.protocol = release;
    scene.restartIn(host, 0);
  });
}

/** Brings a cluster of the previous release to the present one, host by host. */
export const UPGRADE: Fault = {
  name: "upgrade",
  perMinute: 10,
  strike(scene) {
    const { world, random } = scene;
    const ready = world.running.filter(({ life }) => life?.process.paused === false);
    const old = ready.filter(({ protocol }) => protocol === RELEASES.previous);
    const upgraded = ready.filter(({ protocol }) => protocol === RELEASES.present);
    // As long as one host is left, nothing has been written that the release before couldn't read.
    const isBack = upgraded.length > 0 && old.length > 0 && chance(random, 0.2);
    const host = oneOf(isBack ? upgraded : old, random);
    if (host !== undefined) replaceSoftware(scene, host, isBack ? RELEASES.previous : RELEASES.present);
  },
};
