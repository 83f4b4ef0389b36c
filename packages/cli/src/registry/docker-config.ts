import { ClusterError } from "@murmur/base";

/** What is known of a login, in Docker's words for the engine. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** The part of the docker command's `config.json` that says how to log in to registries. */
export interface DockerConfig {
  /** By registry, as `docker login` wrote it: `registry.example:5000`, or a URL. */
  readonly auths: ReadonlyMap<string, AuthConfig>;
  /** Programs `docker-credential-NAME`: by registry, and for all others. */
  readonly helpers: ReadonlyMap<string, string>;
  readonly helper: string | undefined;
}

/** Errors: `invalid_argument`, with the file's path and never with what is in it. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  const config = fieldsOf(parseJson(text));
  if (config === undefined) throw broken(path, "is not a JSON object");
  const auths = new Map<string, AuthConfig>();
  for (const [registry, value] of Object.entries(fieldsOf(config["auths"]) ?? {})) {
    const login = authConfigOf(fieldsOf(value) ?? {});
    if (login === undefined) throw broken(path, `has a login for ${JSON.stringify(registry)} that can't be read`);
    auths.set(registry, login);
  }
  const helpers = Object.entries(fieldsOf(config["credHelpers"]) ?? {});
  return {
    auths,
    helpers: new Map(helpers.flatMap(([registry, name]) => (typeof name === "string" ? [[registry, name]] : []))),
    helper: textOf(config["credsStore"]),
  };
}

/** `auth` is base64 of `user:password`; undefined when it isn't. */
function authConfigOf(fields: Readonly<Record<string, unknown>>): AuthConfig | undefined {
  const auth = textOf(fields["auth"]);
  const said = auth === undefined ? ":" : Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = said.indexOf(":");
  if (auth !== undefined && colon < 1) return undefined;
  const username = said.slice(0, colon) || textOf(fields["username"]);
  const password = said.slice(colon + 1) || textOf(fields["password"]);
  const identitytoken = textOf(fields["identitytoken"]);
  const registrytoken = textOf(fields["registrytoken"]);
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identitytoken !== undefined && { identitytoken }),
    ...(registrytoken !== undefined && { registrytoken }),
  };
}

/** What the file itself has for a registry: under its own name, else under a URL of it. */
export const loginIn = ({ auths }: DockerConfig, key: string): AuthConfig | undefined =>
  auths.get(key) ?? [...auths].find(([name]) => hostOf(name) === hostOf(key))?.[1];

/** `https://index.docker.io/v1/` → `index.docker.io` */
const hostOf = (name: string): string => name.replace(/^https?:\/\//, "").replace(/\/.*$/, "");

/** The program's answer to `get`; undefined when it can't be read. */
export function parseHelperAnswer(text: string): AuthConfig | undefined {
  const fields = fieldsOf(parseJson(text));
  const secret = textOf(fields?.["Secret"]);
  if (secret === undefined) return undefined;
  const username = textOf(fields?.["Username"]);
  // How helpers say that the secret is a token.
  if (username === "<token>") return { identitytoken: secret };
  return { ...(username !== undefined && { username }), password: secret };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const broken = (path: string, says: string): ClusterError =>
  new ClusterError("invalid_argument", `${path} ${says}: log in anew with docker login`);
