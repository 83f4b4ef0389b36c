import { loadBackups } from "@murmur/api";
import { codeOf, ManualClock, SeededRandom } from "@murmur/base";
import { newSealKey } from "@murmur/identity";
import { DEFAULT_CLUSTER_SPEC, secretId } from "@murmur/model";
import { MemoryNetwork } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { Machine } from "./testing/machine.ts";
import { during as passing, until } from "./testing/simulated-time.ts";

const { signal } = new AbortController();
const RESTORE = { availability: "active", labels: {}, forgetNodes: false, force: false } as const;

/** A backup that a machine takes. */
async function backupOf(
  { control }: Machine,
  during: <T>(work: Promise<T>) => Promise<T>,
): Promise<() => AsyncIterable<Uint8Array>> {
  const snapshot = await during(control.member()?.cluster()?.snapshot(signal) ?? Promise.reject(new Error()));
  const { encodeBackup } = await loadBackups();
  const about = { clusterId: "c", clusterName: "default", takenAt: 0, murmurVersion: "0.1.0" };
  const { index, term, generation } = snapshot;
  const counts = { nodes: 1, services: 0, tasks: 0 };
  const chunks = Array.from(snapshot.chunks, (chunk) => chunk.slice());
  return () => encodeBackup({ ...about, index, term, generation, counts }, chunks);
}

function setup() {
  const clock = new ManualClock();
  const random = new SeededRandom(5);
  const network = new MemoryNetwork({ clock, random });
  const machine = (number: number): Machine =>
    new Machine({ clock, random, network, address: `10.0.0.${String(number)}:7373` });
  const during = <T>(work: Promise<T>): Promise<T> => passing(clock, work);
  /** A cluster of one machine, and its backup. */
  const backedUp = async (): Promise<{ readonly first: Machine; readonly backup: () => AsyncIterable<Uint8Array> }> => {
    const first = machine(1);
    await during(first.control.init({ availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC }, signal));
    return { first, backup: await backupOf(first, during) };
  };
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await during(work).catch((reason: unknown) => reason);
    return `${codeOf(error)}: ${String(error)}`;
  };
  return { clock, network, machine, during, backedUp, refusal };
}

describe("a machine that restores a cluster", () => {
  it("is its only manager, with an identity of its own, also after a restart", async () => {
    const { network, machine, during, backedUp } = setup();
    const { first, backup } = await backedUp();
    const old = first.control.member()?.identity;
    network.kill(first.address, "host");
    const second = machine(2);
    await during(second.control.restore({ ...RESTORE, backup: backup() }, signal));
    const identity = second.control.member()?.identity;
    expect(identity).toMatchObject({ clusterId: old?.clusterId, caPem: old?.caPem });
    expect(identity?.nodeId).not.toBe(old?.nodeId);
    const view = second.control.member()?.host.serving()?.view;
    expect(view?.nodes().map(({ address, raftRole }) => [address, raftRole])).toEqual([
      [first.address, "none"],
      [second.address, "voter"],
    ]);
    await during(second.control.stop());
    await during(second.restarted().resume());
    expect(second.control.status()).toMatchObject({ state: "active", manager: true });
    expect(second.control.member()?.generation).toBeGreaterThan(0);
  });

  it("refuses while the cluster still runs, and leaves nothing behind", async () => {
    const { clock, machine, during, backedUp, refusal } = setup();
    const { first, backup } = await backedUp();
    const second = machine(2);
    const refused = await refusal(second.control.restore({ ...RESTORE, backup: backup() }, signal));
    expect(refused).toMatch(/failed_precondition: .*still runs, 10\.0\.0\.1:7373 answers/);
    expect([second.control.status(), [...second.records.keys()]]).toEqual([{ state: "outside" }, []]);
    // By force it takes the cluster over: the nodes that run follow it.
    await during(second.control.restore({ ...RESTORE, force: true, backup: backup() }, signal));
    const generation = second.control.member()?.generation;
    await until(clock, () => first.control.member()?.generation === generation);
  });

  it("takes the place of the node that had its address", async () => {
    const { network, machine, during, backedUp } = setup();
    const { first, backup } = await backedUp();
    network.kill(first.address, "host");
    const again = machine(1);
    await during(again.control.restore({ ...RESTORE, backup: backup() }, signal));
    const nodes = again.control.member()?.host.serving()?.view.nodes();
    expect(nodes?.map(({ status }) => status.state).toSorted()).toContain("down");
    expect(nodes).toHaveLength(2);
  });

  it("starts another cluster after a restore that was cut off", async () => {
    const { network, machine, during, backedUp } = setup();
    const { first, backup } = await backedUp();
    network.kill(first.address, "host");
    const second = machine(2);
    await during(second.control.restore({ ...RESTORE, backup: backup() }, signal));
    const left = [...second.records].filter(([name]) => name === "generation");
    await during(second.control.leave({ force: true }, signal));
    // As a crash leaves it right before the identity is written.
    for (const [name, text] of left) second.put(name, text);
    await during(second.control.init({ availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC }, signal));
    await during(second.control.stop());
    await during(second.restarted().resume());
    expect([second.control.status().state, second.control.member()?.generation]).toEqual(["active", 0]);
  });

  it("is outside again when the file is damaged, and refuses in a cluster", async () => {
    const { network, machine, backedUp, refusal } = setup();
    const { first, backup } = await backedUp();
    network.kill(first.address, "host");
    const second = machine(2);
    const cutOff = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of backup()) yield piece.subarray(0, 500);
    };
    expect(await refusal(second.control.restore({ ...RESTORE, backup: cutOff() }, signal))).toMatch(/^corrupt/);
    expect([second.control.status(), [...second.records.keys()]]).toEqual([{ state: "outside" }, []]);
    const inCluster = await refusal(first.control.restore({ ...RESTORE, backup: backup() }, signal));
    expect(inCluster).toMatch(/^already_in_cluster/);
    expect(await refusal(second.control.recover({ force: false }, signal))).toMatch(/^not_in_cluster/);
  });

  it("needs the key that the backup's secrets were sealed with, which is not in it, or does without them", async () => {
    const { network, machine, during, backedUp, refusal } = setup();
    const { first } = await backedUp();
    const cluster = first.control.member()?.cluster() ?? expect.fail();
    const id = secretId("secret1".padEnd(25, "0"));
    const sealed = await during(cluster.seal(new TextEncoder().encode("hunter2"), id));
    const spec = { name: "key", labels: {} };
    await during(cluster.submit({ kind: "createSecret", id, spec, sealed, now: 0 }, { signal }));
    const backup = await backupOf(first, during);
    const bytes: Uint8Array[] = [];
    for await (const piece of backup()) bytes.push(piece);
    const file = Buffer.concat(bytes);
    const key = first.control.secretsKey();
    for (const secret of ["hunter2", Buffer.from("hunter2").toString("base64"), key])
      expect(file.includes(secret)).toBe(false);
    network.kill(first.address, "host");
    const restore = (number: number, more: object) =>
      machine(number).control.restore({ ...RESTORE, ...more, backup: backup() }, signal);
    expect(await refusal(restore(2, {}))).toMatch(/failed_precondition.*1 secrets.*--secrets-key/);
    expect(await refusal(restore(3, { secretsKey: newSealKey() }))).toMatch(/doesn't open the backup's secret key/);
    expect(await refusal(restore(4, { secretsKey: "short" }))).toMatch(/invalid_argument/);
    const second = machine(5);
    await during(second.control.restore({ ...RESTORE, secretsKey: key, backup: backup() }, signal));
    const found = second.control.member()?.cluster() ?? expect.fail();
    const secret = (await during(found.read("local", signal))).secret(id) ?? expect.fail();
    expect(found.isSealed(secret, new TextEncoder().encode("hunter2"))).toBe(true);
    expect(second.control.secretsKey()).toBe(key);
    const third = machine(6);
    await during(third.control.restore({ ...RESTORE, secretsKey: "new", force: true, backup: backup() }, signal));
    expect(third.control.secretsKey()).not.toBe(key);
  });
});
