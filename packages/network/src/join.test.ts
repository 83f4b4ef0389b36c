import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { join } from "./join.ts";
import { readInPlace } from "./read-in-place.ts";

/** A client and a task, with the two connections between them joined. */
interface Line extends AsyncDisposable {
  readonly client: Socket;
  readonly task: Socket;
  /** The joined ends in the middle. */
  readonly middle: readonly [Socket, Socket];
}

let listener: ReturnType<typeof createServer>;

beforeEach(async () => {
  listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
});
afterEach(() => void listener.close());

/** Both ends of a new connection, which reads in place for another one if there is one; the accepted one has read nothing yet. */
async function connection(readsFor?: Socket): Promise<readonly [Socket, Socket]> {
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const onread = readsFor && { onread: readInPlace(() => own, readsFor) };
  const own: Socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, ...onread });
  await once(own, "connect");
  return [own, (await accepted)[0]];
}

let inPlace: boolean;

async function line(): Promise<Line> {
  const [client, left] = await connection();
  const [right, task] = await connection(inPlace ? left : undefined);
  for (const socket of [left, right]) socket.on("error", () => socket.destroy());
  join(left, right);
  return {
    client,
    task,
    middle: [left, right],
    async [Symbol.asyncDispose]() {
      for (const socket of [client, task, left, right]) socket.destroy();
    },
  };
}

/** What one end hears until the other one's last word; rejects when the connection breaks. */
async function heard(socket: Socket): Promise<number> {
  let bytes = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

const closed = (socket: Socket): Promise<unknown> => (socket.closed ? Promise.resolve() : once(socket, "close"));

/** Says more and more until some of it waits in the middle for a reader that takes nothing; how much was said. */
async function sayUntilItWaits(socket: Socket, waitsIn: Socket): Promise<number> {
  let said = 0;
  while (waitsIn.writableLength === 0) {
    socket.write(Buffer.alloc(16_384));
    said += 16_384;
    const arrived = (): boolean => waitsIn.bytesWritten >= said;
    while (!arrived()) await new Promise((resolve) => setImmediate(resolve));
  }
  return said;
}

describe.each([
  ["Node's own reads", false],
  ["reads in place", true],
])("with %s", (_name, isInPlace) => {
  beforeEach(() => void (inPlace = isInPlace));

  it("hands over all that was said, whoever ends first and however much there is, and closes both without breaking one", async () => {
    const side = fc.record({ bytes: fc.constantFrom(0, 1, 200, 70_000, 1_000_000), turns: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(side, side, fc.boolean(), async (fromClient, fromTask, taskWaits) => {
        await using ends = await line();
        const { client, task, middle } = ends;
        const hears = [heard(client), heard(task)] as const;
        const say = async (socket: Socket, { bytes, turns }: typeof fromClient): Promise<void> => {
          for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          socket.end(Buffer.alloc(bytes));
        };
        const said = say(client, fromClient);
        if (taskWaits) await hears[1];
        await Promise.all([said, say(task, fromTask)]);
        expect(await Promise.all(hears)).toEqual([fromTask.bytes, fromClient.bytes]);
        await Promise.all([...middle, client, task].map(closed));
        expect([client, task, ...middle].map(({ errored }) => errored)).toEqual([null, null, null, null]);
      }),
      { numRuns: 25 },
    );
  });

  it("keeps what one end says after the other has said its last word, however slowly that reads", async () => {
    await using ends = await line();
    const { client, task, middle } = ends;
    task.end("bye");
    expect(await heard(client)).toBe(3);
    const said = await sayUntilItWaits(client, middle[1]);
    client.end();
    await closed(middle[0]);
    expect(await heard(task)).toBe(said);
  });

  it("keeps a last word for a client that has said its own and reads slowly", async () => {
    await using ends = await line();
    const { client, task, middle } = ends;
    const said = await sayUntilItWaits(task, middle[0]);
    task.end();
    client.end();
    await closed(middle[1]);
    expect(await heard(client)).toBe(said);
  });

  it.each([
    ["client", "task"],
    ["task", "client"],
  ] as const)("breaks the connection of the other one when the %s's breaks", async (breaks, other) => {
    await using ends = await line();
    const lost = once(ends[other], "error") as Promise<[Error]>;
    ends[other].resume();
    ends[breaks].resetAndDestroy();
    expect(String((await lost)[0])).toContain("ECONNRESET");
  });

  it("breaks the other one also when the break comes after a last word", async () => {
    await using ends = await line();
    const { client, task } = ends;
    const lost = once(task, "error") as Promise<[Error]>;
    task.end("bye");
    expect(await heard(client)).toBe(3);
    client.resetAndDestroy();
    task.resume();
    expect(String((await lost)[0])).toContain("ECONNRESET");
  });

  it("reads no faster than the other end does", async () => {
    await using ends = await line();
    const { client, task } = ends;
    task.pause();
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    // What the kernel takes for three connections, and not a byte more.
    for (let quiet = 0; quiet < 10;) {
      if (client.write(chunk)) sent += chunk.length;
      else if (
        await Promise.race([
          once(client, "drain").then(() => false),
          new Promise((resolve) => setTimeout(() => resolve(true), 50)),
        ])
      )
        quiet += 1;
      expect(sent).toBeLessThan(64 * 1024 * 1024);
    }
    const [left] = ends.middle;
    expect(left.isPaused()).toBe(true);
  });

  it("hands over what was said as it was said, however long it has to wait", async () => {
    await using ends = await line();
    let counted = 0;
    /** Numbers, so that nothing is like what comes before or after it; more and more until some of it waits for its reader. */
    const said: Buffer[] = [];
    const sayMore = (numbers: number): void => {
      const bytes = Buffer.alloc(numbers * 4);
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((counted += 1), at);
      said.push(bytes);
      ends.task.write(bytes);
    };
    while (ends.middle[0].writableLength === 0) {
      sayMore(4_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Of all sizes, so that some fill a buffer and some don't.
    for (let numbers = 1; numbers < 30_000; numbers *= 3) sayMore(numbers);
    ends.task.end();
    const parts: Buffer[] = [];
    for await (const part of ends.client as AsyncIterable<Buffer>) parts.push(part);
    expect(Buffer.concat(parts).equals(Buffer.concat(said))).toBe(true);
  });
});
