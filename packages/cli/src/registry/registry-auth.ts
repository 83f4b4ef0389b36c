import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { credentialsKey, parseImageReference, type ImageReference } from "@murmur/model";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { loginIn, parseDockerConfig, parseHelperAnswer, type AuthConfig, type DockerConfig } from "./docker-config.ts";

/** A helper may ask the person for a password of its own. */
const HELPER_LIMIT_MS = 60_000;
const HELPER_ANSWER_BYTES_MAX = 1024 * 1024;

/**
 * What an image's registry is to be logged in to with, as the docker command finds it: what its configuration says, or
 * the program that it names. In the form of X-Registry-Auth. Without a login, says so and gives an empty one, as Docker
 * does: what the service had before is forgotten. Errors: `invalid_argument` in one line, with nothing secret in it.
 */
export function registryAuth(cli: Cli, image: string): string {
  const reference = parseImageReference(image);
  if (reference === undefined) throw invalid(`"${image}" is not a valid repository/tag`);
  const login = loginFor(cli, reference);
  if (login === undefined) cli.note(`murmur: warning: no login for ${reference.registry}: run docker login first`);
  const fields = login === undefined ? {} : { ...login, serveraddress: credentialsKey(reference) };
  return base64url(JSON.stringify(fields));
}

/** With the padding that Go's decoders ask for. */
const base64url = (text: string): string =>
  Buffer.from(text).toString("base64").replaceAll("+", "-").replaceAll("/", "_");

function loginFor({ ports: { env, home } }: Cli, reference: ImageReference): AuthConfig | undefined {
  const key = credentialsKey(reference);
  const given = env["DOCKER_AUTH_CONFIG"] ?? "";
  const fromEnv = given === "" ? undefined : loginIn(parseDockerConfig(given, "$DOCKER_AUTH_CONFIG"), key);
  if (fromEnv !== undefined) return fromEnv;
  const path = `${env["DOCKER_CONFIG"] || `${home}/.docker`}/config.json`;
  const text = read(path);
  if (text === undefined) return undefined;
  const config = parseDockerConfig(text, path);
  const helper = helperFor(config, reference);
  const login = helper === undefined ? loginIn(config, key) : ask(helper, key, env);
  return login !== undefined && Object.keys(login).length > 0 ? login : undefined;
}

const helperFor = ({ helpers, helper }: DockerConfig, reference: ImageReference): string | undefined =>
  helpers.get(credentialsKey(reference)) ?? helpers.get(reference.registry) ?? helper;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw invalid(`can't read ${path}, where docker login keeps logins`);
  }
}

function ask(name: string, key: string, env: Readonly<Record<string, string | undefined>>): AuthConfig | undefined {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw invalid(`${JSON.stringify(name)} names no credential helper`);
  const program = `docker-credential-${name}`;
  try {
    const answer = execFileSync(program, ["get"], {
      input: key,
      encoding: "utf8",
      env,
      timeout: HELPER_LIMIT_MS,
      maxBuffer: HELPER_ANSWER_BYTES_MAX,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const login = parseHelperAnswer(answer);
    if (login === undefined) throw invalid(`${program} gave no login that can be read`);
    return login;
  } catch (error) {
    if (typeof error !== "object" || error === null || !("stdout" in error)) throw error;
    // What every helper says on its standard output when it has none.
    if (/credentials not found/i.test(String(error.stdout))) return undefined;
    throw invalid(`${program}, which docker's configuration names, could not be asked for the login of ${key}`);
  }
}
