/** What an image's name says, as Docker reads it. */
export interface ImageReference {
  /** `docker.io` where none was said. With its port. */
  readonly registry: string;
  /** With the `library/` that Docker puts before its own: `library/nginx`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const DOCKER_HUB = "docker.io";
/** Another name of the same. */
const DOCKER_HUB_INDEX = "index.docker.io";
const NAME_LENGTH_MAX = 255;
/** No longer ones are looked at: nothing here takes more than linear time, but an image's name is never that long. */
const LENGTH_MAX = 1_024;

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Hexadecimal digits of each algorithm. */
const DIGEST_LENGTHS: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
]);

/** Undefined for what Docker calls no valid reference. */
export function parseImageReference(text: string): ImageReference | undefined {
  // Docker takes 64 hexadecimal digits alone for an image's id.
  if (text.length > LENGTH_MAX || /^[a-f0-9]{64}$/.test(text)) return undefined;
  const [tagged = "", digest, ...more] = text.split("@");
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) return undefined;
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const name = hasTag ? tagged.slice(0, colon) : tagged;
  const tag = hasTag ? tagged.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  const parted = partName(name);
  if (parted === undefined) return undefined;
  return { ...parted, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function isDigest(text: string): boolean {
  const [algorithm = "", hex = "", ...more] = text.split(":");
  return more.length === 0 && DIGEST_LENGTHS.get(algorithm) === hex.length && /^[a-f0-9]+$/.test(hex);
}

const looksLikeHost = (head: string): boolean =>
  /[.:]/.test(head) || head === "localhost" || head !== head.toLowerCase();

/** What stands before the first slash is a registry if it looks like a host: a dot, a port, `localhost`, capitals. */
function partName(name: string): Pick<ImageReference, "registry" | "path"> | undefined {
  const slash = name.indexOf("/");
  const head = slash < 0 ? "" : name.slice(0, slash);
  const isHost = looksLikeHost(head);
  const said = isHost ? head : DOCKER_HUB;
  const registry = said === DOCKER_HUB_INDEX ? DOCKER_HUB : said;
  const rest = isHost ? name.slice(slash + 1) : name;
  const path = registry === DOCKER_HUB && !rest.includes("/") ? `library/${rest}` : rest;
  const isValid = REGISTRY.test(registry) && path.split("/").every((part) => PATH.test(part));
  return isValid && registry.length + 1 + path.length <= NAME_LENGTH_MAX ? { registry, path } : undefined;
}

/** As Docker shows it: without `docker.io` and `library`. */
export function formatImageReference({ registry, path, tag, digest }: ImageReference): string {
  const own = path.startsWith("library/") ? path.slice("library/".length) : path;
  // `docker.io/library/library/nginx` would become another one.
  const short = own.includes("/") && own !== path ? path : own;
  // So would `docker.io/a.b/nginx`: Docker shows that as an image of the registry a.b.
  const [head = "", ...more] = short.split("/");
  const isShort = registry === DOCKER_HUB && !(more.length > 0 && looksLikeHost(head));
  const name = isShort ? short : `${registry}/${path}`;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** What an image is called by in Docker's store of credentials. */
export const credentialsKey = ({ registry }: ImageReference): string =>
  registry === DOCKER_HUB ? "https://index.docker.io/v1/" : registry;
