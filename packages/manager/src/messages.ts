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

export const isOffer = (value: unknown): value is Offer => isObject(value) && typeof value["kind"] === "string";

export const isOfferedRequest = (value: unknown): value is OfferedRequest =>
  isObject(value) &&
  typeof value["term"] === "number" &&
  typeof value["requestId"] === "string" &&
  value["data"] instanceof Uint8Array;
