import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import type { Claim, Exchange, Message, Packet, Publication, Rumor, Snapshot } from "../index.ts";
import {
  ADDRESS_LENGTH_MAX,
  COUNTER_MAX,
  ID_LENGTH_MAX,
  KEY_LENGTH_MAX,
  META_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
} from "../limits.ts";
import { MEMBER_STATES } from "../member.ts";

const wireText = (maxLength: number) =>
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength,
  });
const counter = fc.maxSafeNat().map((value) => value % (COUNTER_MAX + 1));
const uint32 = fc.nat({ max: 0xffff_ffff });

const arbitraryId = wireText(ID_LENGTH_MAX).map(nodeId);
const address = wireText(ADDRESS_LENGTH_MAX);
const meta = fc.uint8Array({ maxLength: META_BYTES_MAX });

const arbitraryPublication: fc.Arbitrary<Publication> = fc.record({
  kind: fc.constant("publication"),
  origin: arbitraryId,
  key: wireText(KEY_LENGTH_MAX),
  sequence: counter,
  payload: fc.uint8Array({ maxLength: PAYLOAD_BYTES_MAX }),
  ttlMs: uint32,
});

const arbitraryClaim: fc.Arbitrary<Claim> = fc.oneof(
  fc.record({ kind: fc.constant("alive"), id: arbitraryId, incarnation: counter, address, meta }),
  fc.record({ kind: fc.constantFrom("suspect", "dead"), id: arbitraryId, incarnation: counter, from: arbitraryId }),
  fc.record({ kind: fc.constant("left"), id: arbitraryId, incarnation: counter }),
);

export const arbitraryRumor: fc.Arbitrary<Rumor> = fc.oneof(arbitraryClaim, arbitraryPublication);

const arbitraryMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant("ping"), number: uint32, target: arbitraryId }),
  fc.record({
    kind: fc.constant("pingReq"),
    number: uint32,
    target: arbitraryId,
    address,
    timeoutMs: uint32,
    wantsNack: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("ack", "nack"), number: uint32 }),
  fc.record({ kind: fc.constant("gossip") }),
);

/** Packets of any content; those with two rumours may be larger than a datagram. */
export const arbitraryPacket: fc.Arbitrary<Packet> = fc.record({
  from: arbitraryId,
  message: arbitraryMessage,
  rumors: fc.array(arbitraryRumor, { maxLength: 2 }),
});

const arbitrarySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  id: arbitraryId,
  state: fc.constantFrom(...MEMBER_STATES),
  incarnation: counter,
  address,
  meta,
  contentIncarnation: counter,
  ageMs: counter,
  published: counter,
});

export const arbitraryExchange: fc.Arbitrary<Exchange> = fc.record({
  kind: fc.constantFrom("request", "reply"),
  from: arbitraryId,
  address,
  joining: fc.boolean(),
  last: fc.boolean(),
  members: fc.array(arbitrarySnapshot, { maxLength: 4 }),
  publications: fc.array(arbitraryPublication, { maxLength: 4 }),
});
