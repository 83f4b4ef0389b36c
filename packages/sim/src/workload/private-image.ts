import type { ServiceId } from "@murmur/model";

const REGISTRY = "private.example/";

/** An image whose registry lets only one service's login pull it. */
export const privateImage = (service: ServiceId): string => `${REGISTRY}${service}:1`;

/** What it asks for; undefined for an image that anybody may pull. */
export const passwordOf = (image: string): string | undefined =>
  image.startsWith(REGISTRY) ? `of ${image.slice(REGISTRY.length, image.lastIndexOf(":"))}` : undefined;

/** X-Registry-Auth of a service that uses it. */
export const loginOf = (service: ServiceId): string =>
  Buffer.from(JSON.stringify({ username: "sim", password: passwordOf(privateImage(service)) })).toString("base64url");
