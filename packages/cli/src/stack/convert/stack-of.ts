import type { Project } from "@murmur/compose";
import { networkWishes } from "./networks.ts";
import { payloadWishes } from "./payloads.ts";
import { serviceWish } from "./service-wish.ts";
import type { PayloadWish, StackWish } from "./stack-wish.ts";

/**
 * A project as a stack, as `docker stack deploy` makes one: the same names, labels, networks and aliases, so that both
 * tools can work on it. Only configs and secrets are called otherwise. Errors: `invalid_argument` with the field's place.
 */
export function stackOf(project: Project, stack: string): StackWish {
  const configs = payloadWishes(stack, "config", project.configs);
  const secrets = payloadWishes(stack, "secret", project.secrets);
  const awaited = awaitedIn(project);
  const context = { stack, project, configs, secrets, awaited };
  const services = [...project.services.values()].map((service) => serviceWish(service, context));
  const used = (kind: "configs" | "secrets", wishes: ReadonlyMap<string, PayloadWish>): readonly PayloadWish[] => {
    const keys = new Set(
      [...project.services.values()].flatMap((service) => service[kind]).map(({ source }) => source),
    );
    // As Docker: what the file has is made, used or not; of others only what is used has to be there.
    return [...wishes.values()].filter(({ key, body }) => body !== undefined || keys.has(key));
  };
  return {
    stack,
    ...networkWishes(project, stack),
    configs: used("configs", configs),
    secrets: used("secrets", secrets),
    services,
    notes: [...awaited]
      .filter((key) => project.services.get(key)?.deploy.mode === undefined)
      .map((key) => `services.${key} runs as a job (mode replicated-job), since others wait for it to complete`),
  };
}

/** What somebody waits for to complete. */
const awaitedIn = (project: Project): ReadonlySet<string> =>
  new Set(
    [...project.services.values()]
      .flatMap(({ dependsOn }) => dependsOn)
      .filter(
        ({ condition, service }) => condition === "service_completed_successfully" && project.services.has(service),
      )
      .map(({ service }) => service),
  );
