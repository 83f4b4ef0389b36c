/** 32 bits of FNV-1a (Fowler, Noll, Vo): spreads ties evenly and the same on every manager. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
