import { unreachable } from "@murmur/base";
import type { Index } from "@murmur/model";
import type { RefusalCode } from "./error-outcome.ts";
import type { Model } from "./model.ts";
import { describeVersion, grown, mayBe, outgrown, seen, type VersionBelief, type Writers } from "./version-belief.ts";

/**
 * What clients ask of services. Every operation but `list` says the service's name, which never changes, so that
 * histories fall apart by name. `spec` is any text that tells specs apart: best, one of its own for each write.
 */
export type ServiceInput =
  | { readonly kind: "create"; readonly name: string; readonly id: string; readonly spec: string }
  | {
      readonly kind: "update";
      readonly name: string;
      readonly id: string;
      readonly version: Index;
      readonly spec: string;
    }
  | { readonly kind: "rollback"; readonly name: string; readonly id: string; readonly version: Index }
  | { readonly kind: "remove"; readonly name: string; readonly id: string }
  /** By id when there is one, else by name. */
  | { readonly kind: "read"; readonly name: string; readonly id?: string }
  | { readonly kind: "list" };

export interface ShownService {
  readonly name: string;
  readonly id: string;
  readonly spec: string;
  readonly version: Index;
}

export type ServiceOutput =
  /** A write that was accepted; the version is missing where the API doesn't tell it. */
  | { readonly kind: "done"; readonly version?: Index }
  /** `holder`: of a name conflict, the service that has the name. */
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly holder?: string }
  | { readonly kind: "service"; readonly service: ShownService }
  | { readonly kind: "services"; readonly services: readonly ShownService[] };

/** The services that a name had. */
export interface ServiceState {
  /** Every version under this name up to now is this at the most. */
  readonly floor: Index;
  readonly service?: {
    readonly id: string;
    readonly spec: string;
    readonly previous?: string;
    readonly version: VersionBelief;
  };
}

type Held = NonNullable<ServiceState["service"]>;
type Event<K extends ServiceInput["kind"]> = {
  readonly input: Extract<ServiceInput, { kind: K }>;
  readonly output: ServiceOutput | undefined;
};

/**
 * The store's promises about services: one service to a name, updates only of the version that they name, and reads
 * that show the last write. Not in it: refusals for ports, networks, limits and malformed specs, which are right at any
 * time, and roll-backs by the cluster itself (`failureAction: "rollback"`), which histories must not contain.
 */
export function serviceModel(writers: Writers): Model<ServiceState, ServiceInput, ServiceOutput> {
  return {
    initial: { floor: 0 },
    objectOf: (input) => (input.kind === "list" ? undefined : input.name),
    objectsShown: (output) => (output.kind === "services" ? output.services.map(({ name }) => name) : []),
    step: (state, { object, input, output }) => {
      switch (input.kind) {
        case "create":
          return create(state, { input, output }, writers);
        case "update":
          return update(state, { input, output }, writers);
        case "rollback":
          return rollBack(state, { input, output }, writers);
        case "remove":
          return remove(state, { input, output });
        case "read":
          return read(state, { input, output }, writers);
        case "list":
          return output?.kind === "services" ? list(state, object, { services: output.services, writers }) : undefined;
        default:
          return unreachable(input);
      }
    },
    isReadOnly: (input, output) => input.kind === "read" || input.kind === "list" || output?.kind === "refused",
    keyOf: ({ floor, service }) => {
      if (service === undefined) return String(floor);
      const { id, spec, previous, version } = service;
      return JSON.stringify([floor, id, spec, previous ?? null, version.at, version.exact]);
    },
    describe,
    describeState: ({ floor, service }) =>
      service === undefined
        ? `no service${floor > 0 ? `, versions up to ${String(floor)}` : ""}`
        : `service ${service.id}, spec ${service.spec}, ${describeVersion(service.version)}`,
  };
}

function create(state: ServiceState, { input, output }: Event<"create">, writers: Writers): ServiceState | undefined {
  const { service, floor } = state;
  if (output?.kind === "refused") {
    const { code, holder } = output;
    if (code === "name_conflict") {
      return service !== undefined && (holder === undefined || holder === service.id) ? state : undefined;
    }
    // Ids are minted for one create: that it exists means that the command was executed before.
    return code === "already_exists" ? undefined : state;
  }
  if (service !== undefined) return undefined;
  const version = grown(floor, versionOf(output), writers);
  const isDone = output === undefined || output.kind === "done";
  return isDone && version ? holding({ id: input.id, spec: input.spec, version }) : undefined;
}

function update(state: ServiceState, { input, output }: Event<"update">, writers: Writers): ServiceState | undefined {
  const { service } = state;
  if (output?.kind === "refused") return refusedWrite(state, input, output.code);
  if (service?.id !== input.id || !mayBe(service.version, input.version)) return undefined;
  const version = grown(input.version, versionOf(output), writers);
  const isDone = output === undefined || output.kind === "done";
  return isDone && version ? holding({ id: service.id, spec: input.spec, previous: service.spec, version }) : undefined;
}

/** Swaps the spec with the one before. */
function rollBack(
  state: ServiceState,
  { input, output }: Event<"rollback">,
  writers: Writers,
): ServiceState | undefined {
  const { service } = state;
  if (output?.kind === "refused" && output.code === "failed_precondition") {
    const holds = service?.id === input.id && service.previous === undefined && mayBe(service.version, input.version);
    return holds ? holding({ ...service, version: seen(input.version, writers) }) : undefined;
  }
  if (output?.kind === "refused") return refusedWrite(state, input, output.code);
  if (service?.id !== input.id || service.previous === undefined) return undefined;
  return update(state, { input: { ...input, kind: "update", spec: service.previous }, output }, writers);
}

function remove(state: ServiceState, { input, output }: Event<"remove">): ServiceState | undefined {
  const { service } = state;
  if (output?.kind === "refused") {
    if (output.code === "not_found") return service?.id === input.id ? undefined : state;
    return state;
  }
  if (service?.id !== input.id || (output !== undefined && output.kind !== "done")) return undefined;
  const version = versionOf(output);
  if (version !== undefined && version <= service.version.at) return undefined;
  return { floor: version ?? service.version.at + 1 };
}

/** What a refusal of a write that names a version says; the store looks for the service first, then at the version. */
function refusedWrite(
  state: ServiceState,
  { id, version }: { readonly id: string; readonly version: Index },
  code: RefusalCode,
): ServiceState | undefined {
  const { service } = state;
  if (code === "not_found") return service?.id === id ? undefined : state;
  if (code !== "out_of_date") return state;
  if (service?.id !== id) return undefined;
  const belief = outgrown(service.version, version);
  return belief && holding({ ...service, version: belief });
}

function read(state: ServiceState, { input, output }: Event<"read">, writers: Writers): ServiceState | undefined {
  const { service } = state;
  if (output?.kind === "service") {
    if (output.service.name !== input.name || (input.id ?? output.service.id) !== output.service.id) return undefined;
    return shown(state, output.service, writers);
  }
  if (output?.kind !== "refused" || output.code !== "not_found") return undefined;
  return service === undefined || (input.id !== undefined && input.id !== service.id) ? state : undefined;
}

function list(
  state: ServiceState,
  name: string,
  { services, writers }: { readonly services: readonly ShownService[]; readonly writers: Writers },
): ServiceState | undefined {
  const [one, another] = services.filter((service) => service.name === name);
  if (another !== undefined) return undefined;
  if (one === undefined) return state.service === undefined ? state : undefined;
  return shown(state, one, writers);
}

function shown(
  { service }: ServiceState,
  { id, spec, version }: ShownService,
  writers: Writers,
): ServiceState | undefined {
  if (service?.id !== id || service.spec !== spec || !mayBe(service.version, version)) return undefined;
  return holding({ ...service, version: seen(version, writers) });
}

const holding = (service: Held): ServiceState => ({ floor: service.version.at, service });

const versionOf = (output: ServiceOutput | undefined): Index | undefined =>
  output?.kind === "done" ? output.version : undefined;

function describe(input: ServiceInput, output: ServiceOutput | undefined): string {
  return `${describeInput(input)}: ${describeOutput(output)}`;
}

function describeInput(input: ServiceInput): string {
  switch (input.kind) {
    case "create":
      return `create ${input.name} (${input.id}) with ${input.spec}`;
    case "update":
      return `update ${input.name} (${input.id}) of version ${String(input.version)} to ${input.spec}`;
    case "rollback":
      return `roll back ${input.name} (${input.id}) of version ${String(input.version)}`;
    case "remove":
      return `remove ${input.name} (${input.id})`;
    case "read":
      return `read ${input.name}${input.id === undefined ? "" : ` (${input.id})`}`;
    case "list":
      return "list";
    default:
      return unreachable(input);
  }
}

function describeOutput(output: ServiceOutput | undefined): string {
  switch (output?.kind) {
    case undefined:
      return "?";
    case "done":
      return output.version === undefined ? "done" : `done, version ${String(output.version)}`;
    case "refused":
      return output.holder === undefined ? output.code : `${output.code} with ${output.holder}`;
    case "service":
      return describeShown(output.service);
    case "services":
      return `[${output.services.map((service) => `${service.name}: ${describeShown(service)}`).join("; ")}]`;
    default:
      return unreachable(output);
  }
}

const describeShown = ({ id, spec, version }: ShownService): string => `${id}, ${spec}, version ${String(version)}`;
