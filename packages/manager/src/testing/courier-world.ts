import { ManualClock, codeOf, nodeId, Scope, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { encodeMembership, membershipOf, type Message, type Status } from "@murmur/raft";
import { createStore } from "@murmur/store";
import { MemoryDisk } from "@murmur/storage";
import { MemoryNetwork } from "@murmur/transport";
import { Replica } from "../replica.ts";
import { CHUNK_BYTES, isSnapshotChunk } from "../snapshot-chunk.ts";
import { SnapshotCourier } from "../snapshot-courier.ts";
import { ClusterStore } from "./cluster-store.ts";

export const MEMBERSHIP = encodeMembership(membershipOf([nodeId("a"), nodeId("b")]));

/** The state of a large cluster, as the chunks of its snapshot. */
function largeState(services: number): Uint8Array[] {
  const cluster = new ClusterStore();
  for (let count = 0; count < services; count += 1) cluster.createService(`service-${String(count)}`, 1);
  return Array.from(cluster.store.snapshot(), (chunk) => chunk.slice());
}
export const STATE = largeState(3_000);
export const OTHER_STATE = largeState(2_000);

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Couriers over memory disks and the memory network; `trace` has all that they say to each other, a line each. */
export async function courierWorld() {
  const trace: string[] = [];
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  const traced = async (line: string, call: () => Promise<unknown>): Promise<unknown> => {
    trace.push(line);
    try {
      const answer = await call();
      trace.push(`  ${line}: has ${String(Math.ceil(Number(answer) / CHUNK_BYTES))}`);
      return answer;
    } catch (error) {
      trace.push(`  ${line}: ${codeOf(error)}`);
      throw error;
    }
  };
  const addressOf = (id: NodeId): string => `${id}:1`;
  const station = async (name: string) => {
    const self = nodeId(name);
    const scope = new Scope(silentLog);
    const peers = network.openPeerTransport({ nodeId: self, address: addressOf(self), addressOf, log: silentLog });
    const storage = await new MemoryDisk().open();
    const replica = new Replica({ store: createStore(), appliedIndex: 0, log: silentLog });
    const status = { role: "leader" as Status["role"], term: 1 };
    const outcomes: string[] = [];
    const stepped: Message[] = [];
    const raft = {
      status: () => status as Status,
      reportSnapshot: (peer: NodeId, outcome: string) => {
        outcomes.push(`${peer} ${outcome}`);
        trace.push(`${name} reports: ${peer} ${outcome}`);
      },
    };
    const offsets: number[] = [];
    const watched: typeof peers = Object.create(peers, {
      call: {
        value: (to: NodeId, method: string, body: { offset: number }, options: object) => {
          offsets.push(body.offset);
          return traced(`${name}>${to} ${describeChunk(body)}`, () => peers.call(to, method, body, options));
        },
      },
      handle: { value: peers.handle.bind(peers) },
    });
    const step = (message: Message): void => {
      stepped.push(message);
      if (message.kind === "snapshot")
        trace.push(`${name} is told: snapshot ${String(message.snapshot.index)} is here`);
    };
    const courier = new SnapshotCourier(
      { self, raft, storage, replica, peers: watched, clock, log: silentLog, step },
      scope,
    );
    const save = (index: number, chunks = STATE): Promise<void> =>
      storage.saveSnapshot({ index, term: 1, membership: MEMBERSHIP }, each(chunks));
    const call = async (to: NodeId, body: unknown): Promise<unknown> => {
      const [answer] = await Promise.allSettled([peers.call(to, "raft.snapshot", body), clock.advance(100)]);
      if (answer.status === "rejected") throw answer.reason;
      return answer.value;
    };
    return { self, courier, storage, replica, status, outcomes, stepped, offsets, save, call };
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) await clock.advance(10);
  };
  /** Lets time pass until so many chunks have left a station. */
  const untilSent = async ({ offsets }: { readonly offsets: readonly number[] }, count: number): Promise<void> => {
    for (let passed = 0; offsets.length < count; passed += 10) {
      if (passed > 60_000) throw new Error(`only ${String(offsets.length)} chunks were sent in a minute`);
      await clock.advance(10);
    }
  };
  return { clock, network, station, pass, untilSent, trace };
}

/** Chunks are counted from 1. */
function describeChunk(body: unknown): string {
  if (!isSnapshotChunk(body)) return "no chunk";
  const { meta, leaderTerm, size, offset, bytes } = body;
  const last = String(Math.ceil(size / CHUNK_BYTES));
  const what =
    bytes.byteLength === 0 ? "how many chunks have you" : `chunk ${String(offset / CHUNK_BYTES + 1)} of ${last}`;
  return `t${String(leaderTerm)} snapshot ${String(meta.index)}: ${what}`;
}
