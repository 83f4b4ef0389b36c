import type { Millis } from "@murmur/base";
import { HOST, keyOf, type KernelObject } from "@murmur/network";
import type { Host } from "../world/host.ts";
import { between, logBetween, oneOf, seconds, type Fault, type Scene } from "./fault.ts";

const overlayHost = ({ world, random }: Scene): Host | undefined =>
  oneOf(
    world.hosts.filter(({ overlay }) => overlay !== undefined),
    random,
  );

/** One thing of ours in a kernel, and where it is. */
function oneOfOurs({ kernel }: Host, { random }: Scene) {
  const all = [...kernel.state.held()].flatMap(([place, objects]) =>
    [...objects].map(([key, object]) => ({ place, key, object })),
  );
  return oneOf(all, random);
}

/** What somebody else might put in the place of it, or beside it. */
function altered(object: KernelObject): KernelObject | undefined {
  const { kind } = object;
  if (kind === "forward") return { ...object, underlay: "192.0.2.1" };
  if (kind === "neighbour") return { ...object, address: "10.200.255.254" };
  if (kind === "address") return { ...object, address: "10.200.255.253" };
  if (kind === "chain") return { ...object, choice: { kind: "foreign", text: "counter accept" } };
  if (kind === "route") return { ...object, via: "192.0.2.1" };
  if (kind !== "element" || !object.value.startsWith("goto ")) return undefined;
  return { ...object, key: object.key.replace(/[0-9]+$/, "253") };
}

/** What goes wrong in the kernels of hosts whose networks are rendered there. */
export const KERNEL_FAULTS: readonly Fault[] = [
  {
    name: "kernel entry lost",
    perMinute: 4,
    strike(scene) {
      const host = overlayHost(scene);
      const found = host && oneOfOurs(host, scene);
      if (host === undefined || found === undefined) return;
      scene.say(`somebody removes ${found.key} on ${host.name}${found.place === HOST ? "" : ` in ${found.place}`}`);
      host.kernel.disturbed();
      host.kernel.state.lose(found.place, found.key);
    },
  },
  {
    name: "kernel entry altered",
    perMinute: 4,
    strike(scene) {
      const host = overlayHost(scene);
      const found = host && oneOfOurs(host, scene);
      const other = found && altered(found.object);
      if (host === undefined || found === undefined || other === undefined) return;
      scene.say(`somebody puts ${keyOf(other)} into the kernel of ${host.name}, which has ${found.key}`);
      host.kernel.disturbed();
      host.kernel.state.put(found.place, keyOf(other), other);
    },
  },
  {
    name: "kernel refuses",
    perMinute: 1,
    strike(scene) {
      const host = overlayHost(scene);
      if (host === undefined) return;
      const forMs: Millis = logBetween(scene.random, 500, 15_000);
      const part = between(scene.random, 0.05, 0.9);
      scene.say(`the kernel of ${host.name} refuses ${(part * 100).toFixed(0)} % for ${seconds(forMs)}`);
      host.kernel.faults.refusals = part;
      scene.later(forMs, () => host.kernel.heal());
    },
  },
  {
    name: "kernel slow",
    perMinute: 1,
    strike(scene) {
      const host = overlayHost(scene);
      if (host === undefined) return;
      const [forMs, upToMs] = [logBetween(scene.random, 500, 20_000), logBetween(scene.random, 100, 3_000)];
      scene.say(`the kernel of ${host.name} takes up to ${seconds(upToMs)} for ${seconds(forMs)}`);
      host.kernel.faults.slownessMs = upToMs;
      scene.later(forMs, () => host.kernel.heal());
    },
  },
];
