import { nodeId, SeededRandom } from "@murmur/base";
import { Swim, type Claim, type Effect, type Message, type Packet, type SwimConfig } from "../index.ts";

/** One core with the test as its network. */
export class LoneCore {
  readonly swim: Swim;
  now = 0;

  constructor(config: Partial<SwimConfig> = {}) {
    const self = { id: nodeId("me"), address: "me:1", meta: new Uint8Array(), incarnation: 0 };
    this.swim = new Swim({ self, random: new SeededRandom(1), config, now: 0 });
  }

  receive(from: string, message: Message, rumors: Packet["rumors"] = []): Effect[] {
    const packet = { from: nodeId(from), message, rumors };
    this.swim.handle({ kind: "datagram", from: `${from}:1`, packet }, this.now);
    return this.swim.effects();
  }

  hear(...claims: Claim[]): Effect[] {
    return this.receive("messenger", { kind: "gossip" }, claims);
  }

  /** Ticks at every deadline, as a driver does, until `until`. */
  run(forMs: number): Effect[] {
    const until = this.now + forMs;
    const effects: Effect[] = [];
    while (this.swim.nextDeadline() <= until) {
      this.now = Math.max(this.now, this.swim.nextDeadline());
      this.swim.tick(this.now);
      effects.push(...this.swim.effects());
    }
    this.now = until;
    return effects;
  }

  /** Runs to the next ping. */
  untilPing(): Extract<Message, { kind: "ping" }> {
    for (let step = 0; step < 1_000; step += 1) {
      for (const { message } of packets(this.run(10))) if (message.kind === "ping") return message;
    }
    throw new Error("no ping");
  }

  state(id: string): string | undefined {
    return this.swim.member(nodeId(id))?.state;
  }
}

export const alive = (id: string, incarnation = 0, address = `${id}:1`): Claim => ({
  kind: "alive",
  id: nodeId(id),
  incarnation,
  address,
  meta: new Uint8Array(),
});
export const suspect = (id: string, from: string, incarnation = 0): Claim => ({
  kind: "suspect",
  id: nodeId(id),
  incarnation,
  from: nodeId(from),
});
export const dead = (id: string, incarnation = 0): Claim => ({
  kind: "dead",
  id: nodeId(id),
  incarnation,
  from: nodeId("x"),
});
export const packets = (effects: readonly Effect[]): (Packet & { to: string })[] =>
  effects.flatMap((effect) => (effect.kind === "send" ? { ...effect.packet, to: effect.to } : []));
export const warnings = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === "warning" ? effect.text : []));
