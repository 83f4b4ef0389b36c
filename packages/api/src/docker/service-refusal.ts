import type { ServiceSpec } from "@murmur/model";

const NAME_CHARACTERS_MAX = 63;

type Words = (spec: ServiceSpec) => string;

/** What Docker says, by what the model says. */
const DOCKERS_WORDS: readonly (readonly [RegExp, Words])[] = [
  [/^name: /, ({ name }) => nameRefusal(name)],
  [/^task\.container\.image: /, () => "ContainerSpec: image reference must be provided"],
  [
    /^task\.container\.mounts\[\d+\]\.target: must differ/,
    ({ task }) => `ContainerSpec: duplicate mount point: ${doubled(task.container.mounts ?? []) ?? ""}`,
  ],
  [
    /^endpoint\.ports\[\d+\]\.mode: must be host/,
    () => "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
  ],
  [/^endpoint\.ports\[\d+\]\.publishedPort: must differ/, () => "EndpointSpec: duplicate published ports provided"],
];

/** Why a service can't be: what Docker's clients know in front, where Docker has words for it, then what to do. */
export function serviceRefusal(spec: ServiceSpec, problems: readonly string[]): string {
  const [, words] = DOCKERS_WORDS.find(([pattern]) => problems.some((problem) => pattern.test(problem))) ?? [];
  return `${words === undefined ? "invalid service" : words(spec)}: ${problems.join("; ")}`;
}

/** Docker's words for a name that no service or network may have. */
export function nameRefusal(name: string): string {
  return name.length > NAME_CHARACTERS_MAX
    ? "name must be 63 characters or fewer"
    : "name must be valid as a DNS name component";
}

const doubled = (mounts: readonly { readonly target: string }[]): string | undefined =>
  mounts.find(({ target }, at) => mounts.findIndex((other) => other.target === target) < at)?.target;
