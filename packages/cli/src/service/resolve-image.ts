import type { DistributionInspect, MurmurClient, Platform, ServiceSpec } from "@murmur/api";
import type { Command } from "commander";
import { formatImageReference, parseImageReference } from "@murmur/model";
import { invalid } from "../argument-error.ts";
import { containerOf, placementOf } from "./spec-parts.ts";

/** What `create` and `update` may be told about the image, beside its name. */
export interface ImageFlags {
  readonly withRegistryAuth?: boolean;
  readonly resolveImage: boolean;
}

export const addImageFlags = (command: Command): Command =>
  command
    .option("--with-registry-auth", "Send registry authentication details to swarm agents")
    .option("--no-resolve-image", "Do not query the registry to resolve image digest and supported platforms");

interface ResolveOptions {
  /** X-Registry-Auth; left out: the registry is asked as anybody. */
  readonly registryAuth?: string;
  /** Undefined: the registry is not asked. */
  readonly client: MurmurClient | undefined;
}

/** What an image's name comes to. */
export interface ResolvedImage {
  readonly image: string;
  /** Empty: unknown. */
  readonly platforms: readonly Platform[];
  /** One line for people: the digest is not known. */
  readonly warning?: string;
}

/**
 * What the docker command makes of an image's name: the tag that it means, the digest that its registry has for it now, and
 * the platforms that there are images for. The daemon's engine asks the registry; one that can't be asked is no error.
 */
export async function resolveImage(text: string, { client, registryAuth }: ResolveOptions): Promise<ResolvedImage> {
  const reference = parseImageReference(text);
  if (reference === undefined) throw invalid(`"${text}" is not a valid repository/tag`);
  const isNamed = reference.tag !== undefined || reference.digest !== undefined;
  const tagged = isNamed ? reference : { ...reference, tag: "latest" };
  const image = formatImageReference(tagged);
  if (client === undefined) return { image, platforms: [] };
  try {
    const found = await client.distribution(image, registryAuth === undefined ? {} : { registryAuth });
    const digest = reference.digest ?? found.Descriptor.digest;
    return { image: formatImageReference({ ...tagged, digest }), platforms: platformsOf(found) };
  } catch {
    if (reference.digest !== undefined) return { image, platforms: [] };
    const warning = `image ${image} could not be accessed on a registry to record its digest. Each node will access ${image} independently, possibly leading to different nodes running different versions of the image.`;
    return { image, platforms: [], warning };
  }
}

/** Images for `arm` are for any variant of it: what a node says of itself has the variant in it. */
const platformsOf = ({ Platforms }: DistributionInspect): readonly Platform[] =>
  (Platforms ?? []).map(({ os, architecture }) => ({
    ...(architecture && architecture.toLowerCase() !== "arm" && { Architecture: architecture }),
    ...(os && { OS: os }),
  }));

/** The platforms of another image, of which nothing is known, would be wrong. */
export function setImage(spec: ServiceSpec, { image, platforms }: ResolvedImage): void {
  containerOf(spec).Image = image;
  if (platforms.length > 0) placementOf(spec).Platforms = [...platforms];
  else delete spec.TaskTemplate.Placement?.Platforms;
}

export const warningsOf = ({ warning }: ResolvedImage): readonly string[] => (warning === undefined ? [] : [warning]);
