/**
 * The name that an image has on a node which can't ask its registry: a reference with tag and digest loses its digest,
 * because an image that was built or loaded on the node has none. Any other reference stays as it is.
 */
export function localImage(reference: string): string {
  const at = reference.indexOf("@");
  if (at < 0) return reference;
  const name = reference.slice(0, at);
  const tagged = name.lastIndexOf(":") > name.lastIndexOf("/");
  return tagged ? name : reference;
}
