import type { Random } from "@murmur/base";
import type { ServiceInput, ServiceOutput, ShownService } from "../service-model.ts";

/** A small table of services that keeps the store's promises; the tests of the store's own are in the properties. */
export class ServiceTable {
  readonly #services = new Map<string, ShownService & { readonly previous?: string }>();
  #index = 0;

  /** The index that the next write gets, taken. */
  nextIndex(): number {
    this.#index += 1;
    return this.#index;
  }

  list(): readonly ShownService[] {
    return [...this.#services.values()].map(({ name, id, spec, version }) => ({ name, id, spec, version }));
  }

  /** A write of the cluster's own: the version grows, nothing else. */
  touch(random: Random): void {
    const services = [...this.#services.values()];
    const service = services[random.below(services.length)];
    if (service !== undefined) this.#services.set(service.name, { ...service, version: this.nextIndex() });
  }

  execute(input: ServiceInput): ServiceOutput {
    if (input.kind === "list") return { kind: "services", services: this.list() };
    const held = this.#services.get(input.name);
    if (input.kind === "create") {
      const { name, id, spec } = input;
      if (held !== undefined) return { kind: "refused", code: "name_conflict", holder: held.id };
      const version = this.nextIndex();
      this.#services.set(name, { name, id, spec, version });
      return { kind: "done", version };
    }
    if (held === undefined || (input.id !== undefined && held.id !== input.id)) {
      return { kind: "refused", code: "not_found" };
    }
    if (input.kind === "read") {
      const { name, id, spec, version } = held;
      return { kind: "service", service: { name, id, spec, version } };
    }
    if (input.kind === "remove") {
      this.#services.delete(input.name);
      return { kind: "done", version: this.nextIndex() };
    }
    if (held.version !== input.version) return { kind: "refused", code: "out_of_date" };
    const spec = input.kind === "update" ? input.spec : held.previous;
    if (spec === undefined) return { kind: "refused", code: "failed_precondition" };
    const version = this.nextIndex();
    this.#services.set(input.name, { ...held, spec, previous: held.spec, version });
    return { kind: "done", version };
  }
}

/** What clients of services ask: mostly reads, and writes to services that they have seen. */
export function chooseServiceInput(options: {
  readonly random: Random;
  readonly names: number;
  readonly lists: boolean;
  readonly known: () => readonly ShownService[];
}): ServiceInput {
  const { random, names, lists, known } = options;
  const unique = `${random.below(2 ** 31).toString(36)}${random.below(2 ** 31).toString(36)}`;
  const name = `s${String(random.below(names))}`;
  const services = known();
  const seen = services[random.below(services.length)];
  const dice = random.below(lists ? 12 : 10);
  if (dice >= 10) return { kind: "list" };
  if (seen === undefined || dice === 0) return { kind: "create", name, id: `id-${unique}`, spec: `spec-${unique}` };
  const { id, version } = seen;
  const stale = random.below(10) === 0 ? Math.max(0, version - 1 - random.below(5)) : version;
  if (dice === 1) return { kind: "remove", name: seen.name, id };
  if (dice <= 4) return { kind: "update", name: seen.name, id, version: stale, spec: `spec-${unique}` };
  if (dice === 5) return { kind: "rollback", name: seen.name, id, version: stale };
  return dice === 6 ? { kind: "read", name } : { kind: "read", name: seen.name, id };
}
