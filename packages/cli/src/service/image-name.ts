import { formatImageReference, parseImageReference } from "@murmur/model";

/** As Docker's tables show an image: beside a tag its digest says nothing to people. */
export function withoutDigest(image: string): string {
  const reference = parseImageReference(image);
  if (reference?.tag === undefined) return image;
  const { digest: _, ...named } = reference;
  return formatImageReference(named);
}
