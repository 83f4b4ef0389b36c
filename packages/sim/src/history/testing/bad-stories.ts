import type { OpenOperation } from "../history.ts";
import type { ServiceInput, ServiceOutput, ShownService } from "../service-model.ts";

/** What a story is told with. Its clients and its service (`victim`) are its own; versions and lists are the world's. */
interface Teller {
  call(client: string, input: ServiceInput): OpenOperation<ServiceOutput>;
  nextVersion(): number;
  /** What a list shows beside the victim. */
  others(): readonly ShownService[];
}

/** Between two steps the world may go on. */
export type Story = (teller: Teller) => Generator<void, void, undefined>;

const NAME = "victim";
const ID = "id-victim";

const shown = (spec: string, version: number): ShownService => ({ name: NAME, id: ID, spec, version });
const create = (id = ID, spec = "first"): ServiceInput => ({ kind: "create", name: NAME, id, spec });
const update = (version: number, spec: string): ServiceInput => ({ kind: "update", name: NAME, id: ID, version, spec });
const READ: ServiceInput = { kind: "read", name: NAME };
const NOT_FOUND: ServiceOutput = { kind: "refused", code: "not_found" };
const OUT_OF_DATE: ServiceOutput = { kind: "refused", code: "out_of_date" };

function* write(teller: Teller, client: string, input: ServiceInput): Generator<void, number, undefined> {
  const open = teller.call(client, input);
  yield;
  const version = teller.nextVersion();
  yield;
  open.returned({ kind: "done", version });
  yield;
  return version;
}

function* told(teller: Teller, client: string, input: ServiceInput, output: ServiceOutput) {
  const open = teller.call(client, input);
  yield;
  open.returned(output);
  yield;
}

function* reads(teller: Teller, client: string, spec: string, version: number) {
  yield* told(teller, client, READ, { kind: "service", service: shown(spec, version) });
}

/** What a good system does: the stories below are bad by what they tell, not by how they are told. */
export const GOOD_STORY: Story = function* (teller) {
  const first = yield* write(teller, "x", create());
  const second = yield* write(teller, "x", update(first, "second"));
  yield* told(teller, "y", update(first, "other"), OUT_OF_DATE);
  yield* told(teller, "y", create("id-other"), { kind: "refused", code: "name_conflict", holder: ID });
  yield* reads(teller, "y", "second", second);
  const open = teller.call("y", { kind: "list" });
  yield;
  open.returned({ kind: "services", services: [...teller.others(), shown("second", second)] });
  const third = yield* write(teller, "y", { kind: "rollback", name: NAME, id: ID, version: second });
  yield* reads(teller, "x", "first", third);
  yield* write(teller, "x", { kind: "remove", name: NAME, id: ID });
  yield* told(teller, "y", READ, NOT_FOUND);
};

/** What a system that breaks its promises does. Each is a violation, by itself and in any company. */
export const BAD_STORIES: Readonly<Record<string, Story>> = {
  *"a read is stale"(teller) {
    const first = yield* write(teller, "x", create());
    yield* write(teller, "x", update(first, "second"));
    yield* reads(teller, "y", "first", first);
  },
  *"an acknowledged update is lost"(teller) {
    const first = yield* write(teller, "x", create());
    yield* write(teller, "x", update(first, "second"));
    yield* reads(teller, "x", "first", first);
  },
  *"an update is lost under another one"(teller) {
    const first = yield* write(teller, "x", create());
    const one = teller.call("x", update(first, "one"));
    const other = teller.call("y", update(first, "other"));
    yield;
    one.returned({ kind: "done", version: teller.nextVersion() });
    yield;
    other.returned({ kind: "done", version: teller.nextVersion() });
    yield;
  },
  *"a retried create is executed twice, and the second answer is given"(teller) {
    const open = teller.call("x", create());
    yield;
    const version = teller.nextVersion();
    yield;
    open.returned({ kind: "refused", code: "name_conflict", holder: ID });
    yield;
    yield* reads(teller, "y", "first", version);
  },
  *"a retried create is refused because it was executed"(teller) {
    yield* told(teller, "x", create(), { kind: "refused", code: "already_exists" });
  },
  *"a retried update is executed twice, and the second answer is given"(teller) {
    const first = yield* write(teller, "x", create());
    const open = teller.call("x", update(first, "second"));
    yield;
    const version = teller.nextVersion();
    yield;
    open.returned(OUT_OF_DATE);
    yield;
    yield* reads(teller, "y", "second", version);
  },
  *"a retried update comes again after a later one"(teller) {
    const first = yield* write(teller, "x", create());
    const second = yield* write(teller, "x", update(first, "second"));
    const third = yield* write(teller, "y", update(second, "third"));
    yield* reads(teller, "y", "third", third);
    yield* reads(teller, "y", "second", teller.nextVersion());
  },
  *"a value that was not committed is read, and vanishes"(teller) {
    const first = yield* write(teller, "x", create());
    teller.call("x", update(first, "second"));
    yield;
    yield* reads(teller, "y", "second", teller.nextVersion());
    yield* reads(teller, "y", "first", first);
  },
  *"writes change places"(teller) {
    const first = yield* write(teller, "x", create());
    const second = yield* write(teller, "x", update(first, "second"));
    yield* write(teller, "x", update(second, "third"));
    yield* reads(teller, "y", "second", teller.nextVersion());
  },
  *"one client's reads go back"(teller) {
    const first = yield* write(teller, "x", create());
    const open = teller.call("x", update(first, "second"));
    yield;
    const second = teller.nextVersion();
    yield* reads(teller, "y", "second", second);
    yield* reads(teller, "y", "first", first);
    open.returned({ kind: "done", version: second });
  },
  *"an update of an old version is accepted"(teller) {
    const first = yield* write(teller, "x", create());
    yield* write(teller, "x", update(first, "second"));
    yield* write(teller, "y", update(first, "third"));
  },
  *"an update of the current version is refused, and nothing changed it"(teller) {
    const first = yield* write(teller, "x", create());
    yield* told(teller, "x", update(first, "second"), OUT_OF_DATE);
    yield* reads(teller, "y", "first", first);
  },
  *"a version goes down"(teller) {
    const early = teller.nextVersion();
    yield;
    const first = yield* write(teller, "x", create());
    yield* told(teller, "x", update(first, "second"), { kind: "done", version: early });
  },
  *"a removal gets an older version than what it removes"(teller) {
    const early = teller.nextVersion();
    yield;
    yield* write(teller, "x", create());
    yield* told(teller, "x", { kind: "remove", name: NAME, id: ID }, { kind: "done", version: early });
  },
  *"a service gets an older version than the one that had its name"(teller) {
    const early = teller.nextVersion();
    yield;
    yield* write(teller, "x", create());
    yield* write(teller, "x", { kind: "remove", name: NAME, id: ID });
    yield* told(teller, "y", create("id-other"), { kind: "done", version: early });
  },
  *"two creates of one name are accepted"(teller) {
    yield* write(teller, "x", create("id-one", "one"));
    yield* write(teller, "y", create("id-other", "other"));
  },
  *"a list lacks what was acknowledged"(teller) {
    yield* write(teller, "x", create());
    const open = teller.call("y", { kind: "list" });
    yield;
    open.returned({ kind: "services", services: teller.others() });
    yield;
  },
  *"a list shows a name twice"(teller) {
    const first = yield* write(teller, "x", create());
    const open = teller.call("y", { kind: "list" });
    yield;
    const twice = [shown("first", first), { ...shown("first", first), id: "id-other" }];
    open.returned({ kind: "services", services: [...teller.others(), ...twice] });
    yield;
  },
  *"a removed service comes back"(teller) {
    const first = yield* write(teller, "x", create());
    yield* write(teller, "x", { kind: "remove", name: NAME, id: ID });
    yield* told(teller, "y", READ, NOT_FOUND);
    yield* reads(teller, "y", "first", first);
  },
  *"a name stays taken after its service was removed"(teller) {
    yield* write(teller, "x", create());
    yield* write(teller, "x", { kind: "remove", name: NAME, id: ID });
    yield* told(teller, "y", create("id-other"), { kind: "refused", code: "name_conflict", holder: ID });
  },
  *"what was answered with no_leader took effect"(teller) {
    const open = teller.call("x", create());
    yield;
    open.notExecuted("no_leader");
    yield;
    yield* reads(teller, "y", "first", teller.nextVersion());
  },
  *"a roll-back gives another spec than the one before"(teller) {
    const first = yield* write(teller, "x", create());
    const second = yield* write(teller, "x", update(first, "second"));
    const third = yield* write(teller, "x", update(second, "third"));
    const last = yield* write(teller, "x", { kind: "rollback", name: NAME, id: ID, version: third });
    yield* reads(teller, "y", "first", last);
  },
  *"an update finds nothing where there is a service"(teller) {
    const first = yield* write(teller, "x", create());
    yield* told(teller, "y", update(first, "second"), NOT_FOUND);
  },
  *"a removal finds nothing where there is a service"(teller) {
    yield* write(teller, "x", create());
    yield* told(teller, "y", { kind: "remove", name: NAME, id: ID }, NOT_FOUND);
  },
  *"an update of what was removed is out of date"(teller) {
    const first = yield* write(teller, "x", create());
    yield* write(teller, "x", { kind: "remove", name: NAME, id: ID });
    yield* told(teller, "y", update(first, "second"), OUT_OF_DATE);
  },
  *"a name is said to be held by a service that never had it"(teller) {
    yield* write(teller, "x", create());
    yield* told(teller, "y", create("id-other"), { kind: "refused", code: "name_conflict", holder: "id-third" });
  },
  *"a roll-back finds no spec before, and there is one"(teller) {
    const first = yield* write(teller, "x", create());
    const version = yield* write(teller, "x", update(first, "second"));
    const back: ServiceInput = { kind: "rollback", name: NAME, id: ID, version };
    yield* told(teller, "y", back, { kind: "refused", code: "failed_precondition" });
  },
  *"a read by id shows another service"(teller) {
    const first = yield* write(teller, "x", create());
    const service = { ...shown("first", first), id: "id-other" };
    yield* told(teller, "y", { kind: "read", name: NAME, id: ID }, { kind: "service", service });
  },
};
