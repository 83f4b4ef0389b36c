const MOODS = [
  "amber",
  "bold",
  "brisk",
  "calm",
  "clear",
  "cosy",
  "deft",
  "eager",
  "early",
  "fair",
  "fleet",
  "fond",
  "gentle",
  "glad",
  "golden",
  "hardy",
  "keen",
  "kind",
  "lively",
  "lucid",
  "mellow",
  "merry",
  "nimble",
  "patient",
  "plucky",
  "quiet",
  "ready",
  "serene",
  "steady",
  "sunny",
  "tidy",
  "witty",
];
const BIRDS = [
  "avocet",
  "bittern",
  "bunting",
  "crane",
  "curlew",
  "dipper",
  "dove",
  "dunlin",
  "egret",
  "finch",
  "gannet",
  "godwit",
  "grebe",
  "heron",
  "hoopoe",
  "jay",
  "kestrel",
  "kite",
  "lapwing",
  "lark",
  "linnet",
  "martin",
  "oriole",
  "osprey",
  "plover",
  "redstart",
  "siskin",
  "starling",
  "swift",
  "teal",
  "tern",
  "wren",
];

/**
 * A name for a service that was given none: two words that follow from its id, and the id's beginning when those are
 * taken. Starlings fly in murmurations.
 */
export function inventName(id: string, isTaken: (name: string) => boolean): string {
  const digit = (at: number): number => Number.parseInt(id.charAt(at) || "0", 36);
  const word = (words: readonly string[], at: number): string =>
    words[(digit(at) * 36 + digit(at + 1)) % words.length] ?? "service";
  const name = `${word(MOODS, 0)}-${word(BIRDS, 2)}`;
  return isTaken(name) ? `${name}-${id.slice(0, 8)}` : name;
}
