import { Lookup } from "./lookup.ts";
import { Table } from "./table.ts";

interface Named {
  readonly spec: { readonly name: string };
}

/** Records by id and, each name being one record's at the most, by name. */
export class NamedTable<Id extends string, R extends Named> {
  readonly #records = new Table<Id, R>();
  readonly #names = new Lookup<Id>();

  list(): readonly R[] {
    return this.#records.list();
  }

  get(id: Id): R | undefined {
    return this.#records.get(id);
  }

  byName(name: string): R | undefined {
    const id = this.#names.get(name)[0];
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** Puts a record or, without one, deletes it. Returns what it was before. */
  replace(id: Id, current: R | undefined): R | undefined {
    const previous = current === undefined ? this.#records.delete(id) : this.#records.put(id, current);
    this.#names.move(id, previous ? [previous.spec.name] : [], current ? [current.spec.name] : []);
    return previous;
  }
}
