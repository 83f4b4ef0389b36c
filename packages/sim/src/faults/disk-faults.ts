import { logBetween, oneOf, seconds, type Fault } from "./fault.ts";

export const DISK_FAULTS: readonly Fault[] = [
  {
    name: "disk stall",
    perMinute: 2,
    strike({ world, random, say }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      const forMs = logBetween(random, 100, 8_000);
      say(`the disk of ${host.name} stands still for ${seconds(forMs)}`);
      host.diskFaults.stall(forMs);
    },
  },
  {
    name: "slow disk",
    perMinute: 1,
    strike({ world, random, say, later }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      host.diskFaults.syncMs = logBetween(random, 10, 500);
      say(`the disk of ${host.name} takes up to ${host.diskFaults.syncMs.toFixed(0)} ms`);
      later(logBetween(random, 1_000, 20_000), () => (host.diskFaults.syncMs = 4));
    },
  },
  {
    name: "failing disk",
    perMinute: 0.7,
    strike({ world, random, say, later }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      host.diskFaults.failures = logBetween(random, 0.001, 0.5);
      say(`the disk of ${host.name} fails at ${(100 * host.diskFaults.failures).toFixed(1)} % of the writes`);
      later(logBetween(random, 500, 10_000), () => (host.diskFaults.failures = 0));
    },
  },
  {
    name: "full disk",
    perMinute: 0.5,
    strike({ world, random, say, later }) {
      const host = oneOf(world.hosts, random);
      if (host === undefined) return;
      const forMs = logBetween(random, 500, 10_000);
      host.diskFaults.broken = true;
      say(`the disk of ${host.name} is full for ${seconds(forMs)}`);
      later(forMs, () => (host.diskFaults.broken = false));
    },
  },
  {
    name: "damaged log",
    perMinute: 0.7,
    strike(scene) {
      const { world, random, say } = scene;
      const host = oneOf(
        world.running.filter(({ manager }) => manager !== undefined),
        random,
      );
      const status = host?.manager?.status();
      if (host === undefined || status === undefined || !scene.mayLose(host)) return;
      const fromIndex = Math.max(1, status.commit - random.below(40) + 5);
      say(`${host.name} crashes, and its log is damaged from ${String(fromIndex)} on`);
      host.crash();
      host.disk.damage(fromIndex);
      scene.restartIn(host, logBetween(random, 50, 5_000));
    },
  },
  {
    name: "damaged snapshot",
    perMinute: 0.5,
    strike(scene) {
      const { world, random, say } = scene;
      const host = oneOf(
        world.running.filter(({ manager }) => manager !== undefined),
        random,
      );
      if (host === undefined || !scene.mayLose(host)) return;
      say(`${host.name} crashes, and its snapshot is damaged`);
      host.crash();
      host.disk.damageSnapshot();
      scene.restartIn(host, logBetween(random, 50, 5_000));
    },
  },
  {
    name: "wiped host",
    perMinute: 0.4,
    strike(scene) {
      const { world, random, say } = scene;
      const host = oneOf(world.running, random);
      if (host === undefined || !scene.mayLose(host)) return;
      say(`${host.name} crashes, and its disk is wiped`);
      host.crash();
      host.wipe();
      scene.restartIn(host, logBetween(random, 500, 10_000));
    },
  },
];
