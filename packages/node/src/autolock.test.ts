import { loadBackups } from "@murmur/api";
import { codeOf, ManualClock, SeededRandom } from "@murmur/base";
import { caDigest, formatToken, newSealKey, newUnlockKey, type UnlockKey } from "@murmur/identity";
import { DEFAULT_CLUSTER_SPEC, UNLOCK_KEY_SEAL_ID } from "@murmur/model";
import { MemoryNetwork } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { Machine } from "./testing/machine.ts";
import { during as passing } from "./testing/simulated-time.ts";

const { signal } = new AbortController();
const AUTOLOCK = { availability: "active", labels: {}, spec: { ...DEFAULT_CLUSTER_SPEC, autolock: true } } as const;

function setup() {
  const clock = new ManualClock();
  const random = new SeededRandom(5);
  const network = new MemoryNetwork({ clock, random });
  const machine = (number: number): Machine =>
    new Machine({ clock, random, network, address: `10.0.0.${String(number)}:7373` });
  const during = <T>(work: Promise<T>): Promise<T> => passing(clock, work);
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await during(work).catch((reason: unknown) => reason);
    return `${codeOf(error)}: ${String(error)}`;
  };
  /** A cluster of one machine that is locked at its restarts. */
  const founded = async (): Promise<Machine> => {
    const first = machine(1);
    await during(first.control.init(AUTOLOCK, signal));
    return first;
  };
  const restart = async (of: Machine): Promise<void> => {
    await during(of.control.stop());
    await during(of.restarted().resume());
  };
  return { network, machine, during, refusal, founded, restart };
}

const keyOf = ({ control }: Machine): UnlockKey => {
  const adapter = control.member()?.cluster();
  const record = control.member()?.host.serving()?.view.cluster();
  return (record && adapter?.unlockKey(record)) as UnlockKey;
};

describe("a machine of an autolocked cluster", () => {
  it("has nothing on its disk from the first moment on that opens without the key", async () => {
    const { founded, during } = setup();
    const first = await founded();
    const identity = first.control.member()?.identity;
    await during(first.control.stop());
    const stored = [...first.records.values()].join("");
    for (const secret of [identity?.keyPem.slice(40, 80), identity?.sealKeys[0], identity?.gossipKeys[0], "PRIVATE"])
      expect(stored).not.toContain(secret);
    const log = await first.disk.open();
    const entries = log.recovered.entries.map(({ data }) => Buffer.from(data).toString("latin1")).join("");
    expect(log.recovered.entries.length).toBeGreaterThan(1);
    expect(entries).not.toContain("PRIVATE");
    expect(entries).not.toContain("caKeyPem");
  });

  it("waits for its key after a restart, takes no other, and leaves when it is made to", async () => {
    const { founded, during, refusal, restart } = setup();
    const first = await founded();
    const key = keyOf(first);
    expect(await refusal(first.control.unlock(key))).toContain("already_exists: ClusterError: swarm is not locked");
    await restart(first);
    expect(first.control.status()).toEqual({ state: "locked" });
    expect(first.control.member()).toBeUndefined();
    expect(() => first.control.secretsKey()).toThrow("Swarm is encrypted");
    expect(await refusal(first.control.init(AUTOLOCK, signal))).toContain(
      "Swarm is encrypted and needs to be unlocked",
    );
    expect(await refusal(first.control.unlock("nonsense"))).toContain("invalid_argument");
    expect(await refusal(first.control.unlock(newUnlockKey()))).toContain("unauthenticated");
    expect(first.control.status()).toEqual({ state: "locked" });
    await during(first.control.unlock(key));
    expect(first.control.status()).toMatchObject({ state: "active", manager: true });
    expect(keyOf(first)).toBe(key);

    await restart(first);
    expect(await refusal(first.control.leave({ force: false }, signal))).toContain("Swarm is encrypted and locked");
    await during(first.control.leave({ force: true }, signal));
    expect(first.control.status()).toEqual({ state: "outside" });
    expect(first.records.has("identity")).toBe(false);
    expect(await refusal(first.control.unlock(key))).toContain("not_in_cluster");
    await during(first.control.init({ ...AUTOLOCK, spec: DEFAULT_CLUSTER_SPEC }, signal));
    await restart(first);
    expect(first.control.status()).toMatchObject({ state: "active" });
  });

  it("is locked when it is restarted right after another manager has locked the cluster", async () => {
    const { machine, during, restart } = setup();
    const [first, second, third] = [machine(1), machine(2), machine(3)];
    await during(first.control.init({ ...AUTOLOCK, spec: DEFAULT_CLUSTER_SPEC }, signal));
    const manager = first.control.member()?.host.manager();
    const { caPem = "", secrets } = manager?.view.cluster() ?? {};
    const token = formatToken({ caDigest: caDigest(caPem), secret: secrets?.joinSecret ?? "" });
    const request = { token, addresses: [first.address], labels: {}, availability: "active" } as const;
    for (const other of [second, third]) await during(other.control.join(request, signal));
    for (let count = 0; manager?.status().membership.voters.length !== 3; count += 1) {
      if (count > 1_000) throw new Error("they don't become managers");
      await during(Promise.resolve());
    }
    const adapter = first.control.member()?.cluster();
    const { version = 0, spec = DEFAULT_CLUSTER_SPEC } = manager.view.cluster() ?? {};
    const unlockKey = await adapter?.seal(Buffer.from(newUnlockKey()), UNLOCK_KEY_SEAL_ID);
    if (adapter === undefined || unlockKey === undefined) throw new Error("the first machine is no manager");
    const locked = {
      kind: "updateCluster",
      version,
      spec: { ...spec, autolock: true },
      unlockKey,
      now: 1_000,
    } as const;
    await during(adapter.submit(locked, { signal }));
    await restart(third);
    expect(third.control.status()).toEqual({ state: "locked" });
  });

  it("stays locked, and can be stopped, when its identity is damaged on the disk", async () => {
    const { founded, during, refusal, restart } = setup();
    const first = await founded();
    const key = keyOf(first);
    await restart(first);
    const record = JSON.parse(first.records.get("identity") ?? "") as { sealed: string };
    first.put("identity", JSON.stringify({ ...record, sealed: `AAAA${record.sealed.slice(4)}` }));
    expect(await refusal(first.control.unlock(key))).toContain("invalid key provided");
    expect(first.control.status()).toEqual({ state: "locked" });
    await during(first.control.stop());
  });

  it.each([
    ["the keys of its secrets: the key stays", true],
    ["new keys: there is another key", false],
  ])("is restored from a backup with %s", async (_how, withKeys) => {
    const { network, machine, founded, during, refusal, restart } = setup();
    const first = await founded();
    const key = keyOf(first);
    const sealKeys = first.control.secretsKey();
    const snapshot = await during(first.control.member()?.cluster()?.snapshot(signal) ?? Promise.reject(new Error()));
    const { encodeBackup } = await loadBackups();
    const { index, term, generation } = snapshot;
    const chunks = Array.from(snapshot.chunks, (chunk) => chunk.slice());
    expect(Buffer.concat(chunks).toString()).not.toContain("SWMKEY");
    const counts = { nodes: 1, services: 0, tasks: 0 };
    const about = { clusterId: "c", clusterName: "default", takenAt: 0, murmurVersion: "0.1.0", counts };
    const backup = () => encodeBackup({ ...about, index, term, generation }, chunks);
    network.kill(first.address, "host");

    const second = machine(2);
    const request = { availability: "active", labels: {}, forgetNodes: false, force: false } as const;
    expect(await refusal(second.control.restore({ ...request, backup: backup() }, signal))).toContain("--secrets-key");
    const wrong = { ...request, backup: backup(), secretsKey: newSealKey() };
    expect(await refusal(second.control.restore(wrong, signal))).toContain("doesn't open the backup's unlock key");
    const secretsKey = withKeys ? sealKeys : "new";
    await during(second.control.restore({ ...request, backup: backup(), secretsKey }, signal));
    for (let count = 0; second.control.member()?.identity.disk?.whole !== true; count += 1) {
      if (count > 1_000) throw new Error("it isn't locked");
      await during(Promise.resolve());
    }
    const now = keyOf(second);
    expect(now === key).toBe(withKeys);
    await restart(second);
    expect(second.control.status()).toEqual({ state: "locked" });
    await during(second.control.unlock(now));
    expect(second.control.status()).toMatchObject({ state: "active" });
  });
});
