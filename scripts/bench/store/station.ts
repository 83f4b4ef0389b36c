import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomId, SeededRandom, type Clock, type Log, type NodeId } from "@murmur/base";
import { createCa, createCsr, createNodeKey, signNodeCertificate, verifyPeer } from "@murmur/identity";
import { Manager, type ManagerOptions } from "@murmur/manager";
import { openLogStorage, type LogStorage } from "@murmur/storage";
import { openPeerTransport, type NodeIdentity } from "@murmur/transport";

const CLUSTER = "cluster00000000000000bench";

/** What one process of the bench is told at its start. */
export interface StationPlan {
  /** Certificate, log and snapshots. */
  readonly directory: string;
  readonly self: NodeId;
  readonly port: number;
  readonly peers: Readonly<Record<string, string>>;
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Makes the nodes' certificates, each in its directory. */
export async function writeIdentities(plans: readonly StationPlan[]): Promise<void> {
  const now = Date.now();
  const ca = await createCa({ clusterId: CLUSTER, now });
  for (const { self, directory } of plans) {
    const keyPem = await createNodeKey();
    const csrPem = await createCsr({ keyPem });
    const certificatePem = await signNodeCertificate({ ca, csrPem, nodeId: self, clusterId: CLUSTER, now });
    const identity: NodeIdentity = { nodeId: self, certificatePem, keyPem, caPem: ca.certificatePem };
    await writeFile(identityPath(directory), JSON.stringify(identity));
  }
}

const identityPath = (directory: string): string => join(directory, "identity.json");

export interface Station extends AsyncDisposable {
  readonly manager: Manager;
}

export interface StationHooks {
  readonly bootstrap?: ManagerOptions["bootstrap"];
  readonly onLine: (message: string) => void;
  /** Told of each snapshot that is saved, when it begins and when it has ended. */
  readonly onSaving: (saving: boolean) => void;
}

/** The product's manager over its real storage, transport and clock; only gossip is replaced: everybody is alive. */
export async function openStation(plan: StationPlan, hooks: StationHooks): Promise<Station> {
  const { self, directory, port, peers } = plan;
  const random = new SeededRandom(randomBytes(6).readUIntBE(0, 6));
  const log = logTo(hooks.onLine);
  const identity = JSON.parse(await readFile(identityPath(directory), "utf8")) as NodeIdentity;
  await using opening = new AsyncDisposableStack();
  const storage = opening.use(await openLogStorage({ directory: join(directory, "raft"), log }));
  const transport = opening.use(
    await openPeerTransport({
      listen: { host: "127.0.0.1", port },
      identity: () => identity,
      verifyPeer: ({ raw }) => verifyPeer(raw, { caPem: identity.caPem, clusterId: CLUSTER, now: Date.now() }),
      addressOf: (id) => peers[id],
      software: "bench",
      clock,
      random,
      log,
    }),
  );
  const manager = opening.use(
    await Manager.start({
      self,
      storage: watched(storage, hooks.onSaving),
      peers: transport,
      liveness: { verdict: () => "alive" },
      clock,
      random,
      log,
      unseal: () => undefined,
      hasKeys: () => Promise.resolve(true),
      newId: () => randomId(random),
      onFatal: (error) => {
        throw error;
      },
      ...(hooks.bootstrap === undefined ? {} : { bootstrap: hooks.bootstrap }),
    }),
  );
  const resources = opening.move();
  return { manager, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function logTo(onLine: (message: string) => void): Log {
  return {
    debug: () => {},
    info: onLine,
    warn: (message, fields) => console.error(`warning: ${message}`, fields ?? ""),
    error: (message, fields) => console.error(`error: ${message}`, fields ?? ""),
  };
}

function watched(storage: LogStorage, onSaving: (saving: boolean) => void): LogStorage {
  return {
    recovered: storage.recovered,
    write: (batch) => storage.write(batch),
    saveSnapshot: async (meta, chunks) => {
      onSaving(true);
      try {
        await storage.saveSnapshot(meta, chunks);
      } finally {
        onSaving(false);
      }
    },
    openSnapshot: () => storage.openSnapshot(),
    receiveSnapshot: (options) => storage.receiveSnapshot(options),
    compact: (through) => storage.compact(through),
    separate: () => storage.separate(),
    reset: () => storage.reset(),
    stats: () => storage.stats(),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
