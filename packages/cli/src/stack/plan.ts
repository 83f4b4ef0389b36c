import type { FieldChange, MurmurClient, NetworkCreate, NetworkResource, Service, ServiceSpec } from "@murmur/api";
import { ClusterError, codeOf, messageOf } from "@murmur/base";
import type { Payload } from "../payload/payload-kind.ts";
import { adaptedSpec } from "./adapted-spec.ts";
import { atMost } from "./at-most.ts";
import type { PayloadWish, ServiceWish, StackWish } from "./convert/stack-wish.ts";
import { withoutTaken } from "./moved-ports.ts";
import { networkWarnings } from "./network-warnings.ts";
import { oldPayloads } from "./old-payloads.ts";
import { withRestarts } from "./restarts.ts";
import type { ServiceStep } from "./service-step.ts";
import { isOwnNetwork, PAYLOAD_FIELDS, PAYLOADS, standingOf, type Standing } from "./standing.ts";
import type { StackImages } from "./stack-images.ts";

/** Services that are looked at at a time. */
const LOOKS_MAX = 4;

/** All that a deployment would do, found out without doing any of it. */
export interface Plan {
  readonly wish: StackWish;
  readonly services: readonly ServiceStep[];
  readonly networks: readonly NetworkCreate[];
  readonly configs: readonly PayloadWish[];
  readonly secrets: readonly PayloadWish[];
  /** Only with `prune`. */
  readonly removed: {
    readonly services: readonly Service[];
    readonly networks: readonly NetworkResource[];
    readonly configs: readonly Payload[];
    readonly secrets: readonly Payload[];
  };
  /** Names of networks by their ids, for people. */
  readonly networkNames: ReadonlyMap<string, string>;
  /** One line each, for people. */
  readonly warnings: readonly string[];
}

/**
 * Compares what a file wants with what there is. What a service would differ in is asked of the daemon, which knows what it
 * makes of a spec: two ways to say the same are no difference. Errors: `not_found` for what the file says is there and
 * isn't; `name_conflict` for what is somebody else's; `out_of_date` when something changed while it was looked at.
 */
export async function planOf(
  client: MurmurClient,
  wish: StackWish,
  { images, prune }: { readonly images: StackImages; readonly prune: boolean },
): Promise<Plan> {
  const standing = await standingOf(client, wish.stack);
  checkNetworks(wish, standing);
  const missing = {
    configs: await missingIn(client, "configs", wish, standing),
    secrets: await missingIn(client, "secrets", wish, standing),
  };
  const absent = new Set([
    ...wish.networks.filter(({ Name }) => !standing.networks.has(Name)).map(({ Name }) => `network ${Name}`),
    ...PAYLOAD_FIELDS.flatMap((field) => missing[field].map(({ name }) => `${field} ${name}`)),
  ]);
  const warnings: string[] = [];
  const after = new Map(wish.services.map(({ name, spec }) => [name, spec]));
  // Without pruning, those that the files don't have keep what they have.
  if (!prune) for (const [name, { Spec }] of standing.services) if (!after.has(name)) after.set(name, Spec);
  const services = await atMost(LOOKS_MAX, wish.services, async (service) => {
    const { step, notes } = await stepFor(client, service, { standing, images, absent, after });
    warnings.push(...notes);
    return step;
  });
  const names = new Set(wish.services.map(({ name }) => name));
  const kept = new Set(wish.networks.map(({ Name }) => Name));
  const none = { services: [], networks: [], configs: [], secrets: [] };
  return {
    wish,
    services: withRestarts(services),
    networks: wish.networks.filter(({ Name }) => !standing.networks.has(Name)),
    ...missing,
    removed: prune
      ? {
          services: [...standing.services].filter(([name]) => !names.has(name)).map(([, service]) => service),
          networks: [...standing.networks.values()].filter(
            (network) => isOwnNetwork(wish.stack, network) && !kept.has(network.Name),
          ),
          configs: oldPayloads("configs", wish, standing, { all: true }),
          secrets: oldPayloads("secrets", wish, standing, { all: true }),
        }
      : none,
    networkNames: new Map([...standing.networks.values()].map(({ Id, Name }) => [Id, Name])),
    warnings: [
      ...new Set([...networkWarnings(wish.networks, standing.networks), ...keptSecrets(wish, standing), ...warnings]),
    ],
  };
}

/** In Docker's words. */
function checkNetworks({ stack, networks, externalNetworks }: StackWish, standing: Standing): void {
  for (const name of externalNetworks) {
    if (standing.networks.has(name)) continue;
    throw new ClusterError(
      "not_found",
      `network "${name}" is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed`,
    );
  }
  for (const { Name } of networks) {
    const there = standing.networks.get(Name);
    if (there === undefined || isOwnNetwork(stack, there)) continue;
    throw new ClusterError(
      "name_conflict",
      `network ${Name} is there and not of this stack: say external: true to use it, or give it a name: of its own`,
    );
  }
}

/** Those that have to be made; of those of others it is only looked whether they are there. */
async function missingIn(
  client: MurmurClient,
  field: (typeof PAYLOAD_FIELDS)[number],
  wish: StackWish,
  standing: Standing,
): Promise<readonly PayloadWish[]> {
  const missing: PayloadWish[] = [];
  for (const payload of wish[field]) {
    const own = standing[field].get(payload.name);
    if (payload.body !== undefined && own !== undefined) checkContent(field, payload, own);
    else if (payload.body !== undefined) missing.push(payload);
    else await checkThere(client, field, payload);
  }
  return missing;
}

async function checkThere(
  client: MurmurClient,
  field: (typeof PAYLOAD_FIELDS)[number],
  wish: PayloadWish,
): Promise<void> {
  const { word, find } = PAYLOADS[field];
  try {
    await find(client, wish.name);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
    const line = `${word} "${wish.name}" is declared as external, but could not be found: create it with \`murmur ${word} create\` first`;
    throw new ClusterError("not_found", line, { cause: error });
  }
}

/** One with a `name:` of its own can't be changed. Of a secret nobody sees the content. */
function checkContent(field: (typeof PAYLOAD_FIELDS)[number], wish: PayloadWish, there: Payload): void {
  if (wish.versioned || !("Data" in there.Spec) || there.Spec.Data === wish.body?.Data) return;
  throw new ClusterError(
    "failed_precondition",
    `${field}.${wish.key}: ${there.Spec.Name} has another content, and can't be changed: leave name: out, so that it is called after its content, or give another name`,
  );
}

/** Of a secret nobody sees the content, so that nobody can say whether one that isn't called after it is another. */
const keptSecrets = ({ secrets }: StackWish, standing: Standing): readonly string[] =>
  secrets
    .filter(({ name, body, versioned }) => body !== undefined && !versioned && standing.secrets.has(name))
    .map(
      ({ key, name }) =>
        `secret ${name} is there and stays as it is, whatever secrets.${key} holds: leave name: out, so that it is called after its content`,
    );

interface StepContext {
  readonly standing: Standing;
  readonly images: StackImages;
  /** What is named in specs and isn't made yet: `network shop_default`, `configs shop_site-0123456789ab`. */
  readonly absent: ReadonlySet<string>;
  /** What services of the stack shall be, by name; those that are removed are missing. */
  readonly after: ReadonlyMap<string, ServiceSpec>;
}

async function stepFor(
  client: MurmurClient,
  wish: ServiceWish,
  { standing, images, absent, after }: StepContext,
): Promise<{ readonly step: ServiceStep; readonly notes: readonly string[] }> {
  const service = standing.services.get(wish.name);
  const spec = service === undefined ? structuredClone(wish.spec) : adaptedSpec(wish.spec, service);
  const notes = await images.pin(spec, service);
  if (service === undefined) return { step: { kind: "create", wish, spec }, notes };
  const changes = await changesOf(client, wish.name, { spec, service, absent, standing, after });
  if (changes.length === 0) return { step: { kind: "keep", wish, service }, notes };
  return { step: { kind: "update", wish, spec, service, changes }, notes };
}

/** The daemon is asked without what isn't there yet, or is another's until then: that is a difference by itself. */
async function changesOf(
  client: MurmurClient,
  name: string,
  how: Pick<StepContext, "standing" | "absent" | "after"> & { readonly spec: ServiceSpec; readonly service: Service },
): Promise<readonly FieldChange[]> {
  const { spec, service, absent, after } = how;
  const { asked, taken } = withoutTaken(spec, service, { standing: how.standing.services.values(), after });
  const known = structuredClone(asked);
  const { ContainerSpec: container } = known.TaskTemplate;
  const added: FieldChange[] = taken.map((port) => ({ field: "EndpointSpec.Ports[]", after: port }));
  const split = <T>(field: string, list: readonly T[] | undefined, what: (entry: T) => string): T[] => {
    const isThere = (entry: T): boolean => !absent.has(what(entry));
    for (const after of list ?? []) if (!isThere(after)) added.push({ field: `TaskTemplate.${field}[]`, after });
    return (list ?? []).filter(isThere);
  };
  known.TaskTemplate.Networks = split("Networks", known.TaskTemplate.Networks, ({ Target }) => `network ${Target}`);
  container.Configs = split("ContainerSpec.Configs", container.Configs, ({ ConfigName }) => `configs ${ConfigName}`);
  container.Secrets = split("ContainerSpec.Secrets", container.Secrets, ({ SecretName }) => `secrets ${SecretName}`);
  try {
    const { changes } = await client.dryRunService(known, { id: service.ID, version: service.Version.Index });
    return [...changes, ...added];
  } catch (error) {
    throw new ClusterError(codeOf(error), `service ${name}: ${messageOf(error)}`, { cause: error });
  }
}
