import type { Message } from "@murmur/raft";
import type { Offer, OfferedRequest } from "./submitter.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Peers are authenticated nodes of this cluster; this only keeps what is no message at all away from the core. */
export const isRaftMessage = (value: unknown): value is Message =>
  isObject(value) &&
  typeof value["kind"] === "string" &&
  typeof value["from"] === "string" &&
  typeof value["to"] === "string" &&
  typeof value["term"] === "number";

/** What a leader answers to `OfferedRequest`s, in their order. */
export const isOffers = (value: unknown): value is readonly Offer[] =>
  Array.isArray(value) && value.every((offer: unknown) => isObject(offer) && typeof offer["kind"] === "string");

export const isOfferedRequests = (value: unknown): value is readonly OfferedRequest[] =>
  Array.isArray(value) && value.every(isOfferedRequest);

const isOfferedRequest = (value: unknown): value is OfferedRequest =>
  isObject(value) &&
  typeof value["term"] === "number" &&
  typeof value["requestId"] === "string" &&
  value["data"] instanceof Uint8Array;
