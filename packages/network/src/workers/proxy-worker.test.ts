import { EventEmitter, once } from "node:events";
import { connect, type Server } from "node:net";
import { expect, it } from "vitest";
import { ManualClock, nodeId, SeededRandom } from "@murmur/base";
import { NO_SUSPECTS } from "@murmur/discovery";
import { echoTask, endpoint, exchange, freePort, received, service, table } from "../fixture.ts";
import { openTcpPort } from "../open-port.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { runProxyWorker, type WorkerProcess } from "./proxy-worker.ts";

/** A worker in this process, and the daemon's end of the way to it. */
function begin() {
  const told: FromWorker[] = [];
  const clock = new ManualClock();
  const channel = new EventEmitter();
  const process = Object.assign(channel, { send: (message: FromWorker) => told.push(message) > 0 }) as unknown;
  const options = { self: nodeId("self"), publishAddress: "127.0.0.1", clock, random: new SeededRandom(1) };
  const over = runProxyWorker(options, process as WorkerProcess);
  const tell = (message: ToWorker, socket?: Server): void => void channel.emit("message", message, socket);
  return { told, clock, tell, over, disconnect: () => void channel.emit("disconnect") };
}

const know = (port: number, hostPort: number): ToWorker => {
  const knowledge = { table: table(service("web", port, [endpoint({ task: "t1", hostPort })])), sources: [] };
  return { kind: "know", number: 1, knowledge: { ...knowledge, suspects: NO_SUSPECTS } };
};

it("a daemon that is gone ends its worker, and what goes through it", async () => {
  await using task = await echoTask();
  const port = await freePort();
  const worker = begin();
  worker.tell(know(port, task.port));
  expect(worker.told).toEqual([{ kind: "known", number: 1 }]);
  worker.tell({ kind: "listen", key: `tcp/${String(port)}` }, await openTcpPort({ address: "127.0.0.1" }, port));
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.write("x");
  await once(socket, "data");
  const broken = expect(received(socket)).rejects.toThrow("ECONNRESET");
  worker.disconnect();
  await Promise.all([broken, worker.over]);
  expect(worker.clock.pending).toBe(0);
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
});

it("a socket that no port in the table has is closed all the same", async () => {
  const [port, other] = [await freePort(), await freePort()];
  const worker = begin();
  worker.tell(know(other, 1));
  worker.tell({ kind: "listen", key: `tcp/${String(port)}` }, await openTcpPort({ address: "127.0.0.1" }, port));
  worker.tell({ kind: "close", key: `tcp/${String(port)}` });
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
  worker.tell({ kind: "end" });
  await worker.over;
});

it("one that is retired ends when its last connection has", async () => {
  await using task = await echoTask();
  const port = await freePort();
  const worker = begin();
  worker.tell(know(port, task.port));
  worker.tell({ kind: "listen", key: `tcp/${String(port)}` }, await openTcpPort({ address: "127.0.0.1" }, port));
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.write("x");
  await once(socket, "data");
  worker.tell({ kind: "retire" });
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
  let isOver = false;
  const over = worker.over.then(() => (isOver = true));
  await worker.clock.advance(60_000);
  expect(isOver).toBe(false);
  socket.end("last");
  expect((await received(socket)).toString()).toBe("last");
  while (!isOver) await worker.clock.advance(1_000);
  await over;
});
