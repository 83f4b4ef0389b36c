import type { Index } from "@murmur/model";
import type { Operation } from "./history.ts";

/** What an operation's answer says about versions. */
export interface VersionEvidence {
  /** An acknowledged write and the index that it has in the log. */
  readonly wrote?: { readonly object: string; readonly version: Index };
  /** The object that the operation removed, or may have: it was not acknowledged. */
  readonly mayHaveRemoved?: string;
  /** What a create or an update makes of its object, whatever became of it. */
  readonly wants?: { readonly object: string; readonly spec: string };
  readonly shown: readonly { readonly object: string; readonly version: Index; readonly spec: string }[];
  /** Whether `shown` are all objects, at one moment. */
  readonly isWhole: boolean;
}

/** What says something about the versions in a history. */
export type EvidenceOf<Input, Output> = (operation: Operation<Input, Output>) => VersionEvidence;

/** One broken promise, in a line. */
export interface VersionProblem {
  readonly operation: number;
  readonly message: string;
}

/**
 * Versions are indices of one log. That promises more than linearizability, and is checked in full, however long and
 * busy the history: no two acknowledged writes have the same one; an object has one spec at one version; a write gets a
 * higher one than all that anybody was told before it was called, and nobody is shown an older one of an object than
 * was told before; and a list that shows something of index i shows every acknowledged write up to i, or a later one of
 * its object. (A list that is put together from two moments may be linearizable when the writes in between overlap;
 * this finds it.) Gives the first 16 problems.
 */
export function checkVersionOrder<Input, Output>(
  history: readonly Operation<Input, Output>[],
  evidenceOf: EvidenceOf<Input, Output>,
): readonly VersionProblem[] {
  const facts = history.map((operation) => ({ operation, ...evidenceOf(operation) }));
  return [...duplicates(facts), ...ambiguous(facts), ...steppedBack(facts), ...torn(facts)].slice(0, 16);
}

/**
 * Where versions say that an operation is: a write at its own, or at the lowest at which anybody saw what it wrote; a
 * read at the highest that it shows. For specs that are each written once these are good guesses.
 */
export function ranksByVersion<Input, Output>(
  history: readonly Operation<Input, Output>[],
  evidenceOf: EvidenceOf<Input, Output>,
): (operation: Operation<Input, Output>) => number | undefined {
  const firstSeen = new Map<string, Index>();
  const keyOf = (object: string, spec: string): string => JSON.stringify([object, spec]);
  for (const operation of history) {
    for (const { object, spec, version } of evidenceOf(operation).shown) {
      const key = keyOf(object, spec);
      firstSeen.set(key, Math.min(version, firstSeen.get(key) ?? version));
    }
  }
  return (operation) => {
    const evidence = evidenceOf(operation);
    const version = highest(evidence);
    if (version > 0) return version;
    return evidence.wants && firstSeen.get(keyOf(evidence.wants.object, evidence.wants.spec));
  };
}

type Fact<Input, Output> = VersionEvidence & { readonly operation: Operation<Input, Output> };

function* duplicates<Input, Output>(facts: readonly Fact<Input, Output>[]): Generator<VersionProblem, void, undefined> {
  const writers = new Map<Index, number>();
  for (const { operation, wrote } of facts) {
    if (wrote === undefined) continue;
    const other = writers.get(wrote.version);
    if (other === undefined) writers.set(wrote.version, operation.number);
    else yield problem(operation, `version ${wrote.version} was given to operation #${String(other)} already`);
  }
}

/** Goes through calls and answers in their order, with the highest versions that anybody was told. */
function* steppedBack<Input, Output>(
  facts: readonly Fact<Input, Output>[],
): Generator<VersionProblem, void, undefined> {
  const answers = facts.filter(({ operation }) => operation.ending.kind === "returned").toSorted(byAnswer);
  const told = new Told();
  let next = 0;
  for (const { operation, wrote, shown } of facts) {
    for (let answer = answers[next]; answer !== undefined && answeredAt(answer) < operation.called.order;) {
      told.add(answer.operation.number, answer);
      answer = answers[(next += 1)];
    }
    if (wrote !== undefined && wrote.version <= told.any.version) {
      const known = `operation #${String(told.any.by)} had told of version ${told.any.version} before it was called`;
      yield problem(operation, `it was given version ${wrote.version}, but ${known}`);
    }
    for (const { object, version } of shown) {
      const known = told.of.get(object);
      if (known === undefined || known.version <= version) continue;
      const before = `operation #${String(known.by)} had told of version ${known.version} before it was called`;
      yield problem(operation, `it shows ${object} at version ${version}, but ${before}`);
    }
  }
}

/** The highest version that anybody was told, of anything and of each object, and by which operation. */
class Told {
  any = { version: 0, by: -1 };
  readonly of = new Map<string, { readonly version: Index; readonly by: number }>();

  add(by: number, { wrote, shown }: VersionEvidence): void {
    for (const { object, version } of wrote === undefined ? shown : [wrote, ...shown]) {
      if (version > this.any.version) this.any = { version, by };
      if (version > (this.of.get(object)?.version ?? -1)) this.of.set(object, { version, by });
    }
  }
}

/** What an object is at one version is what everybody sees of it there. */
function* ambiguous<Input, Output>(facts: readonly Fact<Input, Output>[]): Generator<VersionProblem, void, undefined> {
  const specs = new Map<string, { readonly spec: string; readonly by: number }>();
  for (const { operation, wrote, wants, shown } of facts) {
    const written = wrote !== undefined && wants !== undefined ? [{ ...wants, version: wrote.version }] : [];
    for (const { object, spec, version } of [...written, ...shown]) {
      const key = JSON.stringify([object, version]);
      const known = specs.get(key);
      if (known === undefined) specs.set(key, { spec, by: operation.number });
      else if (known.spec !== spec) {
        const other = `${known.spec} in operation #${String(known.by)}`;
        yield problem(operation, `${object} at version ${version} is ${spec}, and ${other}`);
      }
    }
  }
}

function* torn<Input, Output>(facts: readonly Fact<Input, Output>[]): Generator<VersionProblem, void, undefined> {
  const writes = new Map<string, Index[]>();
  for (const { wrote } of facts) {
    if (wrote !== undefined) writes.set(wrote.object, [...(writes.get(wrote.object) ?? []), wrote.version]);
  }
  for (const versions of writes.values()) versions.sort((left, right) => left - right);
  const removed = new Set(facts.map(({ mayHaveRemoved }) => mayHaveRemoved));
  const lasting = [...writes.keys()].filter((object) => !removed.has(object));
  for (const { operation, shown, isWhole } of facts) {
    if (!isWhole) continue;
    const upTo = shown.reduce((most, { version }) => Math.max(most, version), 0);
    const versionOf = new Map(shown.map(({ object, version }) => [object, version]));
    for (const object of new Set([...versionOf.keys(), ...lasting])) {
      const due = writes.get(object)?.findLast((version) => version <= upTo);
      const version = versionOf.get(object);
      if (due === undefined || (version !== undefined && version >= due)) continue;
      const what = version === undefined ? `does not show ${object}` : `shows ${object} at version ${version}`;
      yield problem(operation, `it shows version ${upTo}, but ${what}, which was written at version ${due}`);
    }
  }
}

const problem = ({ number, client }: Operation<unknown, unknown>, message: string): VersionProblem => ({
  operation: number,
  message: `#${String(number)} of ${client}: ${message}`,
});

const highest = ({ wrote, shown }: VersionEvidence): Index =>
  shown.reduce((most, { version }) => Math.max(most, version), wrote?.version ?? 0);

const answeredAt = <Input, Output>({ operation: { ending } }: Fact<Input, Output>): number =>
  ending.kind === "returned" ? ending.at.order : Infinity;

const byAnswer = <Input, Output>(left: Fact<Input, Output>, right: Fact<Input, Output>): number =>
  answeredAt(left) - answeredAt(right);
