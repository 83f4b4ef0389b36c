/** One field that differs, or one entry of a list: left out on the side that has none. */
export interface FieldChange {
  /** `TaskTemplate.ContainerSpec.Image`; of an entry of a list `TaskTemplate.ContainerSpec.Env[]`. */
  field: string;
  before?: unknown;
  after?: unknown;
}

/** Lists that mean something as a whole only. Of the others entries come and go. */
const WHOLE = ["Args", "Command", "Preferences", "Test"];

/**
 * What differs between two objects as JSON has them, field by field in their order; a side that is left out has none.
 * An object without fields is a value of its own, as `Mode.Global` is.
 */
export function differences(before: unknown, after: unknown): FieldChange[] {
  return [...differing("", before, after)];
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** Beside an object with fields, one without any says no more than none. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);

function* differing(path: string, before: unknown, after: unknown): Generator<FieldChange, void, undefined> {
  if (isFields(before) || isFields(after)) {
    const left = isFields(before) ? before : {};
    const right = isFields(after) ? after : {};
    if (!isFields(before) && !isNothing(before)) yield change(path, before, undefined);
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)]))
      yield* differing(join(path, key), left[key], right[key]);
    if (!isFields(after) && !isNothing(after)) yield change(path, undefined, after);
  } else if (isList(before, after) && !WHOLE.some((name) => path.endsWith(`.${name}`))) {
    yield* differingEntries(path, asList(before), asList(after));
  } else if (!isSame(before, after)) yield change(path, before, after);
}

/** Either side has entries, and neither is anything but a list. */
const isList = (before: unknown, after: unknown): boolean =>
  [before, after].every((side) => side === undefined || Array.isArray(side)) &&
  asList(before).length + asList(after).length > 0;

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function* differingEntries(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
): Generator<FieldChange, void, undefined> {
  const added = [...after];
  const removed = before.filter((entry) => {
    const at = added.findIndex((other) => isSame(entry, other));
    if (at >= 0) added.splice(at, 1);
    return at < 0;
  });
  for (const entry of removed) yield change(`${path}[]`, entry, undefined);
  for (const entry of added) yield change(`${path}[]`, undefined, entry);
  if (removed.length + added.length === 0 && !isSame(before, after)) yield change(path, before, after);
}

function change(field: string, before: unknown, after: unknown): FieldChange {
  return { field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

/** A key that isn't a plain word is written so that it can't be taken for several. */
function join(path: string, key: string): string {
  if (!/^\w+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (isFields(a) && isFields(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && isSame(a[key], b[key]));
  }
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
