import { ClusterError } from "@murmur/base";
import type { Mount } from "@murmur/api";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMount } from "./mount.ts";

const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\0\n]/.test(text));
const key = word.filter((text) => !text.includes("="));
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const map = fc.dictionary(key, word, { minKeys: 1, maxKeys: 3, noNullPrototype: true });

/** A mount, and the fields that ask for it. */
const mounts: fc.Arbitrary<readonly [Mount, readonly string[]]> = fc
  .record({
    kind: fc.constantFrom("volume" as const, "bind" as const, "tmpfs" as const, "image" as const),
    source: word,
    target: word,
    readOnly: fc.boolean(),
    propagation: maybe(fc.constantFrom("rslave" as const, "private" as const)),
    flag: fc.boolean(),
    labels: maybe(map),
    options: maybe(map),
    driver: maybe(word),
    subpath: maybe(word),
    mode: maybe(fc.nat(0o1777)),
  })
  .map(({ kind, source, target, readOnly, ...more }) => {
    const mount: Mount = { Type: kind, Target: target };
    const fields = [`type=${kind}`, `target=${target}`];
    if (kind !== "tmpfs") fields.push(`source=${(mount.Source = source)}`);
    if (readOnly) fields.push("readonly");
    if (readOnly) mount.ReadOnly = true;
    if (kind === "bind" && more.propagation !== undefined) {
      mount.BindOptions = { Propagation: more.propagation };
      fields.push(`bind-propagation=${more.propagation}`);
    }
    if (kind === "bind" && more.flag) {
      Object.assign((mount.BindOptions ??= {}), { NonRecursive: true, CreateMountpoint: true });
      fields.push("bind-nonrecursive", "bind-create-src=1");
    }
    if (kind === "tmpfs" && more.mode !== undefined) {
      mount.TmpfsOptions = { Mode: more.mode };
      fields.push(`tmpfs-mode=${more.mode.toString(8)}`);
    }
    if (kind !== "volume") return [mount, fields] as const;
    const volume: NonNullable<Mount["VolumeOptions"]> = {};
    if (more.labels !== undefined) volume.Labels = more.labels;
    if (more.subpath !== undefined) volume.Subpath = more.subpath;
    if (more.driver !== undefined) volume.DriverConfig = { Name: more.driver };
    if (more.options !== undefined) volume.DriverConfig = { ...volume.DriverConfig, Options: more.options };
    for (const [name, value] of Object.entries(more.labels ?? {})) fields.push(`volume-label=${name}=${value}`);
    for (const [name, value] of Object.entries(more.options ?? {})) fields.push(`volume-opt=${name}=${value}`);
    if (more.subpath !== undefined) fields.push(`volume-subpath=${more.subpath}`);
    if (more.driver !== undefined) fields.push(`volume-driver=${more.driver}`);
    if (Object.keys(volume).length > 0) mount.VolumeOptions = volume;
    return [mount, fields] as const;
  });

describe("--mount", () => {
  it("says what was meant, in whatever order, quoted where it has to be", () => {
    fc.assert(
      fc.property(mounts, fc.boolean(), ([mount, fields], isReversed) => {
        const ordered = isReversed ? fields.toReversed() : fields;
        expect(parseMount(ordered.map(field).join(","))).toEqual(mount);
      }),
    );
  });

  it("loses no label for its name", () => {
    const { VolumeOptions } = parseMount("type=volume,source=a,target=/b,volume-label=__proto__=c");
    expect(Object.entries(VolumeOptions?.Labels ?? {})).toEqual([["__proto__", "c"]]);
  });

  it("is a mount or one clear line, whatever is written", () => {
    const part = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom(
        "type=",
        "bind",
        "volume-",
        "=",
        ",",
        '"',
        "target=/x",
        "tmpfs-size=",
        "readonly",
        "bind-recursive=",
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        try {
          expect(parseMount(parts.join("")).Target).not.toBe("");
        } catch (error) {
          if (!(error instanceof ClusterError)) throw error;
          expect(error.code).toBe("invalid_argument");
        }
      }),
    );
  });

  it.each<readonly [string, Mount["BindOptions"]]>([
    ["bind-recursive=enabled", {}],
    ["bind-recursive=disabled", { NonRecursive: true }],
    ["bind-recursive=writable,ro", { ReadOnlyNonRecursive: true }],
    ["bind-recursive=readonly,ro,bind-propagation=rprivate", { ReadOnlyForceRecursive: true, Propagation: "rprivate" }],
  ])("knows %s", (text, options) => {
    expect(parseMount(`type=bind,src=/a,dst=/b,${text}`).BindOptions).toEqual(options);
  });

  it.each([
    ["type=npipe,src=a,dst=/b", "named pipes are Windows's; mount a socket with type=bind"],
    ["type=cluster,src=a,dst=/b", "there are no cluster (CSI) volumes; use type=volume with volume-driver=PLUGIN"],
    ["type=image,dst=/b", "source= is missing"],
    ["type=bind,src=/a,dst=/b,volume-subpath=x", "volume-… fields are for type=volume"],
    ["type=bind,src=/a,dst=/b,bind-recursive=writable", "bind-recursive=writable requires readonly"],
    ["type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "requires bind-propagation=rprivate"],
    ["dst=/b,consistency=often", "give one of default, consistent, cached, delegated"],
    ["dst=/b,tmpfs-size", "give tmpfs-size=VALUE"],
  ])("refuses %s", (text, why) => {
    expect(() => parseMount(text)).toThrow(why);
  });
});
